"""Commands that change a study that is there: ``hpsearch enqueue``."""

from __future__ import annotations

from pathlib import Path

import click

from hpsearch.cli import options


@click.command(
    short_help="Have a study try a point next.",
    epilog="""\b
Examples:
  hpsearch enqueue eta_lambda learning_rate=0.5 l2=5
  hpsearch enqueue eta_lambda l2=0.1                   what is left out is the sampler's""",
)
@click.argument("study")
@click.argument("values", metavar="KEY=VALUE…", nargs=-1, required=True, callback=options.key_values)
@options.root
def enqueue(study: str, values: dict[str, object], root: Path) -> None:
    """Have a study try a point next, beside its own trials; it may be running meanwhile."""
    from hpsearch.engine import intake
    from hpsearch.log import catalogue

    folder = catalogue.find(root, study)
    logged = intake.enqueue(folder, values)
    point = ", ".join(f"{key}={value}" for key, value in values.items())
    when = "it is tried when the study is run again" if logged else "the run that goes on takes it up"
    click.echo(f"{folder.name}: enqueued {point}; {when}")
