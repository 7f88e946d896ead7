"""Parts of the docs that a script writes, between two marks: what the scripts beside this one share."""

from __future__ import annotations

import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"


def keep(script: str, page: str, begin: str, end: str, text: str) -> int:
    """Write a text between two marks of a page, or with ``--check`` only say whether it stands there.

    Args:
        script: The script's name, for the message.
        page: The page's name.
        begin: The line before the text.
        end: The line behind it.
        text: The text, without a line end of its own.

    Returns:
        The exit code: 1 where the page is stale and was to be checked.
    """
    path = DOCS / page
    old = path.read_text(encoding="utf-8")
    before, begin_mark, from_text_on = old.partition(begin)
    _, end_mark, after = from_text_on.partition(end)
    if not (begin_mark and end_mark):
        raise SystemExit(f"{page}: the marks {begin!r} and {end!r} are missing")
    fresh = f"{before}{begin}\n{text}\n{end}{after}"
    if old == fresh:
        return 0
    if "--check" in sys.argv[1:]:
        print(f"docs/{page} is stale: run python scripts/{script}")
        return 1
    path.write_text(fresh, encoding="utf-8")
    return 0
