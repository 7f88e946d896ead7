"""Write figures and words where they are shown from where they stand: ``python scripts/figures.py [--check]``.

docs/chapter.md holds what the studies gave, as ``hpsearch run studies/ --data mnist --write`` wrote it. From it comes
the table of README.md; and what the page says of each study, which is the docstring of its file, is brought up to date
where that was reworded since.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
CHAPTER = ROOT / "docs" / "chapter.md"
STUDIES = ROOT / "studies"
BEGIN = "<!-- figures: written by scripts/figures.py from docs/chapter.md -->"
END = "<!-- end of the figures -->"


@dataclass(frozen=True)
class Figure:
    """A row of the page's first table, all published figures at a glance.

    Attributes:
        study: Its name.
        what: The point, such as ``l2=0 l1=0``.
        metric: What was measured, with its unit.
        ours: Our figure, with its interval where there are several trainings.
        published: The published one, with its source and the verdict.
    """

    study: str
    what: str
    metric: str
    ours: str
    published: str

    @property
    def miss(self) -> str:
        """By how much ours is worse than published, or nothing where it is not."""
        match = re.search(r"missed by ([\d.]+)", self.published)
        return match[1] if match else ""

    @property
    def value(self) -> str:
        """The published figure by itself."""
        return self.published.partition(" ")[0]


ROWS: Sequence[tuple[str, str, Sequence[str], str]] = [
    ("quadratic cost, 30 / 100 hidden: test error", "cost_functions",
     ("hidden_layer_sizes=[30] cost=quadratic", "hidden_layer_sizes=[100] cost=quadratic"), "the chapter's slides"),
    ("cross-entropy", "cost_functions",
     ("hidden_layer_sizes=[30] cost=cross_entropy l2=0", "hidden_layer_sizes=[100] cost=cross_entropy l2=0"), ""),
    ("cross-entropy, λ = 5", "cost_functions",
     ("hidden_layer_sizes=[30] cost=cross_entropy l2=5", "hidden_layer_sizes=[100] cost=cross_entropy l2=5"), ""),
    ("100 hidden, λ = 5, η = 0.1, 60 epochs: validation accuracy", "regularization_best",
     ("hidden_layer_sizes=[100]",), "Nielsen"),
    ("1,000 images, 400 epochs, λ = 0 / 0.1: test accuracy at the last epoch", "overfitting", ("l2=0", "l2=0.1"),
     "Nielsen, at the best epoch"),
    ("800 hidden: plain / affine / elastic distortions: test accuracy", "augmentation",
     ("augmentation=-", "augmentation=affine", "augmentation=elastic"), "Simard 2003"),
    ("800 hidden, dropout and max-norm: test error", "dropout", ("dropout=0.5",),
     "Srivastava 2014, three layers of 1,024"),
]  # fmt: skip
"""Of each row of README's table: what it is about, the study, what tells its points, and the source."""


def glance(page: str) -> list[Figure]:
    """Return the rows of the page's first table."""
    table = page.partition("## At a glance")[2].partition("\n## ")[0]
    cells = [
        [cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines() if line[:3] == "| ["
    ]
    return [Figure(row[0][1:].partition("]")[0], *row[1:]) for row in cells]


def table(page: str) -> str:
    """Return README's table of what the networks reach, from the page's figures."""
    figures = glance(page)
    lines = ["| on MNIST | ours | published |", "|---|---|---|"]
    for label, study, points, source in ROWS:
        reached = []
        for point in points:
            matching = [
                figure for figure in figures if figure.study == study and {*point.split()} <= {*figure.what.split()}
            ]
            if len(matching) != 1:
                raise SystemExit(f"{CHAPTER.name}: {len(matching)} rows of {study} with {point!r}")
            reached += matching
        ours = " / ".join(figure.ours + (f" (missed by {figure.miss})" if figure.miss else "") for figure in reached)
        theirs = " / ".join(figure.value for figure in reached)
        lines.append(f"| {label} (%) | {ours} | {theirs}{f' ({source})' if source else ''} |")
    best = section(page, "best_mlp")
    accuracy = re.search(r"test_accuracy (0\.\d+)", best)
    spent = re.search(r"; (\d+):(\d+) min of training", best)
    if accuracy is None or spent is None:
        raise SystemExit(f"{CHAPTER.name}: best_mlp has no test accuracy or no time")
    minutes = round(int(spent[1]) + int(spent[2]) / 60)
    what = f"the best that a search over eight hyper-parameters finds, in {minutes} minutes: test accuracy"
    lines.append(f"| {what} (%) | {100 * float(accuracy[1]):.2f} | |")
    return "\n".join(lines)


def section(page: str, stem: str) -> str:
    """Return what a page says of a study file, its heading left out."""
    return page.partition(f"\n## {stem}\n")[2].partition("\n## ")[0]


def worded(page: str) -> str:
    """Return the page with the docstrings that the studies have now."""
    for path in sorted(STUDIES.glob("*.py")):
        old = section(page, path.stem)
        if not old:
            continue
        about = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").strip()
        results = re.search(r"^(?:### |\| |```)", old, re.MULTILINE)
        if results is None:
            raise SystemExit(f"{CHAPTER.name}: {path.stem} has no results")
        page = page.replace(f"\n## {path.stem}\n{old}", f"\n## {path.stem}\n\n{about}\n\n{old[results.start() :]}")
    return page


def shown(readme: str, page: str) -> str:
    """Return README with the table of figures as the page has them."""
    before, begin_mark, from_table_on = readme.partition(BEGIN)
    _, end_mark, after = from_table_on.partition(END)
    if not (begin_mark and end_mark):
        raise SystemExit(f"{README.name}: the marks {BEGIN!r} and {END!r} are missing")
    return f"{before}{BEGIN}\n{table(page)}\n{END}{after}"


def main() -> int:
    """Write both pages, or with ``--check`` only say which one is stale."""
    page = CHAPTER.read_text(encoding="utf-8")
    fresh = worded(page)
    readme = README.read_text(encoding="utf-8")
    pages = ((CHAPTER, page, fresh), (README, readme, shown(readme, fresh)))
    stale = [(path, text) for path, old, text in pages if old != text]
    for path, text in stale:
        if "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} is stale: run python scripts/figures.py")
        else:
            path.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv[1:] else 0


if __name__ == "__main__":
    sys.exit(main())
