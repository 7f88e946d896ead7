"""What a run holds: a study and its trials in MLflow's words (tags, parameters, points). Pure; knows no mlflow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hpsearch.judging import calibration, confirm
from hpsearch.judging.compared import diagnoses
from hpsearch.log import redact, stages, within
from hpsearch.log.history import History, Trial
from hpsearch.log.records import Header, Tick
from hpsearch.study.declared import Declaration
from hpsearch.study.study import DEFAULT_TRIALS
from hpsearch.tracking.spelling import MAX_KEY as MAX_KEY
from hpsearch.tracking.spelling import MAX_PARAM as MAX_PARAM
from hpsearch.tracking.spelling import MAX_TAG as MAX_TAG
from hpsearch.tracking.spelling import altered as altered
from hpsearch.tracking.spelling import flat as flat
from hpsearch.tracking.spelling import key as key
from hpsearch.tracking.spelling import millis as millis
from hpsearch.tracking.spelling import params as params
from hpsearch.tracking.spelling import tags as tags
from hpsearch.tracking.spelling import text as text

STATUS = {
    "RUNNING": "RUNNING",
    "PAUSED": "RUNNING",
    "COMPLETE": "FINISHED",
    "PRUNED": "KILLED",
    "FAILED": "FAILED",
    "INTERRUPTED": "KILLED",
}
"""MLflow's status for each state of a trial or a study."""

_RESERVED = frozenset(
    [
        "uid",
        "kind",
        "study",
        "trial",
        "params",
        "seed",
        "lane",
        "point",
        "repeat",
        "stage",
        "state",
        "rule",
        "reason",
        "epochs",
        "ticks",
        "infinite",
        "audit",
        "values",
        "diagnosis",
        "data",
        "data_digest",
        "git_dirty",
    ]
)
"""Names of tags that a decision's evidence must not overwrite."""


@dataclass(frozen=True)
class Point:
    """One point of a curve: a key, a value, when (in ms since 1970) and at which step."""

    key: str
    value: float
    timestamp: int
    step: int


def study_params(header: Header) -> dict[str, Any]:
    """Return a study's parameters: its declaration, flat. MLflow never lets one change, so nothing that may."""
    return flat({key: value for key, value in header.declaration.items() if key != "comparison"})


def trial_params(declaration: Declaration, trial: Trial) -> dict[str, Any]:
    """Return every parameter of the trial's estimator: those of the model, overlaid by what was asked."""
    base = dict((declaration.model or {}).get("params", {}))
    if "max_epochs" in base and declaration.epochs is not None:
        # The study's own number of epochs is what its trials train.
        base["max_epochs"] = declaration.epochs
    return {**base, **trial.params}


def _environment_tags(header: Header) -> dict[str, Any]:
    environment = header.environment
    argv = environment.get("argv") or []
    return {
        "mlflow.source.type": "LOCAL",
        "mlflow.source.name": argv[-1] if len(argv) == 1 else " ".join(map(str, argv)) or None,
        "mlflow.source.git.commit": environment.get("git_commit"),
        "hpsearch.git_dirty": environment.get("git_dirty"),
        "hpsearch.data": header.dataset.get("name"),
        "hpsearch.data_digest": header.dataset.get("digest"),
    }


def study_tags(header: Header, user: str | None) -> dict[str, str]:
    """Return what is known of a study from the start."""
    environment, said = header.environment, Declaration.of(header.declaration)
    packages = environment.get("packages", {})
    return tags(
        {
            "hpsearch.uid": header.uid,
            "hpsearch.kind": "study",
            "hpsearch.study": header.name,
            **{f"hpsearch.{name}": getattr(said, name) for name in ("seed", "sampler", "pruner", "lanes", "metric")},
            "hpsearch.direction": said.direction,
            "hpsearch.python": environment.get("python"),
            "hpsearch.blas": environment.get("blas"),
            "hpsearch.cpu": environment.get("cpu"),
            "hpsearch.platform": environment.get("platform"),
            **{f"hpsearch.package.{name}": version for name, version in packages.items()},
            "mlflow.user": user,
            **_environment_tags(header),
        }
    )


