"""Opening a study's log: a header for a new one, a comparison for an old one, an extension where more is wanted."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hpsearch.engine import environment
from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.log.records import Extension, Header
from hpsearch.log.writer import Log
from hpsearch.models.datasets import Dataset
from hpsearch.study.declaration import CONFIRM, LIMITS, changes, declare, identity, widens
from hpsearch.study.study import Study


def open_history(
    log: Log,
    study: Study,
    dataset: Dataset | None,
    study_file: Path | None,
    notice: Callable[[str], None],
    *,
    extend: bool = False,
    retry: bool = False,
) -> History:
    """Return the history of an open log, its header written where it is new.

    Args:
        log: The open log.
        study: What is about to run.
        dataset: Its data, or None.
        study_file: The file that declares it: kept beside the log.
        notice: Told where the machine is not the one that began the study.
        extend: Whether a wider space or more choices go on with the study.
        retry: Whether trials that failed are to be tried again.

    Raises:
        UserError: The log is of another declaration or of other data.
    """
    history = History.fold(log.records, study.goal)
    if history.header is None:
        _begin(log, history, study, dataset, study_file)
    else:
        if retry and not history.failed():
            notice("no trial has failed: there is nothing to try again")
        _go_on(log, history, history.header, study, dataset, extend, retry)
        then, now = history.header.environment, environment.describe()
        for key in ("cpu", "blas", "python"):
            if then.get(key) != now.get(key):
                notice(f"{key} was {then.get(key)}, is now {now.get(key)}: last bits of new curves may differ")
    return history


def _begin(log: Log, history: History, study: Study, dataset: Dataset | None, study_file: Path | None) -> None:
    declaration, described = declare(study), describe_data(dataset)
    uid = identity({**declaration, "dataset": described.get("digest")})
    where = environment.describe(study_file.parent if study_file else None) | {"threads": study.threads}
    header = Header(study.name, uid, declaration, where, described, time.time())
    if study_file is not None:
        shutil.copyfile(study_file, log.path.parent / "study.py")
    log.append(header)
    history.apply(header)


def _go_on(
    log: Log, history: History, header: Header, study: Study, dataset: Dataset | None, extend: bool, retry: bool
) -> None:
    old, declaration = history.declaration.to_json(), declare(study)
    if not (more := _more_trials(old["n_trials"], declaration["n_trials"])):
        declaration["n_trials"] = old["n_trials"]
    if declaration.get("confirm", 0) < old.get("confirm", 0):
        declaration.update({key: old[key] for key in CONFIRM})
    if identity(old) != identity(declaration):
        what = "; ".join(changes(old, declaration))
        wider = widens(old, declaration)
        if not (wider and extend):
            way = "go on with the wider one by --extend, or " if wider else ""
            raise UserError(
                f"study {study.name!r} has changed since it was begun ({what}); {way}name the new one with --name"
            )
        more = True
    if header.dataset.get("digest") != describe_data(dataset).get("digest"):
        raise UserError(f"study {study.name!r}: its data changed since it was begun; name the new one with --name")
    failed = history.failed() if retry else []
    changeable = (*LIMITS, *CONFIRM, "comparison")
    if more or failed or any(old.get(key) != declaration.get(key) for key in changeable):
        extension = Extension(declaration, time.time(), failed)
        log.append(extension)
        history.apply(extension)


def _more_trials(had: int | None, wanted: int | None) -> bool:
    return had is not None and (wanted is None or wanted > had)


def describe_data(dataset: Dataset | None) -> dict[str, Any]:
    """Return name, digest and sizes of a data set as JSON values; empty for none."""
    if dataset is None:
        return {}
    sizes = {"train": len(dataset.y_train), "valid": len(dataset.y_valid)}
    if dataset.y_test is not None:
        sizes["test"] = len(dataset.y_test)
    return {
        "name": dataset.name,
        "digest": dataset.digest,
        "source": dataset.source,
        "sizes": sizes,
        "features": int(dataset.X_train.shape[1]),
        "classes": None if dataset.classes is None else len(dataset.classes),
        **({"reader": dataset.reader} if dataset.reader != 1 else {}),
        **({"target": dataset.target} if dataset.target is not None else {}),
        **({"said": list(dataset.said)} if dataset.said else {}),
        **({"warnings": list(dataset.warnings)} if dataset.warnings else {}),
    }
