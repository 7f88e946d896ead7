"""The view of a study in MLflow that our links name."""

from __future__ import annotations

import json
from pathlib import Path

import logs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpsearch.cli import main
from hpsearch.log.records import Header
from hpsearch.space import Float, to_json
from hpsearch.tracking import view


def header(**settings: object) -> Header:
    record = logs.header(**settings)
    assert isinstance(record, Header)
    return record


def test_a_view_unfolds_the_study_and_has_the_best_first() -> None:
    text = json.loads(view.view_json(header(), "abc"))
    assert text["runsExpanded"] == {"abc": True}
    assert (text["orderByKey"], text["orderByAsc"]) == ("metrics.`best_value`", False)
    assert "metrics.`val_accuracy`" in text["selectedColumns"]
    assert text["selectedColumns"][-3:] == ["tags.`state`", "tags.`hpsearch.reason`", "tags.`hpsearch.diagnosis`"]
    assert json.loads(view.view_json(header(direction="minimize"), "abc"))["orderByAsc"]


@given(st.lists(st.text(min_size=1, max_size=300), max_size=40, unique=True))
def test_a_view_is_never_longer_than_mlflow_takes(names: list[str]) -> None:
    space = to_json({name: Float(0.0, 1.0) for name in names})
    text = view.view_json(header(space=space), "a" * 32)
    assert len(text) <= view.MOST_CHARACTERS
    assert json.loads(text)["selectedColumns"][-3] == "tags.`state`"


def test_a_study_that_is_not_in_mlflow_is_told_how_it_comes_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("hpsearch.tracking.ui.PATIENCE", -1.0)
    logs.write(tmp_path / "mlruns", logs.records("new"))
    assert main(["ui", "new"]) == 2
    assert "deliver it by `hpsearch sync new`" in capsys.readouterr().err
