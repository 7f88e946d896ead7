"""Commands about MLflow's store: ``hpsearch ui`` and ``hpsearch sync``."""

from __future__ import annotations

from pathlib import Path

import click

from hpsearch.cli import options


@click.command(
    short_help="Open MLflow's UI on the right store.",
    epilog="""\b
Examples:
  hpsearch ui eta_lambda                 its runs unfolded, the best first, beside their charts
  hpsearch ui --port 5001                the first page""",
)
@click.argument("study", required=False)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    default=5000,
    show_default=True,
    help="Where it listens; the next free port where this one is taken.",
)
@options.root
@options.tracking_uri
def ui(study: str | None, port: int, root: Path, tracking_uri: str | None) -> None:
    """Open MLflow's UI on the right store, and print the address of STUDY there; it listens on this machine alone."""
    from hpsearch.log import catalogue
    from hpsearch.tracking import ui as tracking_ui

    folder = None if study is None else catalogue.find(root, study)
    tracking_ui.serve(root, tracking_uri, port, click.echo, folder)


@click.command(
    short_help="Deliver to MLflow what it has not got yet.",
    epilog="""\b
Examples:
  hpsearch sync
  hpsearch sync eta_lambda --tracking-uri http://127.0.0.1:5000""",
)
@click.argument("study", nargs=-1)
@options.root
@options.tracking_uri
def sync(study: tuple[str, ...], root: Path, tracking_uri: str | None) -> int:
    """Deliver to MLflow what it has not got yet: of the studies named, or of all.

    Exits with 1 where something could not be delivered; the same command tries again.
    """
    from hpsearch.log import catalogue
    from hpsearch.running.delivery import exhibits
    from hpsearch.tracking import sync as tracking_sync

    folders = [catalogue.find(root, name) for name in study or catalogue.studies(root)]
    missing = 0
    for folder in folders:
        (report,) = tracking_sync.sync([folder], tracking_uri, exhibits())
        if report.message:
            click.echo(f"error: {report.message}", err=True)
            missing += 1
        else:
            click.echo(f"{folder.name}: all of it is in MLflow at {report.uri}")
    return 1 if missing else 0
