"""What the door settles holds for the life of a study: old logs under their rules, the same bits wherever it trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tables

from hpsearch import Float, MLPClassifier, MLPRegressor, Study, Table
from hpsearch.log import catalogue
from hpsearch.models import datasets
from hpsearch.tables import door

RATES = {"learning_rate": Float(0.01, 1, log=True)}


def write(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(60, 3)), columns=list("abc")).assign(y=np.arange(60) % 2)
    frame.to_csv(folder / "t.csv", index=False)
    return folder / "t.csv"


def test_a_log_of_version_0_1_over_a_csv_is_resumed_under_its_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path)

    def run(n: int) -> Any:
        study = Study("t", MLPClassifier((4,), max_epochs=2), data=str(path), space=RATES, n_trials=n, sampler="random")
        return study.run(tmp_path, quiet=True, tracking=False)

    with monkeypatch.context() as patch:
        patch.setattr(door, "reader_of", lambda log: 1)
        first = run(2)
    header = first.history.header
    assert "reader" not in header.dataset
    assert header.dataset["digest"] == datasets.load(str(path)).digest
    assert door.reader_of(tmp_path / "studies" / "t" / catalogue.LOG) == 1
    more = run(4)
    assert len(more.trials) == 4
    pd.testing.assert_frame_equal(more.curves[more.curves["trial"] < 2], first.curves)


def test_a_new_log_says_how_its_table_was_read(tmp_path: Path) -> None:
    path = write(tmp_path)
    result = Study("t", MLPClassifier((4,), max_epochs=2), data=path).run(tmp_path, quiet=True, tracking=False)
    dataset = result.history.header.dataset
    assert dataset["reader"] == door.READER
    assert dataset["target"] == "y"
    assert "60 rows, comma-separated" in dataset["said"][0]


def test_a_replay_finds_the_rules_by_the_digest(tmp_path: Path) -> None:
    path, model = write(tmp_path), MLPClassifier()
    old, new = door.load(path, model, reader=1), door.load(path, model)
    assert door.load_as(path, model, old.digest).digest == old.digest
    assert door.load_as(path, model, new.digest).digest == new.digest


def test_the_same_table_has_the_same_digest_and_another_has_another(tmp_path: Path) -> None:
    tables.write_houses(tmp_path, 100)
    data = Table(tmp_path / "houses.csv", target="price")
    digest = door.load(data, MLPRegressor()).digest
    assert door.load(data, MLPRegressor()).digest == digest
    frame = pd.read_csv(tmp_path / "houses.csv")
    frame.loc[7, "garden"] = "maybe"
    frame.to_csv(tmp_path / "houses.csv", index=False)
    assert door.load(data, MLPRegressor()).digest != digest


@pytest.mark.slow
def test_a_table_trains_to_the_same_bits_on_two_workers(tmp_path: Path) -> None:
    tables.write_houses(tmp_path, 150)
    model = MLPRegressor((6,), max_epochs=4, batch_size=20)

    def curves(root: str, workers: int) -> pd.DataFrame:
        data = Table(tmp_path / "houses.csv", target="price")
        study = Study("t", model, data=data, space=RATES, metric="val_r2", n_trials=4, sampler="random", pruner="none")
        result = study.run(tmp_path / root, workers=workers, quiet=True, tracking=False)
        return result.curves.drop(columns="tick")

    pd.testing.assert_frame_equal(curves("one", 1), curves("two", 2), check_exact=True)
