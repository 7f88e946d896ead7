"""Where text goes: how wide it may be, whether it has colours, and tables that fit.

The sole place that makes a rich console; rich is imported here alone and only when something is rendered.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

UNLIMITED = 1000
"""Columns of a pipe or a file: whatever reads it, a program or a pager, does not want lines broken for it."""


FOLD = 24
"""Columns below which a cell that may go over several lines is not squeezed while others could be left out."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, which way it is aligned, and whether a long cell may go over several lines."""

    name: str
    right: bool = False
    fold: bool = False


@dataclass(frozen=True)
class Grid:
    """A table as plain values: its columns, and a text per column in each row."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


Part = str | Sequence[Grid]
"""What is rendered: a line of text, or one table from its richest version to its narrowest."""

_STYLES = {"COMPLETE": "green", "PRUNED": "yellow", "FAILED": "red", "RUNNING": "cyan", "PAUSED": "blue"}


def is_live() -> bool:
    """Return whether standard output is a terminal on which lines can be drawn over."""
    return sys.stdout.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown")


def in_notebook() -> bool:
    """Return whether output goes to the cell of a notebook."""
    return "ipykernel" in sys.modules and not sys.stdout.isatty()


def console() -> Console:
    """Return a console on standard output; NO_COLOR, FORCE_COLOR and COLUMNS are respected."""
    from rich.console import Console

    known = sys.stdout.isatty() or in_notebook() or "COLUMNS" in os.environ
    wide = None if known else UNLIMITED
    return Console(width=wide, force_jupyter=in_notebook(), markup=False, highlight=False, emoji=False)


def ascii_only(console: Console) -> bool:
    """Return whether the console's encoding lacks block characters."""
    return console.options.ascii_only


def render(parts: Iterable[Part], console: Console) -> str:
    """Return text lines and tables as they are to be written, each table in its richest version that fits."""
    from rich.text import Text

    with console.capture() as capture:
        for part in parts:
            if isinstance(part, str):
                # Lines of text are the terminal's to break: a command in them can be copied whole.
                console.print(Text(part), soft_wrap=True)
            else:
                console.print(_fitting(part, console))
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def _fitting(grids: Sequence[Grid], console: Console) -> Table:
    # Measured without a limit: under the console's own, rich squeezes what it measures.
    unlimited = console.options.update(max_width=UNLIMITED)
    for grid in grids:
        if console.measure(_table(grid, FOLD), options=unlimited).maximum <= console.width:
            return _table(grid)
    return _table(grids[-1])


def _table(grid: Grid, fold: int | None = None) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in grid.columns:
        options: dict[str, Any] = {"no_wrap": True, "overflow": "ellipsis"}
        if column.fold:
            options = {"overflow": "fold", "max_width": fold}
        table.add_column(column.name, justify="right" if column.right else "left", **options)
    for row in grid.rows:
        table.add_row(*(_cell(text) for text in row))
    return table


def _cell(text: str) -> Text:
    from rich.text import Text

    return Text(text, style=_STYLES.get(text, ""))
