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
  hpsearch watch --port 8100             all studies of the root, the running one first
  hpsearch watch eta_lambda -o now.html  the page as it is now, in one file to send or keep""",
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
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the page as it is now into one file, and serve nothing.",
)
@options.root
def watch(study: str | None, port: int, output: Path | None, root: Path) -> None:
    """Watch studies in the browser: curves as they come, and linked panels of what was searched.

    The page reads the logs and changes nothing; it listens on this machine alone and fetches nothing from elsewhere.
    """
    if output is not None:
        if study is None:
            raise click.UsageError("--output is for one study: name it", click.get_current_context())
        from hpsearch.log import catalogue
        from hpsearch.report.html import write_report

        folder = catalogue.find(root, study)
        write_report(catalogue.load_version(folder), output, folder)
        click.echo(f"wrote {output}")
        return
    from hpsearch.report import watching

    watching.serve(root, study, port, click.echo)
