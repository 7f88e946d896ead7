"""Commands that begin something: ``hpsearch run`` and ``hpsearch init``."""

from __future__ import annotations

import re
import shlex
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

import click
from click.core import ParameterSource

from hpsearch.cli import boundary, options, tables
from hpsearch.errors import UserError
from hpsearch.study.settings import having

if TYPE_CHECKING:
    from hpsearch.running.api import Result
    from hpsearch.study.loading import StudyFile
    from hpsearch.study.study import Study

TEMPLATE = '''\
"""NAME: say in a line what this search is after."""

from hpsearch import Float, MLPClassifier, Study

study = Study(
    name="NAME",
    # Everything that is not searched stays as it is written here.
    model=MLPClassifier(hidden_layer_sizes=(30,), max_epochs=20),
    # What is searched: parameters of the model, each with its range.
    # Int(10, 100) and Choice(["sigmoid", "tanh"]) are the other kinds (from hpsearch import Choice, Int).
    space={
        "learning_rate": Float(0.01, 10, log=True),
        "l2": Float(0.01, 100, log=True),
    },
    # digits comes with hpsearch; `hpsearch data ls` lists the others. A csv or npz file works too.
    data="digits",
    # How points are proposed (grid, random, tpe) and when a bad trial is stopped (none, median, asha).
    sampler="tpe",
    pruner="asha",
    n_trials=32,
    # The same seed gives the same trials and the same curves.
    seed=0,
)
'''


@click.command(
    epilog="""\b
Examples:
  hpsearch run studies/eta_lambda.py
  hpsearch run studies/eta_lambda.py --data mnist --trials 32
  hpsearch run studies/eta_lambda.py --set model.batch_size=20 --seed 3
  hpsearch run studies/eta_lambda.py --workers 4 --timeout 10m --until val_accuracy=0.98
  hpsearch run studies/ --write results.md             all of a folder, one after the other
  hpsearch run --data houses.csv --target price        a table, without a study file

The same command resumes a study that was interrupted. Options that change what is searched open a variant that is named
after them (eta_lambda@mnist); --trials extends the study itself. Neither the workers nor the limits of a run do."""
)
@click.argument("paths", metavar="STUDY.py|FOLDER…", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--data",
    metavar="NAME|PATH",
    help="A named set, a table (csv, parquet …), an npz file, a folder of idx files; in place of a study's own.",
)
@tables.table_options
@click.option(
    "--save-study", type=click.Path(path_type=Path), metavar="FILE.py", help="Keep the study of a run without one."
)
@options.study_fields(settable=True)
@options.settings("Any other setting")
@click.option("--name", metavar="NAME", help="Another name for this study.")
@click.option(
    "--workers",
    callback=options.workers,
    metavar="N|auto",
    default="auto",
    help="Processes that train; auto, the default: one, and more once it pays (never for a study of seconds).",
)
@click.option("--scheduler", metavar="ADDRESS", help="Train on a Dask cluster instead, such as tcp://10.0.0.1:8786.")
@options.study_fields(settable=False)
@click.option(
    "--from",
    "start_from",
    multiple=True,
    metavar="SOURCE",
    help="Have the sampler observe results of another study (its name or folder), a csv file or an Optuna storage.",
)
@click.option("--first", type=click.IntRange(1), metavar="N", help="Try the best N points of --from first.")
@click.option(
    "--write", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.md", help="Write tables and plots."
)
@click.option("--extend", is_flag=True, help="Go on with another space, sampler, pruner, lanes or epochs.")
@click.option(
    "--earlier",
    multiple=True,
    metavar="KEY=VALUE",
    callback=options.key_values,
    help="With --extend or --from: the value that earlier trials had in a dimension that is new.",
)
@click.option(
    "--fix",
    multiple=True,
    metavar="KEY=VALUE",
    callback=options.key_values,
    help="Give a parameter one value from now on.",
)
@click.option("--retry-failed", is_flag=True, help="Try every trial that failed once more, with the code as it is now.")
@click.option("--same", is_flag=True, help="Go on although code has changed: it computes what it did before.")
@click.option("--new-version", is_flag=True, help="Go on with changed code; earlier trials decide nothing any more.")
@click.option("--verify", is_flag=True, help="Compare a digest of every state that one worker takes over from another.")
@click.option("--yes", is_flag=True, help="Run a grid of more points than a million.")
@options.root
@options.tracking_uri
@click.option("--no-tracking", is_flag=True, help="Leave MLflow out; the log in the root is kept all the same.")
@click.option("--no-model", is_flag=True, help="Do not log the winner's model in MLflow.")
@click.option("--register", metavar="NAME[@ALIAS]", help="Put the winner's model into MLflow's model registry.")
@click.option(
    "--wait/--no-wait",
    default=None,
    help="Whether to end after the delivery to MLflow; in a terminal a single study's goes on in the background.",
)
@click.option("--no-git-diff", is_flag=True, help="Do not record how the repository's files differ from its commit.")
@click.option("--quiet", is_flag=True, help="Print nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print nothing but one JSON object at the end.")
@click.pass_context
def run(
    ctx: click.Context,
    /,
    paths: tuple[Path, ...],
    settings: dict[str, Any],
    root: Path,
    no_tracking: bool,
    no_model: bool,
    no_git_diff: bool,
    as_json: bool,
    until: tuple[str, float] | None,
    write: Path | None,
    save_study: Path | None,
    wait: bool | None,
    **chosen: Any,
) -> int:
    """Run studies, or resume them."""
    begun = time.monotonic()
    tracking_uri = chosen["tracking_uri"]
    register = chosen["register"]
    silent = chosen["quiet"] or as_json
    if chosen["scheduler"] is not None and ctx.get_parameter_source("workers") is not ParameterSource.DEFAULT:
        raise click.UsageError("--workers and --scheduler exclude each other", ctx)
    if no_tracking and tracking_uri is not None:
        raise click.UsageError("--no-tracking and --tracking-uri exclude each other", ctx)
    if register is not None and (no_tracking or no_model):
        raise click.UsageError(f"--register and --no-{'tracking' if no_tracking else 'model'} exclude each other", ctx)
    if not paths and chosen["data"] is None:
        raise click.UsageError("missing argument 'STUDY.py|FOLDER…', or --data", ctx)
    if paths and save_study is not None:
        raise click.UsageError("--save-study is for a run without a study file", ctx)
    roles = tables.pop_table_options(chosen)
    with ExitStack() as stack:
        if as_json:
            stack.enter_context(boundary.printing_aside())
        if not paths:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="hpsearch-")))
            paths = (tables.preset_study(chosen["data"], roles, folder, save_study, silent=silent),)
            chosen["data"], roles = None, {}
        delivery = None
        if not no_tracking:
            from hpsearch.tracking import installed

            # Its process imports MLflow while this one imports what the study needs.
            delivery = stack.enter_context(installed.delivery(tracking_uri, root, register))

        from hpsearch.cli import batch
        from hpsearch.running.options import RunOptions

        # All other options say what the study is, not how it is run.
        run_options = {name: value for name, value in chosen.items() if name in RunOptions.__annotations__}
        overrides = {name: value for name, value in chosen.items() if name not in run_options}
        run_options |= {"start_from": chosen["start_from"] or None, "first": chosen["first"] or 0}
        alone = len(paths) == 1 and not paths[0].is_dir()
        run_options |= {"wait": not (alone and sys.stdout.isatty()) if wait is None else wait}
        run_options |= {
            "until": until and until[1],
            "tracking": not no_tracking,
            "model": not no_model,
            "quiet": silent,
        }

        def declared(path: Path) -> StudyFile:
            return _declared(path, settings, overrides, roles, until, chosen["start_from"], extends=chosen["extend"])

        def run_one(study: Study, path: Path) -> Result:
            nonlocal delivery, begun
            from hpsearch.engine.observer import Observer, OnlyWarnings
            from hpsearch.report.live import live_view
            from hpsearch.running import api

            delivery_of_study, delivery = delivery, None  # one process delivers one study
            watcher: Observer = OnlyWarnings()
            if not silent:
                watcher = view = live_view(shlex.join(["hpsearch", *ctx.obj]) if ctx.obj else None, begun)
                stack.callback(view.close)
            study_options = {
                **run_options,
                "delivery": delivery_of_study,
                "observer": watcher,
                "study_file": path,
                "git_diff": not no_git_diff,
            }
            try:
                return api.run(study, root, **cast("RunOptions", study_options))
            finally:
                begun = time.monotonic()  # of the next one

        outcome = batch.run_all(paths, declared, run_one, silent=silent)
        if write is not None or (outcome.several and any(path.is_dir() for path in paths)):
            page = write if write is not None else root / f"{paths[0].resolve().name}.md"
            batch.write_page(page, outcome, batch.repeatable(ctx.obj), silent=silent)
    if as_json:
        from hpsearch.report.tables import run_json

        results = [
            run_json(result.name, result.history, root, interrupted=result.interrupted) for result in outcome.results
        ]
        options.print_json(results if outcome.several else results[0])
    return outcome.code


