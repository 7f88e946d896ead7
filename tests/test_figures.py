"""What the pages say of the chapter's figures follows from what was measured, and from what the studies' files say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import figures  # noqa: E402 - found by the line above

from hpsearch.study.loading import load_file  # noqa: E402

PAGE = (ROOT / "docs" / "chapter.md").read_text(encoding="utf-8")
ROWS = figures.glance(PAGE)


def test_what_was_written_from_the_figures_is_as_they_are() -> None:
    assert figures.worded(PAGE) == PAGE, "run python scripts/figures.py"
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert figures.shown(readme, PAGE) == readme, "run python scripts/figures.py"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.study}:{row.what}")
def test_a_figure_is_reached_only_where_ours_is_at_least_as_good(row: figures.Figure) -> None:
    ours = float(row.ours.partition(" ")[0])
    theirs = float(row.value)
    worse = ours - theirs if "error" in row.metric else theirs - ours
    assert ("reached" in row.published) == (worse <= 0 or row.study == "saturation")
    if row.miss:
        assert float(row.miss) == pytest.approx(worse, abs=0.006)


READS_IMAGES = {"hessian_free", "overfitting"}
"""Studies that take a part of MNIST themselves when they are asked for it; the tests need none."""


NOT_ON_THE_PAGE = {"bowls", "convolution", "ensemble", "histograms", "model_families"}
"""Studies of which chapter 3 says nothing, and histograms, which the page was written without."""

STUDIES = sorted(path for path in (ROOT / "studies").glob("*.py") if path.stem not in NOT_ON_THE_PAGE)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_page_has_each_studys_published_figures_and_its_note(path: Path) -> None:
    section = figures.section(PAGE, path.stem)
    assert section
    for study in load_file(path, None if path.stem in READS_IMAGES else "mnist").studies:
        comparison = study.comparison
        if comparison is None:
            continue
        assert comparison.note in section
        for figure in comparison.published:
            assert figure.within is None or f"{figure.value:g} ({figure.source})" in section
