"""Ask and tell for other programs and languages: ``hpsearch ask`` and ``hpsearch tell``, a JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpsearch.cli import options

if TYPE_CHECKING:
    from hpsearch.objectives.user_trial import UserTrial
    from hpsearch.running.asking import Session


@click.command(
    short_help="Begin a trial that another program trains.",
    epilog="""\b
Examples:
  hpsearch ask lab.py                    {"study": "lab", "trial": 0, "params": {"temperature": 71.3}, …}
  hpsearch tell lab.py 0 yield=0.62
  hpsearch ask lab.py --open             the trials that nobody has told of""",
)
@click.argument("study", metavar="STUDY.py", type=click.Path(path_type=Path))
@click.option("--open", "every", is_flag=True, help="Begin none: print the trials that are open, a line each.")
@options.root
def ask(study: Path, every: bool, root: Path) -> None:
    """Begin a trial of a study with neither model= nor objective=, and print it as a line of JSON.

    It is in the study's log before it is printed. Once there is none to begin, "trial" is null and "why" says why.
    """
    session = _session(study, root)
    if every:
        for trial in session.open_trials():
            _print(_facts(session, trial))
        return
    begun = session.ask()
    if begun is None:
        _print({"study": session.name, "trial": None, "why": session.why_none()})
    else:
        _print(_facts(session, begun))


@click.command(
    short_help="Tell what a trial brought that another program trains.",
    epilog="""\b
Examples:
  hpsearch tell lab.py 3 yield=0.62                     its end
  hpsearch tell lab.py 3 yield=0.40 --epoch             what an epoch brought; "go_on" says whether to go on
  hpsearch tell lab.py 3 --failed "the flask broke\"""",
)
@click.argument("study", metavar="STUDY.py", type=click.Path(path_type=Path))
@click.argument("trial", type=click.IntRange(0))
@click.argument("metrics", metavar="METRIC=VALUE…", nargs=-1, callback=options.key_values)
@click.option("--epoch", is_flag=True, help="The trial goes on: these are the metrics of an epoch.")
@click.option("--failed", metavar="WHY", help="The trial failed.")
@click.option("--pruned", metavar="WHY", help="Its point is not worth training.")
@click.option(
    "--attribute",
    "attributes",
    metavar="KEY=VALUE",
    multiple=True,
    callback=options.key_values,
    help="Something of the trial that is no metric; may be given several times.",
)
@options.root
def tell(
    study: Path,
    trial: int,
    metrics: dict[str, Any],
    epoch: bool,
    failed: str | None,
    pruned: str | None,
    attributes: dict[str, Any],
    root: Path,
) -> None:
    """Tell how a trial ended, or what an epoch of it brought, and print as a line of JSON where it stands."""
    if sum((epoch, failed is not None, pruned is not None)) > 1:
        raise click.UsageError("--epoch, --failed and --pruned exclude one another", click.get_current_context())
    session = _session(study, root)
    if epoch:
        _print({"study": session.name, "trial": trial, "go_on": session.report(trial, metrics, attributes)})
        return
    state = "failed" if failed is not None else "pruned" if pruned is not None else "complete"
    ended = session.tell(trial, metrics or None, state, failed if pruned is None else pruned, attributes)
    reason = None if ended.decision is None else ended.decision.reason
    _print({"study": session.name, "trial": trial, "state": ended.state, "value": ended.value, "reason": reason})


def _session(path: Path, root: Path) -> Session:
    from hpsearch.running.asking import Session
    from hpsearch.study.loading import load_file

    return Session(load_file(path).study, root, path)


def _facts(session: Session, trial: UserTrial) -> dict[str, Any]:
    from hpsearch.space.dimensions import json_value

    params = {name: json_value(value, name) for name, value in trial.params.items()}
    return {
        "study": session.name,
        "trial": trial.number,
        "params": params,
        "repeat": trial.repeat,
        "epochs": trial.resumed,
    }


def _print(value: dict[str, Any]) -> None:
    click.echo(json.dumps(value, ensure_ascii=False, allow_nan=False))