def _declared(
    path: Path,
    settings: dict[str, Any],
    overrides: dict[str, Any],
    roles: dict[str, Any],
    until: tuple[str, float] | None,
    start_from: tuple[str, ...],
    *,
    extends: bool,
) -> StudyFile:
    """Return a study file whose studies the options have changed; a study that is extended keeps its name."""
    from hpsearch.study.loading import load_file
    from hpsearch.study.naming import source_word

    file = load_file(path, overrides["data"])
    changed = {key: value for key, value in overrides.items() if value is not None}
    if file.by_data:
        changed.pop("data", None)
    if len(file.studies) > 1 and changed.get("name") is not None:
        raise UserError(f"--name {changed['name']}: {path} declares {len(file.studies)} studies")
    studies = []
    for study in file.studies:
        values = {key: value for key, value in changed.items() if key != "data" or study.data is not None}
        if roles and study.data is not None:
            values["data"] = tables.with_roles(study, values.get("data"), roles)
        if values or settings:
            from hpsearch.study.variants import override

            changed_study = override(study, **values, set=settings)
            study = (
                replace(changed_study, name=study.name)
                if extends and not settings and values.keys() <= {*having(study, "extends", "extensible")}
                else changed_study
            )
        if until is not None and until[0] not in ("", metric := study.goal.metric):
            raise UserError(f"--until {until[0]}: the study goes by {metric!r}; write --until {metric}=…")
        if start_from and overrides["name"] is None and not extends:
            word = "+".join(map(source_word, start_from))
            study = replace(study, name=f"{study.name}{',' if '@' in study.name else '@'}from={word}")
        studies.append(study)
    return replace(file, studies=tuple(studies))


@click.command(
    epilog="""\b
Examples:
  hpsearch init              writes studies/first.py
  hpsearch init depth        writes studies/depth.py"""
)
@click.argument("name", default="first")
def init(name: str) -> None:
    """Write a study file to start from."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise UserError(f"study name {name!r}: use letters, digits, - and _, and begin with a letter")
    path = Path("studies") / f"{name}.py"
    try:
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(TEMPLATE.replace("NAME", name))
    except FileExistsError as error:
        raise UserError(f"{error.filename}: exists already; choose another name") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    click.echo(f"wrote {path}\nnext: hpsearch run {path}")
