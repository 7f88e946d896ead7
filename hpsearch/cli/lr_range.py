"""The η test: ``hpsearch lr-range``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hpsearch.cli import options
from hpsearch.errors import UserError

SUFFIXES = (".svg", ".html")


@click.command(
    "lr-range",
    epilog="""\b
Examples:
  hpsearch lr-range studies/eta_lambda.py
  hpsearch lr-range studies/eta_lambda.py --data mnist --epochs 1 -o eta.html
  hpsearch lr-range studies/eta_lambda.py --set model.activation=relu --json | jq .suggestion""",
)
@click.argument("study_file", metavar="STUDY.py", type=click.Path(path_type=Path))
@click.option("--data", metavar="NAME|PATH", help="Other data than the study's.")
@click.option("--epochs", type=click.IntRange(1), default=3, show_default=True, metavar="N", help="Epochs per rate.")
@options.settings("Another setting of the model")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plot, as .svg or .html.",
)
@options.as_json
@click.pass_context
def lr_range(
    ctx: click.Context,
    study_file: Path,
    data: str | None,
    epochs: int,
    settings: dict[str, Any],
    output: Path | None,
    as_json: bool,
) -> None:
    """Find the largest learning rate at which the cost falls at once.

    Trains the study's model for a few epochs at 13 learning rates over four orders of magnitude, without
    regularisation. Nothing is recorded.
    """
    if output is not None and output.suffix not in SUFFIXES:
        raise click.UsageError(f"-o {output}: the plot is written as {' or '.join(SUFFIXES)}", ctx)
    from hpsearch.study.loading import load_study
    from hpsearch.study.variants import override

    study = load_study(study_file)
    if data is not None or settings:
        study = override(study, data=data, set=settings)
    if study.model is None:
        raise UserError(f"study {study.name!r}: the η test needs a model, not an objective")

    from hpsearch.models import datasets
    from hpsearch.report import lr_plot, terminal
    from hpsearch.running import lr_range as test

    try:
        dataset = datasets.load(study.data)
    except ValueError as error:
        raise UserError(str(error)) from error
    found = test.lr_range(study, dataset, epochs)
    if output is not None:
        plot = lr_plot.svg(found, study.name) if output.suffix == ".svg" else lr_plot.html(found, study.name)
        try:
            output.write_text(plot, encoding="utf-8")
        except OSError as error:
            raise UserError(f"{output}: cannot be written ({error.strerror})") from error
    if as_json:
        options.print_json({"study": study.name, **test.to_json(found)})
        return
    console = terminal.console()
    plain = terminal.ascii_only(console)
    click.echo(terminal.render(lr_plot.parts(found, study.name, ascii_only=plain), console), nl=False, color=True)
    if output is not None:
        click.echo(f"the plot is in {output}")
