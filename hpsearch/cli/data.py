"""Commands about data sets: ``hpsearch data ls`` and ``hpsearch data fetch``."""

from __future__ import annotations

import sys

import click

from hpsearch.cli import options
from hpsearch.cli.group import Group
from hpsearch.errors import UserError, did_you_mean

MEGA = 1_000_000


@click.group(cls=Group, invoke_without_command=True)
@click.pass_context
def data(ctx: click.Context) -> None:
    """List and fetch data sets."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@data.command("ls")
@options.as_json
def data_ls(as_json: bool) -> None:
    """List the named data sets, and where they are."""
    from hpsearch.models import datasets
    from hpsearch.report import terminal

    infos = [datasets.describe(name) for name in datasets.names()]
    if as_json:
        options.print_json([{**vars(info), "image_shape": list(info.image_shape)} for info in infos])
        return
    columns = [
        terminal.Column("name"),
        terminal.Column("train", right=True),
        terminal.Column("valid", right=True),
        terminal.Column("test", right=True),
        terminal.Column("features", right=True),
        terminal.Column("classes", right=True),
        terminal.Column("where", fold=True),
    ]
    rows = [
        [
            info.name,
            *(f"{count:,}" for count in (info.n_train, info.n_valid, info.n_test, info.n_features, info.n_classes)),
            info.found or f"not here: hpsearch data fetch {info.name}",
        ]
        for info in infos
    ]
    table = terminal.render([[terminal.Grid(columns, rows)]], terminal.console())
    click.echo(table, nl=False, color=True)


@data.command("fetch", epilog="\b\nExample:\n  hpsearch data fetch mnist")
@click.argument("name")
def data_fetch(name: str) -> None:
    """Download a named data set into the cache; checksums are checked."""
    from hpsearch.models import datasets

    if name not in datasets.names():
        raise UserError(f"unknown data set {name!r}{did_you_mean(name, datasets.names())}")
    try:
        folder = datasets.fetch(name, progress=_progress if sys.stderr.isatty() else None)
    except ValueError as error:
        raise UserError(str(error)) from error
    finally:
        if sys.stderr.isatty():
            click.echo("\r\x1b[K", err=True, nl=False)
    click.echo(f"{name} is in {folder}")


def _progress(file: str, received: int, total: int | None) -> None:
    of_total = "" if total is None else f" of {total / MEGA:.1f}"
    click.echo(f"\r\x1b[K{file}: {received / MEGA:.1f}{of_total} MB", err=True, nl=False)
