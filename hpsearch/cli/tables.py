"""Options about tables, and a study for data that come without a study file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from hpsearch.errors import UserError

if TYPE_CHECKING:
    from hpsearch.study.study import Study

F = TypeVar("F", bound=Callable[..., Any])

OPTIONS = (
    "target", "drop", "keep", "groups", "weights", "time", "task", "sep", "na", "encoding", "drop_missing_target",
)  # fmt: skip
"""Names of the options, as :class:`hpsearch.study.table.Table` has them."""

_ESCAPES = {"\\t": "\t", "tab": "\t", "comma": ",", "semicolon": ";", "bar": "|", "blank": " "}


def columns(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Read columns that are given one by one or with commas between."""
    return tuple(name.strip() for value in values for name in value.split(",") if name.strip())


def table_options(command: F) -> F:
    """Add the options that say what the columns of a table are for and how its file is written."""
    several: dict[str, Any] = {"multiple": True, "callback": columns}
    for option in reversed(
        [
            click.option(
                "--target", metavar="COL", help="The column to predict; default target, label, class, y or last."
            ),
            click.option("--drop", metavar="COL,…", help="Columns to leave out.", **several),
            click.option(
                "--keep", metavar="COL,…", help="Columns to keep, though they look like row numbers.", **several
            ),
            click.option("--groups", metavar="COL", help="Rows alike in this column stay on one side of the split."),
            click.option("--weights", metavar="COL", help="How much each row counts."),
            click.option(
                "--time", metavar="COL", help="Train on the earliest rows by this column, test on the latest."
            ),
            click.option("--task", type=click.Choice(["classification", "regression"]), help="What the target is."),
            click.option("--sep", metavar="TEXT", help="What separates columns, such as ; or tab; found by default."),
            click.option("--na", metavar="TEXT,…", help="More texts that stand for a missing value.", **several),
            click.option("--encoding", metavar="NAME", help="The file's encoding; found by default."),
            click.option("--drop-missing-target", is_flag=True, help="Leave out rows without a target."),
        ]
    ):
        command = option(command)
    return command


def pop_table_options(overrides: dict[str, Any]) -> dict[str, Any]:
    """Remove the options about tables from all that were typed, and return those that have a value."""
    values = {name: overrides.pop(name) for name in OPTIONS}
    if values["sep"] is not None:
        values["sep"] = _ESCAPES.get(values["sep"], values["sep"])
    return {name: value for name, value in values.items() if value not in (None, (), False)}


def with_roles(study: Study, data: str | None, roles: Mapping[str, Any]) -> Any:
    """Return a study's data with the roles of columns that were typed in place of its own.

    Raises:
        UserError: Its data are no table.
    """
    from dataclasses import replace

    from hpsearch.study.table import Table

    source = study.data if data is None else data
    if isinstance(source, Table):
        return replace(source, **roles)
    if not isinstance(source, str | Path) and not hasattr(source, "columns"):
        option = next(iter(roles)).replace("_", "-")
        raise UserError(f"--{option}: the data of study {study.name!r} are no table")
    return Table(source, **roles)


def preset_study(data: str, roles: Mapping[str, Any], folder: Path, save: Path | None, *, silent: bool) -> Path:
    """Write a study file that searches the preset for tables on some data, and return where it is.

    Args:
        data: A name or a path.
        roles: The table options that were typed, by name.
        folder: Where the file is written if it is not to be kept.
        save: Where the user wants to keep it, or None.
        silent: Print nothing.

    Raises:
        UserError: The data cannot be read, or the file cannot be written.
    """
    from hpsearch.study.table import Table
    from hpsearch.tables import door, preset

    table = Table(data, **roles) if roles else None
    dataset = door.load(data if table is None else table)
    name = preset.name_of(dataset, roles.get("target"))
    content = preset.source(name, data, table, dataset)
    path = save if save is not None else folder / f"{name}.py"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{path.parent}: no folder, and none can be made ({error.strerror})") from error
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(content)
    except FileExistsError as error:
        raise UserError(f"--save-study {path}: exists already; run it by `hpsearch run {path}`") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    if not silent:
        where = f"saved as {path}" if save is not None else "--save-study FILE.py keeps it"
        click.echo(f"no study file: the preset for tables is searched; {where}")
        click.echo(content[content.index("    model=") : content.index("    # The first trial")], nl=False)
    return path
