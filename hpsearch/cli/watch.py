"""``hpsearch watch``: a live page of the studies of a root."""

from __future__ import annotations

from pathlib import Path

import click

from hpsearch.cli import options


@click.command(
    short_help="Watch studies in the browser, live.",
    epilog="""\b
Examples:
  hpsearch watch eta_lambda              while it runs, or afterwards
  hpsearch watch --port 8100             all studies of the root, the running one first""",
)
@click.argument("study", required=False)
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    metavar="N",
    default=8008,
    show_default=True,
    help="Where it listens; the next free port where this one is taken.",
)
@options.root
def watch(study: str | None, port: int, root: Path) -> None:
    """Watch studies in the browser: curves as they come, and linked panels of what was searched.

    The page reads the logs and changes nothing; it listens on this machine alone and fetches nothing from elsewhere.
    """
    from hpsearch.report import watching

    watching.serve(root, study, port, click.echo)
