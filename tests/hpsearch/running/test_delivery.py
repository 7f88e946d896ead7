from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hpsearch.log.history import History
from hpsearch.running.delivery import exhibits


def test_a_delivery_brings_the_report_and_its_pictures(searched: Callable[..., History], tmp_path: Path) -> None:
    history = searched()
    sent = exhibits().draw(history, tmp_path)
    assert set(sent) == {"report.html", "best.png", "map.png", "curves.png"}
    assert b'id="frozen"' in sent["report.html"]
