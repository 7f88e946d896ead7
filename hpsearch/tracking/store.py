"""The MLflow client, reduced to what the projection needs."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.posix import fcntl
from hpsearch.tracking import bulk, cursor, model, sqlite_store
from hpsearch.tracking.content import STATUS, Point
from hpsearch.tracking.paging import runs_of
from hpsearch.tracking.relocate import settle_own
from hpsearch.tracking.uri import artifact_location, is_own, sqlite_path

_SETTINGS = {
    # A dead server would hold one call for 246 s by default; the delivery has a retry of its own, with all it knows.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # Printing it costs a request for every run that ends.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "GIT_PYTHON_REFRESH": "quiet",
}


class StoreGone(Exception):
    """A person deleted in MLflow what the projection needs: an experiment, or a study's run."""


@contextmanager
def settings() -> Iterator[None]:
    """Hold MLflow's environment variables at what a delivery needs, wherever the user has not set them."""
    unset = [name for name in _SETTINGS if name not in os.environ]
    os.environ.update({name: _SETTINGS[name] for name in unset})
    try:
        yield
    finally:
        for name in unset:
            os.environ.pop(name, None)


def warm_up() -> None:
    """Import mlflow, which takes over a second, while there is nothing to deliver yet."""
    with settings():
        import mlflow.tracking  # noqa: F401


@dataclass(frozen=True)
class StoredRun:
    """A run that a store holds already.

    Attributes:
        run: Its id.
        trial: The trial's number, or None for the study's own run.
        status: MLflow's status.
        state: The tag ``hpsearch.state``.
        keys: The names of its metrics.
        deleted: Whether a person has deleted it in MLflow.
        end: When it ended, in ms since 1970, or None.
    """

    run: str
    trial: int | None
    status: str
    state: str
    keys: tuple[str, ...]
    deleted: bool
    end: int | None = None

    def is_at(self, state: str) -> bool:
        """Return whether the run shows this state, in its tag and in its status."""
        return self.state == state and self.status == STATUS[state]


