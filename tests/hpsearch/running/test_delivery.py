from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.report.html import page
from hpsearch.running.delivery import exhibits


def test_without_plotly_a_report_is_refused_and_a_delivery_brings_the_pictures(
    searched: Callable[..., History],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    history = searched()
    monkeypatch.setitem(sys.modules, "plotly", None)  # as if it could not be imported
    with pytest.raises(UserError, match=r"^a report needs plotly: pip install 'hpsearch\[report\]'"):
        page(history)
    assert set(exhibits().draw(history, tmp_path)) == {"best.png", "map.png", "curves.png"}
    assert capsys.readouterr().err.startswith("no report.html: a report needs plotly")
    monkeypatch.undo()
    assert "report.html" in exhibits().draw(history, tmp_path)
