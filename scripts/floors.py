"""Draw the floors of the house into docs/architecture.md, from the imports: ``python scripts/floors.py [--check]``.

Which floor a room is on stands once, in ``tests/test_architecture.py``, which holds every import to it. What a room is
for is the first line of its ``__init__.py``, and what it looks down at is what its modules import.
"""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from page import keep  # noqa: E402 - as below
from test_architecture import FLOORS, MODULES, floor_of, ours, room_of  # noqa: E402 - found by the line above

BEGIN = "<!-- floors: written by scripts/floors.py from the imports -->"
END = "<!-- end of the floors -->"


def below(room: str) -> list[str]:
    """Return the rooms that a room's modules import from, the highest first."""
    imported = {room_of(name) for module, path in MODULES.items() if room_of(module) == room for name in ours(path)}
    return sorted(imported - {room, ""}, key=lambda other: (-(floor_of(other) or 0), other))


def purpose(room: str) -> str:
    """Return what a room is for: the first line of its docstring, without its full stop."""
    text = ast.get_docstring(ast.parse(MODULES[room].read_text(encoding="utf-8"))) or ""
    return text.splitlines()[0].removesuffix(".").replace("|", r"\|") if text else ""


def picture() -> str:
    """Return the floors as a table, the highest first."""
    lines = ["| floor | room | what it is for | looks down at |", "|---|---|---|---|"]
    for number in range(len(FLOORS) - 1, -1, -1):
        for room in sorted(FLOORS[number]):
            lines.append(f"| {number} | `{room}` | {purpose(room)} | {', '.join(below(room)) or 'nothing of ours'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(keep("floors.py", "architecture.md", BEGIN, END, picture()))
