from __future__ import annotations

import logging
from contextlib import nullcontext
from pathlib import Path

import pytest

from hpsearch.tracking import sqlite_store
from hpsearch.tracking.hushed import hushed


def test_a_logger_speaks_of_warnings_alone_and_is_as_it_was_afterwards(caplog: pytest.LogCaptureFixture) -> None:
    teller = logging.getLogger("someone")
    teller.setLevel(logging.INFO)
    with hushed("someone"):
        teller.info("a table was made")
        teller.warning("a table is missing")
    teller.info("again")
    assert [record.getMessage() for record in caplog.records] == ["a table is missing", "again"]
    teller.setLevel(logging.ERROR)
    with hushed("someone"):
        teller.warning("who wants errors alone gets no more")
    assert len(caplog.records) == 2


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # mlflow's own use of SQLAlchemy
def test_a_store_is_made_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sqlite_store.make(tmp_path / "one.db")
    assert "tables" not in capsys.readouterr().err
    monkeypatch.setattr(sqlite_store, "hushed", lambda name: nullcontext())
    sqlite_store.make(tmp_path / "two.db")
    assert "tables" in capsys.readouterr().err, "MLflow tells of it"