class Store:
    """One experiment of one MLflow store. Touches no global state of MLflow: no active run, no tracking URI.

    Use inside :func:`settings`. Opening imports mlflow, and makes the store and the experiment where they do not exist.

    Args:
        uri: The tracking URI, resolved.
        root: The root of all state; artifacts go below it unless a server decides.
        name: The study's name, and the experiment's.

    Raises:
        UserError: The store is damaged, or was written by another version of MLflow.
        StoreGone: The experiment was deleted in MLflow.
    """

    def __init__(self, uri: str, root: Path, name: str) -> None:
        from mlflow.tracking import MlflowClient

        self.uri = uri
        with opening(uri, root):
            settle_own(root, name, uri)
            self._client: Any = MlflowClient(uri)
            experiment = self._client.get_experiment_by_name(name)
            self.is_new = experiment is None
            if experiment is None:
                self.experiment: str = self._client.create_experiment(name, artifact_location(root, uri, name))
            elif experiment.lifecycle_stage == "deleted":
                raise StoreGone(
                    f"the experiment {name!r} was deleted in MLflow: bring it back with "
                    f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`"
                )
            else:
                self.experiment = experiment.experiment_id

    def find(self, uid: str) -> list[StoredRun]:
        """Return all runs of a study, its own and its trials', deleted ones included."""
        experiments = [] if self.is_new else [self.experiment]
        return [
            _stored_run(run)
            for run in runs_of(self._client, experiments, f"tags.`hpsearch.uid` = '{uid}'", deleted=True)
        ]

    def points(self, run: StoredRun) -> set[tuple[str, int]]:
        """Return the key and step of every point that a run has."""
        return {
            (point.key, point.step) for name in run.keys for point in self._client.get_metric_history(run.run, name)
        }

    def create(self, name: str, start: int, tags: Mapping[str, str]) -> str:
        """Make a run and return its id; ``start`` in ms since 1970."""
        run = self._client.create_run(self.experiment, start_time=start, tags=dict(tags), run_name=name)
        return str(run.info.run_id)

    def log(
        self,
        run: str,
        points: Sequence[Point] = (),
        params: Mapping[str, str] | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Add points, parameters and tags to a run in as few calls as MLflow takes."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(point.key, point.value, point.timestamp, point.step) for point in points]
        if not metrics and not params and not tags:
            return
        # The client splits what is over the limits of one call.
        self._client.log_batch(
            run,
            metrics=metrics,
            params=[Param(name, value) for name, value in (params or {}).items()],
            tags=[RunTag(name, value) for name, value in (tags or {}).items()],
        )

    def tag_experiment(self, name: str, value: str) -> None:
        """Set a tag of the experiment."""
        self._client.set_experiment_tag(self.experiment, name, value)

    def end(self, run: str, status: str, end: int) -> None:
        """End a run; ``end`` in ms since 1970."""
        self._client.set_terminated(run, status, end)

    @cached_property
    def takes_bulk(self) -> bool:
        """Whether many ended runs can be added at once."""
        return bulk.takes(self._client)

    def add(self, runs: Sequence[bulk.EndedRun], dataset: Mapping[str, Any]) -> None:
        """Add ended runs of which none is there yet, all or none, to a store that :attr:`takes_bulk`."""
        bulk.add(self._client, self.experiment, runs, bulk.dataset_fields(dataset) if dataset else None)

    def reopen(self, run: str) -> None:
        """Set a run back to RUNNING."""
        self._client.update_run(run, status="RUNNING")

    def log_dataset(self, run: str, dataset: Mapping[str, Any], context: str) -> None:
        """Name the data set that a run used, by its digest, without loading it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag

        fields: dict[str, Any] = bulk.dataset_fields(dataset)
        entity = Dataset(**fields)
        self._client.log_inputs(run, [DatasetInput(entity, [InputTag("mlflow.data.context", context)])])

    def log_text(self, run: str, text: str, name: str) -> None:
        """Store a text as a run's artifact."""
        # As written: MLflow's own log_text turns line ends into the platform's. Half a character becomes an escape.
        self.log_file(run, text.encode("utf-8", "backslashreplace"), name)

    def log_file(self, run: str, content: bytes, name: str) -> None:
        """Store a file as a run's artifact; one that is there is replaced.

        Raises:
            UserError: The artifacts of this store are in a folder that cannot be written.
        """
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name.rpartition("/")[2]
            path.write_bytes(content)
            self.log_path(run, path, name)

    def log_path(self, run: str, path: Path, name: str) -> None:
        """Store a file that is there as a run's artifact; one that is there under the name is replaced.

        Args:
            run: The run.
            path: The file.
            name: Folders and the file's own name, joined by ``/``.

        Raises:
            UserError: The artifacts of this store are in a folder that cannot be written.
        """
        try:
            self._client.log_artifact(run, str(path), name.rpartition("/")[0] or None)
        except OSError as error:
            if error.filename is None:
                raise  # not of a file: of a connection
            raise UserError(f"artifacts cannot be written to {error.filename} ({error.strerror})") from error

    def log_model(self, run: str, study_dir: Path) -> None:
        """Bring the model in a study's folder, if there is one, to its run and into the registry.

        Raises:
            UserError: The registry does not take the name.
        """
        model.send(self._client, self.experiment, run, study_dir)

    def settle(self) -> None:
        """Merge a sqlite store into its one file, where nobody reads it just now, as people copy and move files."""
        path = sqlite_path(self.uri)
        if path is not None and path.exists():
            with closing(sqlite3.connect(path, timeout=1.0)) as base:
                base.execute("pragma wal_checkpoint(truncate)")


def _stored_run(run: Any) -> StoredRun:
    number = run.data.tags.get("hpsearch.trial")
    return StoredRun(
        run=run.info.run_id,
        trial=None if number is None else int(number),
        status=run.info.status,
        state=run.data.tags.get("hpsearch.state", ""),
        keys=tuple(run.data.metrics),
        deleted=run.info.lifecycle_stage == "deleted",
        end=run.info.end_time,
    )


@contextmanager
def opening(uri: str, root: Path) -> Iterator[None]:
    """Let one process at a time open a sqlite store, and make it before where it does not exist.

    A store that MLflow was cut off in making holds nothing: the root's own is set aside and made anew, and every study
    of the root counts as not delivered to it.

    Raises:
        UserError: The store is damaged, half-made elsewhere than in the root, or of another version of MLflow.
    """
    path = sqlite_path(uri)
    if path is None:
        yield
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        condition = sqlite_store.condition(path)
        if condition.kind == "half-made" and is_own(path, root):
            cursor.forget_all(root, uri)  # first: if interrupted in between, no study counts as delivered
            sqlite_store.set_aside(path, "half-made")
            condition = sqlite_store.condition(path)
        if condition.kind == "absent":
            sqlite_store.make(path)
        elif (refusal := sqlite_store.refusal(path, condition)) is not None:
            raise UserError(refusal)
        yield


def check(uri: str) -> None:
    """Refuse a sqlite store that cannot be opened, before MLflow tries to and changes it.

    Raises:
        UserError: It is half-made, damaged, or of another version of MLflow.
    """
    path = sqlite_path(uri)
    if path is not None and (refusal := sqlite_store.refusal(path, sqlite_store.condition(path))) is not None:
        raise UserError(refusal)
