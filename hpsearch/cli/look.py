"""Commands that look at studies and change nothing: ``ls``, ``show``, ``best`` and ``export``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpsearch.cli import options
from hpsearch.errors import UserError

if TYPE_CHECKING:
    from hpsearch.log.history import History
    from hpsearch.report.terminal import Block


def open_study(root: Path, study: str, version: int | None = None, *, every: bool = False) -> tuple[str, History]:
    """Return a study's full name and one version of it, the current one by default; or all of them."""
    from hpsearch.log import catalogue

    folder = catalogue.find(root, study)
    return folder.name, catalogue.load_history(folder) if every else catalogue.load_version(folder, version)


def _print(parts: Iterable[Block]) -> None:
    from hpsearch.report import terminal

    # The console decides about colours, and knows NO_COLOR; click would otherwise strip them in a pipe.
    click.echo(terminal.render(parts, terminal.console()), nl=False, color=True)


@click.command(epilog="\b\nExample:\n  hpsearch ls --json")
@options.root
@options.as_json
def ls(root: Path, as_json: bool) -> int:
    """List the studies, with how far they are and their best."""
    from hpsearch.log import catalogue
    from hpsearch.report import tables

    studies, broken = {}, []
    for name in catalogue.studies(root):
        try:
            studies[name] = catalogue.load_version(Path(root) / "studies" / name)
        except UserError as error:
            broken.append(str(error))
    if as_json:
        options.print_json(tables.list_json(studies))
    elif studies:
        _print(tables.list_blocks(studies))
    elif not broken:
        click.echo(f"{root} holds no study yet")
    for message in broken:
        click.echo(f"error: {message}", err=True)
    return 2 if broken else 0


@click.command(
    epilog="""\b
Examples:
  hpsearch show eta_lambda
  hpsearch show eta_lambda@mnist --all
  hpsearch show eta_lambda --trial 17                  its end, its files, what it printed
  hpsearch show eta_lambda --trial 17 --rerun          train it again, here, and see what it raises
  hpsearch show eta_lambda --trial 17 --rerun --debug  and look around there, with pdb
  hpsearch show eta_lambda --json | jq '.trials[].curve'"""
)
@click.argument("study")
@click.option("--all", "every", is_flag=True, help="All trials, not the best twenty alone.")
@click.option("--trial", type=click.IntRange(0), metavar="N", help="One trial, with its files and what it printed.")
@click.option("--version", type=click.IntRange(1), metavar="N", help="An earlier version of its code.")
@click.option("--rerun", is_flag=True, help="With --trial: run it again in this process; what it raises is raised.")
@click.option("--debug", is_flag=True, help="With --rerun: open Python's debugger, pdb, where it raises.")
@options.root
@options.as_json
def show(
    study: str,
    every: bool,
    trial: int | None,
    version: int | None,
    rerun: bool,
    debug: bool,
    root: Path,
    as_json: bool,
) -> int:
    """Show a study and its trials, best first; or one trial.

    STUDY is its name; the name without @… will do where there is only one variant.
    """
    from hpsearch.report import one_trial, tables, terminal

    if trial is not None and every:
        raise click.UsageError("--all and --trial exclude each other", click.get_current_context())
    if (rerun and trial is None) or (debug and not rerun):
        missing = "--trial N" if rerun else "--rerun"
        raise click.UsageError(f"--{'rerun' if rerun else 'debug'} goes with {missing}", click.get_current_context())
    if rerun and as_json:
        raise click.UsageError("--rerun and --json exclude each other", click.get_current_context())
    name, history = open_study(root, study, version, every=trial is not None and version is None)
    if trial is not None:
        folder = root / "studies" / name
        if rerun:
            from hpsearch.cli import debugging

            return debugging.rerun(history, one_trial.find_trial(history, trial), folder, debug=debug)
        if as_json:
            options.print_json({"study": name, **one_trial.trial_json(history, trial, folder)})
            return 0
        plain = terminal.ascii_only(terminal.console())
        _print(one_trial.trial_blocks(history, trial, folder, ascii_only=plain, root=root))
        return 0
    if as_json:
        options.print_json(tables.show_json(name, history))
        return 0
    plain = terminal.ascii_only(terminal.console())
    _print(tables.show_blocks(name, history, every=every, ascii_only=plain, root=root))
    return 0


