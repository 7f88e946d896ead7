"""Tells what joint_quality.py has measured, as the tables that docs/search.md holds.

    python tests/benchmarks/joint_report.py RESULTS                            # prints them
    python tests/benchmarks/joint_report.py RESULTS --page docs/search.md      # writes them between the page's marks

Only what can be paired counts: seeds with which every pair of sampler and pruner ran on every table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import rankdata

MARKS = (25, 50, 100)
"""Shares of the budget, in percent, after which regret is told."""

FIRST = "freeze_thaw"
"""The line with which others are paired."""

BEGIN, END = "<!-- pairs: written by tests/benchmarks/joint_report.py -->", "<!-- end of the pairs -->"

Rows = list[dict[str, Any]]


def report(rows: Rows) -> str:
    """Return markdown tables of all searches, one for each number of lanes, and how 8 lanes compare with one."""
    lanes = sorted({row["lanes"] for row in rows})
    sections = [_table(rows, count) for count in lanes]
    sections += [_lanes(rows, count) for count in lanes if count > 1 and 1 in lanes]
    return "\n\n".join(section for section in sections if section)


def _cells(rows: Rows, lanes: int) -> tuple[dict[tuple[str, str, int], list[float]], list[str], list[str], list[int]]:
    """Return the regrets of searches with so many lanes, their names, the tables, and the seeds that all have run."""
    cells = {(r["searcher"], r["table"], r["seed"]): r["regrets"] for r in rows if r["lanes"] == lanes}
    names, tables, seeds = (list(dict.fromkeys(key[i] for key in cells)) for i in range(3))
    run_by_all = [
        seed for seed in sorted(seeds) if all((name, table, seed) in cells for name in names for table in tables)
    ]
    return cells, names, sorted(tables), run_by_all


def _table(rows: Rows, lanes: int) -> str:
    cells, names, tables, seeds = _cells(rows, lanes)
    if not seeds:
        return f"{_count(lanes, 'lane')}: no seed was run by all on every table yet."
    regrets = np.array([[[cells[name, table, seed] for seed in seeds] for table in tables] for name in names])
    ranks = rankdata(regrets, axis=0).mean(axis=(1, 2))
    compared = names.index(FIRST) if FIRST in names else None
    lines = [
        f"{_count(lanes, 'lane')}, {_count(len(tables), 'table')}, {_count(len(seeds), 'seed')}: "
        "regret, mean ± standard error (mean rank)"
        + (
            "." if compared is None else f";\nbehind them how much more than {FIRST}'s it is, paired by table and seed."
        ),
        "",
    ]
    heads = ["sampler + pruner", *(f"at {mark} %" for mark in MARKS)]
    heads += [f"more at {mark} %" for mark in MARKS] if compared is not None else []
    heads += ["ms a decision"]
    lines += [_line(heads), _line(["---"] * len(heads))]
    for s in np.argsort(regrets.mean(axis=(1, 2, 3)), kind="stable").tolist():
        triples = zip(*mean_and_error(regrets[s]), ranks[s], strict=True)
        columns = [names[s], *(f"{mean:.3f} ± {error:.3f} ({rank:.1f})" for mean, error, rank in triples)]
        if compared is not None:
            doubles = zip(*mean_and_error(regrets[s] - regrets[compared]), strict=True)
            columns += ["" if s == compared else f"{mean:+.3f} ± {error:.3f}" for mean, error in doubles]
        times = [row["mean_ms"] for row in rows if row["lanes"] == lanes and row["searcher"] == names[s]]
        lines.append(_line([*columns, f"{np.mean(times):.1f}"]))
    return "\n".join([*lines, "", f"Tables: {', '.join(tables)}."])


def _lanes(rows: Rows, lanes: int) -> str:
    """Return in a line by how much regret is larger with so many lanes than with one, paired by table and seed."""
    many, one = (_cells(rows, count)[0] for count in (lanes, 1))
    both = sorted(key for key in many.keys() & one.keys() if key[0] == FIRST)
    if not both:
        return ""
    means = [np.mean([cells[key] for key in both], axis=0) for cells in (many, one)]
    ratios = [
        f"{a:.3f} against {b:.3f} ({a / b:.2f} ×) at {mark} %" for a, b, mark in zip(*means, MARKS, strict=True) if b
    ]
    return (
        f"{FIRST} with {lanes} lanes against one, {_count(len(both), 'pair')} of table and seed: {', '.join(ratios)}."
    )


def mean_and_error(regrets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean of regrets of shape (tables, seeds, marks), and its standard error over seeds, tables fixed."""
    over_tables = regrets.mean(axis=0)
    n = len(over_tables)
    return over_tables.mean(axis=0), over_tables.std(axis=0, ddof=min(1, n - 1)) / np.sqrt(n)


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' * (number != 1)}"


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def read(path: Path) -> Rows:
    """Return what a file of results holds."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def written(page: str, tables: str) -> str:
    """Return a page with the tables between its marks.

    Raises:
        ValueError: The page has no marks.
    """
    before, begin, from_tables_on = page.partition(BEGIN)
    _, end, behind = from_tables_on.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{tables}\n{END}{behind}"


def main() -> None:
    """Print the tables, or write them into a page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", type=Path, help="what joint_quality.py wrote")
    parser.add_argument("--page", type=Path, help="a page to write them into, between its marks")
    options = parser.parse_args()
    tables = report(read(options.results))
    if options.page is None:
        print(tables)
    else:
        options.page.write_text(written(options.page.read_text(encoding="utf-8"), tables), encoding="utf-8")


if __name__ == "__main__":
    main()
