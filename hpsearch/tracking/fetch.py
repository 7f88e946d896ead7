"""A trial as it is stored in MLflow: all that is needed to train it again, and the curve to compare with."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.catalogue import version_file
from hpsearch.log.records import Ask
from hpsearch.tracking.installed import demand
from hpsearch.tracking.paging import experiments_of, runs_of
from hpsearch.tracking.store import check, settings
from hpsearch.tracking.uri import redact, sqlite_path

ADDED_METRICS = frozenset({"epoch_seconds", "best_value", "best_epoch"})
"""Metrics that the delivery adds to what a trial measured."""


@dataclass(frozen=True)
class StoredTrial:
    """A trial as it is stored in MLflow.

    Attributes:
        run: The id of its run.
        study: The study's name.
        ask: Its number, lane, parameters, point, repeat and stage.
        ticks: The tick of each of its epochs.
        state: COMPLETE, PRUNED or FAILED.
        rule: The rule that ended it.
        reason: Why it ended.
        curve: ``curve[metric][epoch]``, metrics by MLflow's keys; NaN where a value was not finite.
        declaration: The study's resolved declaration.
        environment: Versions, CPU and commit with which the study was begun.
        data_digest: Digest of its data, or None where it has none.
        study_file: Text of the study file, or None where the study was begun from Python.
    """

    run: str
    study: str
    ask: Ask
    ticks: tuple[int, ...]
    state: str
    rule: str
    reason: str
    curve: dict[str, dict[int, float]]
    declaration: dict[str, Any]
    environment: dict[str, Any]
    data_digest: str | None
    study_file: str | None


def fetch(run_id: str, uri: str) -> StoredTrial:
    """Return a trial from MLflow.

    Args:
        run_id: Id of the trial's run.
        uri: The tracking URI, resolved.

    Raises:
        UserError: There is no such store or run, it is not a trial of hpsearch, or it has not ended.
    """
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise UserError(f"no MLflow store at {path}: name its --root or --tracking-uri")
    demand("reading what is in MLflow")
    with settings():
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        check(uri)
        try:
            return _fetch(MlflowClient(uri), run_id)
        except MlflowException as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(f"MLflow at {redact(uri)}: {lines[0]}") from error


def run_ids(uid: str, uri: str) -> dict[int, str]:
    """Return the ids of the runs of a study's trials, by trial number.

    Args:
        uid: The study's uid.
        uri: The tracking URI, resolved.

    Raises:
        UserError: There is no such store, or it does not answer.
    """
    path = sqlite_path(uri)
    if path is not None and not path.exists():
        raise UserError(f"no MLflow store at {path}: name its --root or --tracking-uri")
    ids: dict[int, str] = {}
    demand("reading what is in MLflow")
    with settings():
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        check(uri)
        try:
            client = MlflowClient(uri)
            experiments = experiments_of(client)
            query = f"tags.`hpsearch.uid` = '{uid}' and tags.`hpsearch.kind` = 'trial'"
            ids = {int(run.data.tags["hpsearch.trial"]): run.info.run_id for run in runs_of(client, experiments, query)}
        except MlflowException as error:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise UserError(f"MLflow at {redact(uri)}: {lines[0]}") from error
    return ids


def _fetch(client: Any, run_id: str) -> StoredTrial:
    run = _run(client, run_id)
    tags = run.data.tags
    if tags.get("hpsearch.kind") == "study":
        hint = _trial_hint(client, run.info.experiment_id, run_id)
        raise UserError(f"run {run_id} is a study's own; name one of its trials{hint}")
    if tags.get("hpsearch.kind") != "trial":
        raise UserError(f"run {run_id} is no trial of hpsearch")
    if "hpsearch.ticks" not in tags or tags.get("hpsearch.state") in ("RUNNING", "PAUSED", "INTERRUPTED"):
        raise UserError(f"trial {tags['hpsearch.trial']} of {tags['hpsearch.study']!r} has not ended yet")
    parent = tags["mlflow.parentRunId"]
    version = int(tags.get("hpsearch.version", 1))
    study_file = version_file(version)
    declaration = study_file.replace("study.py", "declaration.json")
    files = _files(client, parent, (declaration, "environment.json", study_file))
    for name in (declaration, "environment.json"):
        if name not in files:
            raise UserError(f"run {parent}: its artifact {name} is gone; `hpsearch sync` brings it back from the log")
    ask = Ask(
        trial=int(tags["hpsearch.trial"]),
        lane=int(tags["hpsearch.lane"]),
        params=_params(tags),
        point=int(tags["hpsearch.point"]),
        repeat=int(tags["hpsearch.repeat"]),
        stage=int(tags["hpsearch.stage"]),
        reuses=int(tags["hpsearch.reuses"]) if "hpsearch.reuses" in tags else None,
        place=int(tags["hpsearch.place"]) if "hpsearch.place" in tags else None,
    )
    curve = {
        name: {
            point.step: point.value if math.isfinite(point.value) else math.nan
            for point in client.get_metric_history(run_id, name)
        }
        for name in run.data.metrics
    }
    return StoredTrial(
        run=run_id,
        study=tags["hpsearch.study"],
        ask=ask,
        ticks=tuple(_numbers(tags["hpsearch.ticks"])),
        state=tags["hpsearch.state"],
        rule=tags.get("hpsearch.rule", ""),
        reason=tags.get("hpsearch.reason", ""),
        curve=curve,
        declaration=json.loads(files[declaration]),
        environment=json.loads(files["environment.json"]),
        data_digest=tags.get("hpsearch.data_digest"),
        study_file=files.get(study_file),
    )


def _run(client: Any, run_id: str) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return client.get_run(run_id)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        raise UserError(f"no run {run_id!r} in this MLflow store{_suggestion(client, run_id)}") from error


def _suggestion(client: Any, run_id: str) -> str:
    """Return a suggestion with the runs that were likely meant: those that begin with this id, else similar ones."""
    described: dict[str, str] = {}
    for run in runs_of(client, experiments_of(client), "tags.`hpsearch.kind` = 'trial'"):
        name = run.info.run_id
        tags = run.data.tags
        described[name] = f"{name} (trial {tags['hpsearch.trial']} of {tags['hpsearch.study']})"
    if not described:
        return ", which holds no trial of hpsearch"
    close = [run for run in described if run.startswith(run_id)][:3]
    close = close or get_close_matches(run_id, described, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(described[run] for run in close)}?"
    return "; `hpsearch ui` shows the runs, and a run's page its id"


def _trial_hint(client: Any, experiment: str, parent: str) -> str:
    page = client.search_runs([experiment], f"tags.`mlflow.parentRunId` = '{parent}'", max_results=1)
    return f", such as {page[0].info.run_id}" if page else ""


def _files(client: Any, run: str, names: tuple[str, ...]) -> dict[str, str]:
    """Return the texts of the named artifacts of a run, by name; those that it lacks are left out."""
    folders = dict.fromkeys(name.rpartition("/")[0] for name in names)
    existing = {file.path for folder in folders for file in client.list_artifacts(run, folder or None)}
    with tempfile.TemporaryDirectory() as folder:
        return {
            name: Path(client.download_artifacts(run, name, folder)).read_text(encoding="utf-8")
            for name in names
            if name in existing
        }


def _params(tags: Mapping[str, str]) -> dict[str, Any]:
    try:
        params: dict[str, Any] = json.loads(tags["hpsearch.params"])
    except KeyError as error:
        raise UserError("this run was delivered by an older hpsearch, which did not log what a replay needs") from error
    except ValueError as error:
        raise UserError("this trial's parameters are longer than a tag of MLflow; it cannot be replayed") from error
    return params


def _numbers(spans: str) -> list[int]:
    """Return the numbers that ``content.spans`` wrote.

    >>> _numbers("3-5,9")
    [3, 4, 5, 9]
    """
    numbers: list[int] = []
    for span in filter(None, spans.split(",")):
        first, _, last = span.partition("-")
        numbers += range(int(first), int(last or first) + 1)
    return numbers