def study_progress(history: History, state: str) -> dict[str, str]:
    """Return a study's tags that change while it runs."""
    count = {name: sum(1 for _ in history.ended(name)) for name in ("COMPLETE", "PRUNED", "FAILED")}
    best = confirm.winner(history)
    return tags(
        {
            "hpsearch.state": state,
            "state": state,
            "hpsearch.n_trials": history.declaration.n_trials,
            "hpsearch.trials": len(history.trials),
            **{f"hpsearch.trials.{name.lower()}": number for name, number in count.items()},
            "hpsearch.stop": history.stop,
            "hpsearch.best_trial": None if best is None else best.number,
            "hpsearch.search_best_trial": None if history.best is None else history.best.number,
            "hpsearch.best_params": None if best is None else best.params,
            **_best_point(history),
            "hpsearch.front": [trial.number for trial in history.front()] if history.goal.others else None,
            **_ladder(history),
        }
    )


def _best_point(history: History) -> dict[str, Any]:
    """Return the mean of the best point over its repeats with its 95 % interval; nothing where nothing is repeated."""
    point = history.best_point
    if point is None or history.declaration.repeats == 1:
        return {}
    half = point.spread.half
    return {
        "hpsearch.best_mean": point.mean,
        "hpsearch.best_mean.half_interval": None if math.isnan(half) else half,
        "hpsearch.best_mean.repeats": len(point.trials),
    }


def _ladder(history: History) -> dict[str, Any]:
    """Return what a staged or confirmed study found, for people; nothing for a flat one."""
    lines = {"calibration": calibration.calibration_lines(history), "confirmed": confirm.confirmation_lines(history)}
    lines["ladder"] = history.notes
    known = {f"hpsearch.{name}": "\n".join(said) for name, said in lines.items() if said}
    return known if history.full_stage == 0 else {"hpsearch.full_epochs": stages.full_epochs(history), **known}


def calibration_points(history: History, tick: Tick) -> list[Point]:
    """Return how well the stages rank one another, where trials that ended in this tick add to what is known of it."""
    ended = [history.trials[decision.trial].ask for decision in tick.decisions if decision.action != "audit"]
    found = [
        calibration.compare(history, stage - 1)
        for stage in sorted({ask.stage for ask in ended})
        if 0 < stage <= history.full_stage
    ]
    return [
        Point(f"stage_{each.stage}_{name}", value, millis(tick.time), tick.tick)
        for each in found
        if each is not None
        for name, value in each.numbers.items()
    ]


def version_tags(history: History, trial: Trial) -> dict[str, str]:
    """Return the version that a trial is of, where its study has more than one."""
    return tags({"hpsearch.version": trial.version}) if history.version > 1 else {}


def trial_tags(header: Header, trial: Trial, parent: str, user: str | None) -> dict[str, str]:
    """Return what is known of a trial from the start."""
    ask = trial.ask
    return tags(
        {
            "mlflow.parentRunId": parent,
            "mlflow.user": user,
            "hpsearch.uid": header.uid,
            "hpsearch.kind": "trial",
            "hpsearch.study": header.name,
            "hpsearch.trial": ask.trial,
            # As asked, and typed: what replays a trial cannot tell 30 from "30" in MLflow's parameters.
            "hpsearch.params": ask.params,
            "hpsearch.seed": Declaration.of(header.declaration).seed,
            "hpsearch.lane": ask.lane,
            "hpsearch.point": ask.point,
            "hpsearch.repeat": ask.repeat,
            "hpsearch.stage": ask.stage,
            "hpsearch.reuses": ask.reuses,
            "hpsearch.place": ask.place,
            **_environment_tags(header),
        }
    )