@click.command(
    epilog="""\b
Examples:
  hpsearch best eta_lambda
  hpsearch best eta_lambda --json | jq .params.learning_rate"""
)
@click.argument("study")
@options.root
@options.as_json
def best(study: str, root: Path, as_json: bool) -> None:
    """Print the best trial's parameters, one KEY=VALUE a line.

    Where points were confirmed with fresh seeds, the best is the confirmed winner, whose model is handed over. With
    several metrics, print those of each trial on the Pareto front.
    """
    from hpsearch.judging.confirm import winner
    from hpsearch.report import tables, words

    name, history = open_study(root, study)
    if history.best is None:
        raise UserError(f"study {name!r}: no trial has {words.a(history.goal.metric)} yet")
    if as_json:
        options.print_json(tables.best_json(name, history))
        return
    lines = [(tables.best_line(history, params=False), winner(history) or history.best)]
    if history.goal.others:
        lines = tables.front_lines(history)
    for line, trial in lines:
        click.echo(f"# {name}, {line}")
        for key, value in tables.exact(trial.params).items():
            click.echo(f"{key}={value}")


@click.command(
    short_help="Print a study's trials or curves for other programs.",
    epilog="""\b
Examples:
  hpsearch export eta_lambda > trials.csv
  hpsearch export eta_lambda --curves --format parquet -o curves.parquet
  hpsearch export eta_lambda --format optuna -o eta_lambda.log     for optuna.load_study and optuna-dashboard

The same study exports the same bytes, on whichever day and machine it ran; Optuna's journal alone holds times, and
runs have other ids in every store.""",
)
@click.argument("study")
@click.option("--curves", is_flag=True, help="A row per trial and epoch, not a row per trial.")
@click.option("--monitored", is_flag=True, help="A row per trial and measurement within an epoch (monitor_every).")
@click.option(
    "--format", "format", type=click.Choice(["csv", "json", "parquet", "optuna"]), default="csv", show_default=True
)
@click.option(
    "-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write to a file."
)
@click.option("--with-run-ids", is_flag=True, help="A last column with the ids of the trials' runs in MLflow.")
@options.root
@options.tracking_uri
def export(
    study: str,
    curves: bool,
    monitored: bool,
    format: Any,
    output: Path | None,
    with_run_ids: bool,
    root: Path,
    tracking_uri: str | None,
) -> None:
    """Print a study's trials, or its curves, as text for other programs."""
    from hpsearch.log import files
    from hpsearch.report.export import to_bytes

    if format in ("parquet", "optuna") and output is None:
        raise click.UsageError(f"{format} is no text: name a file with -o", click.get_current_context())
    if format == "optuna" and curves:
        raise click.UsageError(
            "--format optuna holds trials and curves: leave --curves out", click.get_current_context()
        )
    if monitored and (curves or format == "optuna"):
        raise click.UsageError("--monitored is a table of its own", click.get_current_context())
    if with_run_ids and format == "optuna":
        raise click.UsageError("--format optuna holds no run ids", click.get_current_context())
    if tracking_uri is not None and not with_run_ids:
        raise click.UsageError("--tracking-uri goes with --with-run-ids", click.get_current_context())
    _, history = open_study(root, study, every=True)
    if format == "optuna":
        from hpsearch.optuna_bridge.journal import write_journal

        assert output is not None, "checked above"
        for line in write_journal(history, output):
            click.echo(line, err=True)
        return
    runs = None
    if with_run_ids and history.header is not None:
        from hpsearch.tracking.fetch import run_ids
        from hpsearch.tracking.uri import resolve

        runs = run_ids(history.header.uid, resolve(root, tracking_uri))
    content = to_bytes(history, format, curves=curves, monitored=monitored, runs=runs)
    if output is None:
        sys.stdout.buffer.write(content)
        return
    files.write_whole(output, content)
