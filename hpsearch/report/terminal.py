"""Output to a terminal, a notebook or a file: its width, its colours, and tables that fit.

A rich console is made nowhere else, and rich is imported only when something is rendered.
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

UNLIMITED_WIDTH = 1000
"""Columns of a pipe or a file: a program or a pager that reads it wants whole lines."""

FOLD_WIDTH = 24
"""Least width of a column that may be folded: where it would be narrower, other columns are left out first."""


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, whether it is aligned to the right, and whether long cells are folded."""

    name: str
    right: bool = False
    fold: bool = False


@dataclass(frozen=True)
class Grid:
    """A table as plain values: its columns, and rows with a text per column."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]


Block = str | Sequence[Grid]
"""What is rendered: a line of text, or a table as a list of versions, from the widest to the narrowest."""

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

    known_width = sys.stdout.isatty() or in_notebook() or "COLUMNS" in os.environ
    width = None if known_width else UNLIMITED_WIDTH
    return Console(width=width, force_jupyter=in_notebook(), markup=False, highlight=False, emoji=False)


def ascii_only(console: Console) -> bool:
    """Return whether the console's encoding lacks block characters."""
    return console.options.ascii_only


def render(blocks: Iterable[Block], console: Console) -> str:
    """Return lines of text and tables as one text, each table in its first version that fits."""
    from rich.text import Text

    with console.capture() as capture:
        for block in blocks:
            if isinstance(block, str):
                # The terminal breaks long lines, so that a command in them can be copied whole.
                console.print(Text(block), soft_wrap=True)
            else:
                console.print(_fitting(block, console))
    return "".join(line.rstrip() + "\n" for line in capture.get().splitlines())


def _fitting(grids: Sequence[Grid], console: Console) -> Table:
    # Measured without a limit: under the console's own, rich squeezes what it measures.
    unlimited = console.options.update(max_width=UNLIMITED_WIDTH)
    for grid in grids:
        if console.measure(_table(grid, FOLD_WIDTH), options=unlimited).maximum <= console.width:
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
