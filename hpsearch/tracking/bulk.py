"""Writes many ended runs at once into a local sqlite store, as MLflow's API would write them one by one.

The API takes some thirty statements and six commits per run; here a few hundred runs are one short transaction through
MLflow's own SQLAlchemy models. This needs tables that are known: a store of another revision is written by the API.
"""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from hpsearch.tracking.content import Point

REVISIONS = frozenset({"dc11669786a5"})
"""Revisions of MLflow's store whose tables are written as below: tests compare them with what the API writes."""

CHUNK = 200
"""Runs of one transaction, which takes some tenths of a second; nobody else can write meanwhile."""

LARGEST_VALUE = 1.7976931348623157e308
"""What MLflow stores for infinity."""


@dataclass(frozen=True)
class EndedRun:
    """A run that has ended, with its tags, parameters and points.

    Attributes:
        name: Its name.
        start: When it began, in ms since 1970.
        end: When it ended.
        status: MLflow's status.
        tags: Its tags.
        params: Its parameters.
        points: Its points, none twice.
    """

    name: str
    start: int
    end: int
    status: str
    tags: Mapping[str, str]
    params: Mapping[str, str]
    points: Sequence[Point]


def takes(client: Any) -> bool:
    """Return whether a client's store is a local sqlite file of a revision whose tables are known."""
    store = client._tracking_client.store
    engine = getattr(store, "engine", None)
    if engine is None or engine.dialect.name != "sqlite":
        return False
    utils: Any = import_module("mlflow.store.db.utils")  # it says nothing of its types
    return utils._get_schema_version(engine) in REVISIONS


def add(client: Any, experiment: str, runs: Sequence[EndedRun], dataset: Mapping[str, Any] | None) -> None:
    """Add ended runs, all of them or none.

    Args:
        client: An MlflowClient whose store :func:`takes` them.
        experiment: Id of the experiment.
        runs: Runs of which none is there yet.
        dataset: Name, digest, source_type, source and profile of the data that they were trained on, or None.

    Raises:
        Exception: Whatever the store raised; nothing is written.
    """
    from mlflow.store.tracking.dbmodels import models

    store = client._tracking_client.store
    artifacts = store.get_experiment(experiment).artifact_location.rstrip("/")
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("SqlRun", "SqlTag", "SqlParam", "SqlMetric", "SqlLatestMetric", "SqlInput", "SqlInputTag")
    }
    with store.ManagedSessionMaker(read_only=False) as session:
        source = None if dataset is None else _dataset(session, models, experiment, dataset)
        for run in runs:
            _add_rows(run, uuid.uuid4().hex, int(experiment), artifacts, source, rows)
        for name, values in rows.items():
            if values:
                session.execute(getattr(models, name).__table__.insert(), values)


def _add_rows(
    run: EndedRun,
    run_id: str,
    experiment: int,
    artifacts: str,
    dataset_id: str | None,
    rows: dict[str, list[dict[str, Any]]],
) -> None:
    """Add the rows of a run to those of each table."""
    rows["SqlRun"].append(
        {
            "run_uuid": run_id,
            "name": run.name,
            "source_type": "UNKNOWN",
            "source_name": "",
            "entry_point_name": "",
            "user_id": run.tags.get("mlflow.user", "unknown"),
            "status": run.status,
            "start_time": run.start,
            "end_time": run.end,
            "deleted_time": None,
            "source_version": "",
            "lifecycle_stage": "active",
            "artifact_uri": f"{artifacts}/{run_id}/artifacts",
            "experiment_id": experiment,
        }
    )
    tags = {"mlflow.runName": run.name, **run.tags}
    rows["SqlTag"] += [{"key": key, "value": value, "run_uuid": run_id} for key, value in tags.items()]
    rows["SqlParam"] += [{"key": key, "value": value, "run_uuid": run_id} for key, value in run.params.items()]
    latest: dict[str, dict[str, Any]] = {}
    for point in run.points:
        nan = math.isnan(point.value)
        value = 0.0 if nan else min(max(point.value, -LARGEST_VALUE), LARGEST_VALUE)
        row = {
            "key": point.key,
            "value": value,
            "timestamp": point.timestamp,
            "step": point.step,
            "is_nan": nan,
            "run_uuid": run_id,
        }
        rows["SqlMetric"].append(row)
        last = latest.get(point.key)
        if last is None or (point.step, point.timestamp, value) > (last["step"], last["timestamp"], last["value"]):
            latest[point.key] = row
    rows["SqlLatestMetric"] += latest.values()
    if dataset_id is not None:
        input_id = uuid.uuid4().hex
        link = {"source_type": "DATASET", "source_id": dataset_id, "destination_type": "RUN", "destination_id": run_id}
        rows["SqlInput"].append({"input_uuid": input_id, "step": 0, **link})
        rows["SqlInputTag"].append({"input_uuid": input_id, "name": "mlflow.data.context", "value": "train"})


def _dataset(session: Any, models: Any, experiment: str, dataset: Mapping[str, Any]) -> str:
    """Return the id of the data set in the store, which is added where it is not there yet."""
    identity = {"experiment_id": int(experiment), "name": dataset["name"], "digest": dataset["digest"]}
    row = session.query(models.SqlDataset).filter_by(**identity).first()
    if row is not None:
        return str(row.dataset_uuid)
    new_id = uuid.uuid4().hex
    description = {f"dataset_{name}": dataset[name] for name in ("source_type", "source", "profile")}
    session.execute(models.SqlDataset.__table__.insert(), [{"dataset_uuid": new_id, **identity, **description}])
    return new_id


def dataset_fields(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields with which MLflow describes a data set.

    Args:
        dataset: Name, digest, source and sizes, as in a log's header.
    """
    source = dataset.get("source") or dataset["name"]
    sizes = {name: dataset[name] for name in ("sizes", "features", "classes") if name in dataset}
    return {
        "name": str(dataset["name"])[:500],
        "digest": str(dataset["digest"])[:36],
        "source_type": "local" if "://" not in str(source) else "http",
        "source": json.dumps({"uri": str(source)}),
        "profile": json.dumps(sizes) if sizes else None,
    }
