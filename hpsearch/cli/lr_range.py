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
@click.option(
    "--epochs",
    type=click.IntRange(1),
    metavar="N",
    help="Epochs per rate; by default 3, and more where that is fewer than 300 steps.",
)
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
    epochs: int | None,
    settings: dict[str, Any],
    output: Path | None,
    as_json: bool,
) -> None:
    """Find a learning rate by the cost over the first epochs.

    Trains the study's model for a few epochs at 13 learning rates over four orders of magnitude, without any
    regularisation (l1, l2, max_norm, dropout, augmentation). Nothing is recorded.
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

    from hpsearch.report import lr_plot, terminal
    from hpsearch.running import lr_range as test
    from hpsearch.tables import door

    dataset = door.load(study.data, study.model)
    result = test.lr_range(study, dataset, epochs)
    if output is not None:
        from hpsearch.log import files

        plot = lr_plot.svg(result, study.name) if output.suffix == ".svg" else lr_plot.html(result, study.name)
        files.write_whole(output, plot)
    if as_json:
        options.print_json({"study": study.name, **test.to_json(result)})
        return
    console = terminal.console()
    plain = terminal.ascii_only(console)
    click.echo(terminal.render(lr_plot.blocks(result, study.name, ascii_only=plain), console), nl=False, color=True)
    if output is not None:
        click.echo(f"the plot is in {output}")
