"""A log goes on under the rules by which its table was read."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from hpsearch import MLPRegressor, SmoothClip, Table
from hpsearch.models.datasets import Dataset
from hpsearch.tables.door import load, load_as
from hpsearch.tables.reader import READER


def numeric(dataset: Dataset) -> list[object]:
    """The steps that numbers go through."""
    ((_, pipeline, _),) = dict(dataset.preprocessing)["numbers"].transformers
    return [step for _, step in pipeline.steps]


@pytest.fixture
def table() -> Table:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=["a", "b", "y"])
    return Table(frame, target="y")


def test_numbers_are_tamed_beyond_five_and_by_older_rules_beyond_three_and_standardised(table: Table) -> None:
    tamed, *others = numeric(load(table, MLPRegressor()))[2:]
    assert isinstance(tamed, SmoothClip)
    assert (tamed.bound, others) == (5.0, [])
    tamed, last = numeric(load(table, MLPRegressor(), reader=2))[2:]
    assert isinstance(tamed, SmoothClip)
    assert isinstance(last, StandardScaler)
    assert tamed.bound == 3.0


@pytest.mark.parametrize("reader", [2, READER])
def test_the_digest_tells_by_which_rules_a_table_was_read(table: Table, reader: int) -> None:
    begun = load(table, MLPRegressor(), reader=reader)
    assert begun.reader == reader
    again = load_as(table, MLPRegressor(), begun.digest)
    assert again.digest == begun.digest
    assert again.reader == reader
    assert len(numeric(again)) == len(numeric(begun))


def test_a_clip_that_was_saved_without_a_bound_clips_at_three() -> None:
    clip = SmoothClip()
    del clip.bound
    assert np.abs(clip.transform([[1e6]])).max() == pytest.approx(3)


def reviews() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    words = ["good", "bad", "fast", "slow", "red", "blue", "old", "new"]
    text = [" ".join(rng.choice(words, 6)) for _ in range(100)]
    return pd.DataFrame({"size": rng.normal(size=100), "review": text, "y": rng.normal(size=100)})


def test_prose_that_is_different_in_every_row_is_left_out_and_said_with_the_way_back() -> None:
    frame = reviews()
    frame["review"] += [f" {row}" for row in range(100)]
    (about, *_) = load(Table(frame, target="y"), MLPRegressor()).said
    assert "left out: 'review' (text that is different in every row; keep (--keep) brings it back" in about
    with_review = load(Table(frame, target="y", keep=["review"]), MLPRegressor())
    assert "'review': free text, of which the words are hashed; skrub's TableVectorizer" in with_review.said[2]


def test_names_that_are_different_in_every_row_are_left_out_without_advice() -> None:
    frame = reviews().assign(review=[f"customer {row}" for row in range(100)])
    (about, *_) = load(Table(frame, target="y"), MLPRegressor()).said
    assert "(text that is different in every row)" in about
