"""The tables of docs/search.md about pairs of sampler and pruner, as joint_report.py writes them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "benchmarks"))

import joint_report  # noqa: E402 - found by the line above


def row(searcher: str, table: str, seed: int, regrets: list[float], lanes: int = 1) -> dict[str, Any]:
    return {"searcher": searcher, "table": table, "seed": seed, "lanes": lanes, "regrets": regrets, "mean_ms": 2.0}


ROWS = [
    row("freeze_thaw", "one", 0, [0.3, 0.2, 0.1]), row("freeze_thaw", "one", 1, [0.5, 0.2, 0.1]),
    row("tpe + asha", "one", 0, [0.4, 0.4, 0.3]), row("tpe + asha", "one", 1, [0.6, 0.4, 0.3]),
    row("freeze_thaw", "one", 2, [9.0, 9.0, 9.0]),  # the other did not run with it: it cannot be paired
    row("freeze_thaw", "one", 0, [0.6, 0.2, 0.1], lanes=8),
]  # fmt: skip


def test_means_ranks_and_paired_differences_are_of_what_all_have_run() -> None:
    tables = joint_report.report(ROWS)
    assert tables.startswith("1 lane, 1 table, 2 seeds:")
    first, second, *_ = [line for line in tables.splitlines() if line.startswith(("| freeze_thaw", "| tpe + asha"))]
    assert first == "| freeze_thaw | 0.400 ± 0.100 (1.0) | 0.200 ± 0.000 (1.0) | 0.100 ± 0.000 (1.0) |  |  |  | 2.0 |"
    assert "(2.0) | +0.100 ± 0.000 | +0.200 ± 0.000 | +0.200 ± 0.000 |" in second


def test_lanes_are_compared_by_the_pairs_of_table_and_seed_that_both_have() -> None:
    assert (
        "freeze_thaw with 8 lanes against one, 1 pair of table and seed: 0.600 against 0.300 (2.00 ×) at 25 %, "
        "0.200 against 0.200 (1.00 ×) at 50 %" in joint_report.report(ROWS)
    )


def test_nothing_is_told_of_what_no_seed_has_run_whole() -> None:
    assert "no seed was run by all" in joint_report.report([ROWS[0], row("tpe + asha", "two", 0, [0.1, 0.1, 0.1])])


def test_the_page_takes_the_tables_between_its_marks_and_keeps_the_rest(tmp_path: Path) -> None:
    results = tmp_path / "results.jsonl"
    page = tmp_path / "search.md"
    results.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    text = (ROOT / "docs" / "search.md").read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    script = ROOT / "tests" / "benchmarks" / "joint_report.py"
    for _ in range(2):
        subprocess.run([sys.executable, str(script), str(results), "--page", str(page)], check=True)
    before, _, from_tables_on = page.read_text(encoding="utf-8").partition(joint_report.BEGIN)
    tables, _, behind = from_tables_on.partition(joint_report.END)
    assert tables.strip() == joint_report.report(ROWS)
    assert (before, behind) == (text.partition(joint_report.BEGIN)[0], text.partition(joint_report.END)[2])
    with pytest.raises(ValueError, match="lacks the marks"):
        joint_report.written("nothing", tables)
