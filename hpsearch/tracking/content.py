"""What a run in MLflow holds: tags, parameters and points of a study and its trials. Pure functions, without mlflow."""

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
from hpsearch.tracking.spelling import flat, key, millis, tags

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
    """Return a study's parameters: its declaration, flattened.

    MLflow lets no parameter change, so what may change is left out.
    """
    return flat({key: value for key, value in header.declaration.items() if key != "comparison"})


def trial_params(declaration: Declaration, trial: Trial) -> dict[str, Any]:
    """Return every parameter of the trial's estimator: those of the model, overridden by those of the trial."""
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
    """Return the tags of a study that are known from the start."""
    environment = header.environment
    declaration = Declaration.of(header.declaration)
    packages = environment.get("packages", {})
    return tags(
        {
            "hpsearch.uid": header.uid,
            "hpsearch.kind": "study",
            "hpsearch.study": header.name,
            **{f"hpsearch.{name}": getattr(declaration, name) for name in ("seed", "sampler", "pruner", "lanes")},
            "hpsearch.metric": declaration.metric,
            "hpsearch.direction": declaration.direction,
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
    """Return the tags of a study that change while it runs."""
    counts = {end: sum(1 for _ in history.ended(end)) for end in ("COMPLETE", "PRUNED", "FAILED")}
    best = confirm.winner(history)
    return tags(
        {
            "hpsearch.state": state,
            "state": state,
            "hpsearch.n_trials": history.declaration.n_trials,
            "hpsearch.trials": len(history.trials),
            **{f"hpsearch.trials.{end.lower()}": count for end, count in counts.items()},
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
    """Return tags with what a staged or confirmed study found, in words; nothing for a study of one stage."""
    lines = {"calibration": calibration.calibration_lines(history), "confirmed": confirm.confirmation_lines(history)}
    lines["ladder"] = history.notes
    ladder_tags = {f"hpsearch.{name}": "\n".join(entries) for name, entries in lines.items() if entries}
    if history.full_stage == 0:
        return ladder_tags
    return {"hpsearch.full_epochs": stages.full_epochs(history), **ladder_tags}


def calibration_points(history: History, tick: Tick) -> list[Point]:
    """Return points of how well each stage ranks the next one, for the stages in which trials ended in this tick."""
    ended = [history.trials[decision.trial].ask for decision in tick.decisions if decision.action != "audit"]
    agreements = [
        calibration.compare(history, stage - 1)
        for stage in sorted({ask.stage for ask in ended})
        if 0 < stage <= history.full_stage
    ]
    return [
        Point(f"stage_{agreement.stage}_{name}", value, millis(tick.time), tick.tick)
        for agreement in agreements
        if agreement is not None
        for name, value in agreement.numbers.items()
    ]


def version_tags(history: History, trial: Trial) -> dict[str, str]:
    """Return a tag with the version of the study that a trial belongs to, where there is more than one."""
    return tags({"hpsearch.version": trial.version}) if history.version > 1 else {}


def trial_tags(header: Header, trial: Trial, parent: str, user: str | None) -> dict[str, str]:
    """Return the tags of a trial that are known from the start."""
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
    """Return the tags of a trial that change: its state and, once it has ended, rule, reason and evidence."""
    outcome: dict[str, Any] = {"hpsearch.state": state, "state": state}
    if trial.decision is not None:
        decision = trial.decision
        for name, value in flat(decision.evidence).items():
            outcome[f"hpsearch.evidence.{name}" if name in _RESERVED else f"hpsearch.{name}"] = value
        reason = redact.text(decision.reason) if decision.action == "fail" else decision.reason
        outcome |= {"hpsearch.rule": decision.rule, "hpsearch.reason": reason}
        outcome |= {"hpsearch.epochs": trial.epoch, "hpsearch.ticks": spans(trial.starts)}
    if len(trial.values) > 1 and declaration is not None:
        outcome["hpsearch.values"] = dict(zip(declaration.goal.metrics, trial.values, strict=True))
    outcome |= {f"hpsearch.attribute.{name}": value for name, value in trial.attributes.items()}
    if trial.pauses:
        outcome["hpsearch.pauses"] = ",".join(str(pause.epoch) for pause in trial.pauses)
    if trial.audit is not None:
        outcome["hpsearch.audit"] = trial.audit.reason
    measured = [(row.epoch, name, value) for row in trial.rows for name, value in row.metrics.items()]
    infinite = [f"{name}={value} at {epoch}" for epoch, name, value in measured if math.isinf(value)]
    if infinite:
        outcome["hpsearch.infinite"] = ", ".join(infinite)
    return tags(outcome)


def diagnosis_tags(history: History) -> dict[int, dict[str, str]]:
    """Return tags with each trial's diagnosis. It depends on the whole log, so it is sent when the study ends."""
    clear = {number: diagnosis for number, diagnosis in diagnoses(history).items() if diagnosis.label != "unclear"}
    return {
        number: tags({"hpsearch.diagnosis": diagnosis.label, "hpsearch.diagnosis.reason": diagnosis.reason})
        for number, diagnosis in clear.items()
    }


def trial_points(trial: Trial, times: list[float], start: int) -> list[Point]:
    """Return the points of a trial's epochs from row ``start`` on and, once it has ended, those of its best value.

    MLflow would store an infinity as 1.8e308, which flattens every chart. So an infinity is sent as NaN, which is a gap
    at its step, and is named in the tag ``hpsearch.infinite``.

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


def tick_began(tick: Tick, earliest: float) -> float:
    """Return when a tick began, in seconds since 1970: its end less its training, and not before ``earliest``."""
    return min(tick.time, max(earliest, tick.time - sum(row.seconds for row in tick.rows)))


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
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def is_done(history: History) -> bool:
    """Return whether a study is at its end: no trial runs, and it was stopped or has made all the trials it wanted."""
    if history.unfinished or not history.trials:
        return False
    declaration = history.declaration
    if history.to_retry or history.dequeued < len(history.queue) * declaration.repeats:
        return False
    planned = stages.planned_trials(history, DEFAULT_TRIALS)
    planned = None if planned is None else planned + len(history.retries) + history.dequeued
    expected = confirm.expected(history, confirm.most_trials(declaration, planned))
    # A grid may have fewer points than the trials that were allowed.
    enough = expected is None or declaration.sampler == "grid" or len(history.trials) >= int(expected)
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
