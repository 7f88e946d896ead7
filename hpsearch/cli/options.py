"""Options that several commands share, and how a setting is read from the command line."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from hpsearch.study.registry import PRUNERS, SAMPLERS
from hpsearch.study.settings import Setting, flag
from hpsearch.study.study import SETTINGS

F = TypeVar("F", bound=Callable[..., Any])


def root(command: F) -> F:
    """Add ``--root``."""
    return click.option(
        "--root",
        type=click.Path(path_type=Path),
        default=Path("mlruns"),
        show_default=True,
        metavar="DIR",
        help="Where all state is: logs, checkpoints, MLflow's store.",
    )(command)


def tracking_uri(command: F) -> F:
    """Add ``--tracking-uri``."""
    return click.option(
        "--tracking-uri",
        metavar="URI",
        help="MLflow's store; by default MLFLOW_TRACKING_URI, else the root's own sqlite store.",
    )(command)


def as_json(command: F) -> F:
    """Add ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def print_json(value: Any) -> None:
    """Print a value as strict JSON, two blanks deep."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


_HELP = {
    "sampler": f"How points are proposed: {', '.join(SAMPLERS)}.",
    "pruner": f"When a bad trial is stopped: {', '.join(PRUNERS)}.",
    "n_trials": "How many trials; more than before extends the study.",
    "epochs": "Most epochs of a trial.",
    "lanes": "How many trials train at a time.",
    "seed": "The seed of all randomness.",
    "stages": "Search smaller problems first: auto, by the data's size.",
    "confirm": "Train the best points again with N fresh seeds, then test.",
    "until": "Stop at a value, such as val_accuracy=0.98.",
    "no_improvement": "Stop after N trials that were no better.",
    "budget": "Stop once the search cost N epochs of the full problem.",
    "timeout": "Stop after 90s, 10m, 1h30m; run again to go on.",
    "trial_timeout": "A trial that trains longer fails.",
    "trial_memory": "A trial of an objective that holds more fails.",
}
"""The help of each field of a study that has an option of its own."""


def study_fields(*, settable: bool) -> Callable[[F], F]:
    """Return a decorator that adds an option for each field of a study that has one; the value gets the field's name.

    Args:
        settable: Whether for the fields that say what the study is, or for those that limit a run of it.
    """

    def add(command: F) -> F:
        for name, setting in reversed(SETTINGS.items()):
            if setting.typed and setting.settable == settable:
                reads = {"metavar": setting.typed, **_reads(setting)}
                command = click.option(flag(name), name, help=_HELP[name], **reads)(command)
        return command

    return add


def _reads(setting: Setting) -> dict[str, Any]:
    """Return the arguments of ``click.option`` by which a word of the command line becomes the value of a field."""
    if setting.typed == "TIME":
        return {"callback": duration}
    if setting.typed == "METRIC=VALUE":
        return {"callback": target}
    if setting.typed.islower():  # the word that it takes
        return {"type": click.Choice([setting.typed]), "metavar": None}
    if setting.whole is not None:
        return {"type": click.IntRange(setting.whole) if setting.limit else int}
    return {"type": float} if setting.number else {}


def settings(help: str) -> Callable[[F], F]:
    """Return a decorator that adds ``--set``.

    Args:
        help: What may be set.
    """
    return click.option(
        "--set",
        "settings",
        multiple=True,
        metavar="KEY=VALUE",
        callback=key_values,
        help=f"{help}, such as model.batch_size=20; may be given several times.",
    )


def key_values(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` pairs; a value is a JSON or Python literal, and any other word is itself."""
    pairs: dict[str, Any] = {}
    for pair in values:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise click.BadParameter(f"expected KEY=VALUE, such as model.batch_size=20, not {pair!r}", ctx, param)
        if key.strip() in pairs:
            raise click.BadParameter(f"{key.strip()} is set twice", ctx, param)
        pairs[key.strip()] = literal(value.strip())
    return pairs


def workers(ctx: click.Context, param: click.Parameter, word: str) -> int | str:
    """Read a number of processes from 1, or ``auto``."""
    if word == "auto":
        return word
    if not word.isdecimal() or int(word) < 1:
        raise click.BadParameter(f"expected a number from 1, or auto, not {word!r}", ctx, param)
    return int(word)


_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"(\d+(?:\.\d*)?|\.\d+)\s*(s|min|m|h|d|)"


def duration(ctx: click.Context, param: click.Parameter, word: str | None) -> float | None:
    """Read a length of time such as ``90``, ``90s``, ``10m`` or ``1h30m`` as seconds."""
    if word is None:
        return None
    if not re.fullmatch(rf"(?:{_PART}\s*)+", word.strip()):
        raise click.BadParameter(f"expected a time such as 90s, 10m or 1h30m, not {word!r}", ctx, param)
    return sum(float(count) * _UNITS[unit] for count, unit in re.findall(_PART, word))


def target(ctx: click.Context, param: click.Parameter, word: str | None) -> tuple[str, float] | None:
    """Read ``METRIC=VALUE``."""
    if word is None:
        return None
    metric, _, value = word.rpartition("=")
    try:
        return metric.strip(), float(value)
    except ValueError as error:
        raise click.BadParameter(
            f"expected METRIC=VALUE, such as val_accuracy=0.98, not {word!r}", ctx, param
        ) from error


def literal(word: str) -> Any:
    """Return the value of a word on the command line, such as ``20``, ``1e-3``, ``true``, ``(30, 10)`` or ``adam``."""
    try:
        return json.loads(word)
    except ValueError:
        pass  # not JSON: a Python literal or a plain word
    try:
        return ast.literal_eval(word)
    except (ValueError, SyntaxError):
        return word