def trial_outcome(trial: Trial, state: str, declaration: Declaration | None = None) -> dict[str, str]:
    """Return a trial's tags that change: its state, and once it ended by which rule, why, and on what evidence."""
    known: dict[str, Any] = {"hpsearch.state": state, "state": state}
    if trial.decision is not None:
        decision = trial.decision
        for name, value in flat(decision.evidence).items():
            known[f"hpsearch.evidence.{name}" if name in _RESERVED else f"hpsearch.{name}"] = value
        reason = redact.text(decision.reason) if decision.action == "fail" else decision.reason
        known |= {"hpsearch.rule": decision.rule, "hpsearch.reason": reason}
        known |= {"hpsearch.epochs": trial.epoch, "hpsearch.ticks": spans(trial.starts)}
    if len(trial.values) > 1 and declaration is not None:
        known["hpsearch.values"] = dict(zip(declaration.goal.metrics, trial.values, strict=True))
    known |= {f"hpsearch.attribute.{name}": value for name, value in trial.attributes.items()}
    if trial.pauses:
        known["hpsearch.pauses"] = ",".join(str(pause.epoch) for pause in trial.pauses)
    if trial.audit is not None:
        known["hpsearch.audit"] = trial.audit.reason
    measured = [(row.epoch, name, value) for row in trial.rows for name, value in row.metrics.items()]
    infinite = [f"{name}={value} at {epoch}" for epoch, name, value in measured if math.isinf(value)]
    if infinite:
        known["hpsearch.infinite"] = ", ".join(infinite)
    return tags(known)


def diagnosis_tags(history: History) -> dict[int, dict[str, str]]:
    """Return each trial's diagnosis: a function of the whole log, so that it is told when the study ends."""
    found = {number: each for number, each in diagnoses(history).items() if each.label != "unclear"}
    names = ("hpsearch.diagnosis", "hpsearch.diagnosis.reason")
    return {number: tags(dict(zip(names, (each.label, each.reason), strict=True))) for number, each in found.items()}


def trial_points(trial: Trial, times: list[float], start: int) -> list[Point]:
    """Return the points of a trial's epochs from row ``start`` on, and once it ended its best.

    MLflow would store an infinity as 1.8e308, which flattens every chart: it becomes NaN, a gap at its step, and stands
    in the tag ``hpsearch.infinite``.

    Args:
        trial: The trial.
        times: When each tick ended, in seconds since 1970.
        start: How many of its rows are there already.
    """
    points: list[Point] = []
    for tick, row in zip(trial.ticks[start:], trial.rows[start:], strict=True):
        when = millis(times[tick])
        for name, value in {"epoch_seconds": row.seconds, **row.metrics}.items():
            points.append(Point(key(name), value if math.isfinite(value) else math.nan, when, row.epoch))
        for name, samples, value in within.measurements(row):
            points.append(Point(key(name), value if math.isfinite(value) else math.nan, when, samples))
    if trial.ended_at is not None and trial.value is not None and trial.best_epoch is not None:
        when = millis(trial.ended_at)
        best = {"best_value": trial.value, "best_epoch": float(trial.best_epoch)}
        points += [
            Point(name, value, when, trial.epoch) for name, value in best.items() if name not in trial.rows[-1].metrics
        ]
    return points


def began(tick: Tick, before: float) -> float:
    """Return when a tick began, in seconds since 1970: its end less its training, and not before ``before``."""
    return min(tick.time, max(before, tick.time - sum(row.seconds for row in tick.rows)))


def spans(numbers: Iterable[int]) -> str:
    """Return ascending numbers as text, runs of them joined.

    >>> spans([3, 4, 5, 9])
    '3-5,9'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def is_done(history: History) -> bool:
    """Return whether a study is at its end: no trial runs, and it was stopped or has made all the trials it wanted."""
    if history.unfinished or not history.trials:
        return False
    declaration = history.declaration
    if history.to_retry or history.dequeued < len(history.queue) * declaration.repeats:
        return False
    planned = stages.planned_trials(history, DEFAULT_TRIALS)
    planned = None if planned is None else planned + len(history.retries) + history.dequeued
    wanted = confirm.expected(history, confirm.most_trials(declaration, planned))
    # A grid may have fewer points than the trials that were allowed.
    enough = wanted is None or declaration.sampler == "grid" or len(history.trials) >= int(wanted)
    return history.stop is not None or enough


def study_state(history: History, alive: bool) -> str:
    """Return the state of a study.

    Args:
        history: The fold of its log.
        alive: Whether somebody may still be running it.
    """
    if not is_done(history):
        return "RUNNING" if alive else "INTERRUPTED"
    return "FAILED" if all(trial.state == "FAILED" for trial in history.trials) else "COMPLETE"
