"""Commands that judge studies: ``report``, ``compare`` and ``replay``."""

from __future__ import annotations

from pathlib import Path

import click

from hpsearch.cli import options
from hpsearch.errors import UserError


@click.command(
    short_help="Write a study's report: one HTML page.",
    epilog="""\b
Examples:
  hpsearch report eta_lambda                     writes eta_lambda.html
  hpsearch report eta_lambda -o public/index.html""",
)
@click.argument("study")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Where to; by default STUDY.html in this folder.",
)
@options.root
def report(study: str, output: Path | None, root: Path) -> None:
    """Write a study's report: one HTML page that needs nothing else, for the browser and for paper."""
    from hpsearch.log import catalogue
    from hpsearch.report.html import write_report

    folder = catalogue.find(root, study)
    path = output or Path(f"{folder.name}.html")
    write_report(catalogue.load_version(folder), path, folder)
    click.echo(f"wrote {path}")


@click.command(
    short_help="Put studies side by side.",
    epilog="""\b
Examples:
  hpsearch compare sigmoid tanh
  hpsearch compare sigmoid tanh relu --json | jq .pairs""",
)
@click.argument("study", nargs=-1, required=True)
@options.root
@options.as_json
def compare(study: tuple[str, ...], root: Path, as_json: bool) -> None:
    """Put studies side by side: the best, the mean of the best, and a paired test where they share points.

    The mean is over the repeats of the best point, or over the best five trials where nothing was repeated. A pair is a
    point (and repeat) that both studies trained to the end: from six pairs on they are tested by Wilcoxon's signed
    ranks, from three on by a paired t test.
    """
    from hpsearch.log import catalogue
    from hpsearch.report import compare as comparing
    from hpsearch.report import terminal

    folders = [catalogue.find(root, name) for name in study]
    if len(set(folders)) < 2:
        raise UserError("compare takes two studies or more; `hpsearch ls` lists them")
    comparison = comparing.compare({folder.name: catalogue.load_version(folder) for folder in folders})
    if as_json:
        options.print_json(comparing.to_json(comparison))
        return
    console = terminal.console()
    blocks = comparing.blocks(comparison, ascii_only=terminal.ascii_only(console))
    click.echo(terminal.render(blocks, console), nl=False, color=True)


@click.command(
    short_help="Train a trial again from MLflow and compare every bit.",
    epilog="""\b
Examples:
  hpsearch replay 3f2a9c…
  hpsearch replay 3f2a9c… --tracking-uri http://127.0.0.1:5000

The run's study.py is run: replay only what you would run yourself. Files that it imports are found on PYTHONPATH.""",
)
@click.argument("run_id")
@options.root
@options.tracking_uri
def replay(run_id: str, root: Path, tracking_uri: str | None) -> int:
    """Train a trial again from what MLflow holds, and compare its curve bit by bit.

    RUN_ID is the id of a trial's run, as in MLflow's UI. Exits with 1 where the curve differs, and says how.
    """
    from hpsearch.running.replay import replay as again

    verdict = again(run_id, root, tracking_uri)
    for line in verdict.lines:
        click.echo(line)
    return 0 if verdict.identical else 1
