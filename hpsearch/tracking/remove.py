"""Removes a study from MLflow."""

from __future__ import annotations

import shutil
from pathlib import Path
from urllib.parse import unquote, urlsplit

from hpsearch.errors import UserError
from hpsearch.log.catalogue import LOG
from hpsearch.tracking import cursor
from hpsearch.tracking.deliver import locked
from hpsearch.tracking.installed import demand
from hpsearch.tracking.store import check, settings
from hpsearch.tracking.uri import STORE, artifact_location, is_own, redact, resolve, sqlite_path

PAGE = 1000
"""Runs of one answer."""

PATIENCE = 20.0
"""Seconds to wait for another process that delivers the study."""


def stores(study_dir: Path, uri: str | None = None) -> list[str]:
    """Return the stores that a study was delivered to, and the one that is named.

    A store in another root, whose study of this name is there, is that root's: version 0.1 wrote down its own store by
    its path, and a copy of such a root has nothing to do there.

    Args:
        study_dir: The study's folder.
        uri: The tracking URI; None for MLFLOW_TRACKING_URI or the root's own store.
    """
    named = resolve(study_dir.absolute().parents[1], uri)
    # A cursor goes by the address without its password.
    key = cursor.key(study_dir, named)
    uris = [named if cursor.key(study_dir, store) == key else store for store in cursor.delivered_to(study_dir)]
    uris = [store for store in uris if store == named or not _is_of_another_root(study_dir, store)]
    return uris if uri is None or named in uris else [*uris, named]


def _is_of_another_root(study_dir: Path, uri: str) -> bool:
    path = sqlite_path(uri)
    if path is None or path.name != STORE or is_own(path, study_dir.absolute().parents[1]):
        return False
    return (path.parent / "studies" / study_dir.name / LOG).exists()


def is_gone(uri: str) -> bool:
    """Return whether a store is a sqlite file that is no longer there."""
    path = sqlite_path(uri)
    return path is not None and not path.exists()


def remove(study_dir: Path, name: str, uid: str, uri: str) -> int:
    """Delete the runs of a study in one store, and its experiment where that holds no other; return how many runs.

    MLflow keeps what is deleted until `mlflow gc`; so that a study of this name can be run again, the deleted ones lose
    their tag and the experiment its name.

    Args:
        study_dir: The study's folder; artifacts below its root are deleted with the experiment.
        name: The study's name, and the experiment's.
        uid: The study's uid.
        uri: The tracking URI, resolved.

    Raises:
        UserError: The store does not answer, or another process is delivering the study.
    """
    if is_gone(uri):
        return 0
    demand("removing runs from MLflow (--no-tracking leaves them there)")
    # The report of a study that has just ended may still be on its way.
    with settings(), locked(study_dir, lambda _: False, PATIENCE) as free:
        if not free:
            raise UserError(f"{study_dir.name}: it is being delivered to MLflow; try again when that is done")
        from mlflow.entities import ViewType
        from mlflow.exceptions import MlflowException
        from mlflow.tracking import MlflowClient

        check(uri)
        try:
            client = MlflowClient(uri)
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                return 0
            experiments = [experiment.experiment_id]
            query = f"tags.`hpsearch.uid` = '{uid}'"
            count = 0
            while page := client.search_runs(experiments, query, ViewType.ALL, max_results=PAGE):
                for run in page:
                    if run.info.lifecycle_stage == "deleted":
                        client.restore_run(run.info.run_id)  # a deleted run's tags cannot be changed
                    client.set_tag(run.info.run_id, "hpsearch.uid", f"removed-{uid}")
                    client.delete_run(run.info.run_id)
                    count += 1
            if not client.search_runs(experiments, "", ViewType.ACTIVE_ONLY, max_results=1):
                client.rename_experiment(experiment.experiment_id, f"{name} (removed {experiment.experiment_id})")
                client.delete_experiment(experiment.experiment_id)
                _remove_artifacts(study_dir, name, uri)
        except MlflowException as error:
            reason = str(error).strip().splitlines()[0][:200]
            raise UserError(f"{redact(uri)}: MLflow does not let it be removed ({reason})") from error
    return count


def _remove_artifacts(study_dir: Path, name: str, uri: str) -> None:
    location = artifact_location(study_dir.absolute().parents[1], uri, name)
    if location is not None:
        shutil.rmtree(Path(unquote(urlsplit(location).path)), ignore_errors=True)
