"""Opening a study's log: a header for a new one, a comparison for an old one, an extension where more is wanted."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.engine import environment
from hpsearch.engine.changing import LISTED, TAKE_UP, Accepted, Wish, accept, check_as_it_began
from hpsearch.engine.warm import Warmth
from hpsearch.errors import UserError
from hpsearch.log.catalogue import version_file
from hpsearch.log.history import History, Trial
from hpsearch.log.records import MINOR, Decision, Extension, Header, Tick
from hpsearch.log.writer import Log
from hpsearch.models.datasets import Dataset
from hpsearch.space import Choice, Float, check_value
from hpsearch.space.dimensions import json_value
from hpsearch.study.declaration import CONFIRM, LIMITS, declare, identity, rule_of
from hpsearch.study.study import Study


def open_history(
    log: Log,
    study: Study,
    dataset: Dataset | None,
    study_file: Path | None,
    notice: Callable[[str], None],
    wish: Wish = TAKE_UP,
    *,
    warmth: Warmth | None = None,
    git_diff: bool = True,
) -> History:
    """Return the history of an open log, its header written where it is new.

    Args:
        log: The open log.
        study: What is about to run.
        dataset: Its data, or None.
        study_file: The file that declares it: kept beside the log.
        notice: Called with a line where CPU, BLAS or Python differ from those that began the study.
        wish: How a study that exists goes on.
        warmth: The results from elsewhere that its samplers observe, or None.
        git_diff: Whether a new log takes down how the repository's files differ from its commit.

    Raises:
        UserError: The log is of another declaration or of other data.
    """
    history = History.fold(log.records, study.goal)
    if history.header is None:
        _begin(log, history, study, dataset, study_file, notice, git_diff, warmth)
    else:
        if wish.retry and not history.failed():
            notice("no trial has failed: there is nothing to try again")
        _go_on(log, history, history.header, study, dataset, study_file, wish, notice, warmth)
        then = history.header.environment
        now = environment.current(diff=False)
        for key in ("cpu", "blas", "python"):
            if then.get(key) != now.get(key):
                notice(f"{key} was {then.get(key)}, is now {now.get(key)}: last bits of new curves may differ")
    return history


def _begin(
    log: Log,
    history: History,
    study: Study,
    dataset: Dataset | None,
    study_file: Path | None,
    notice: Callable[[str], None],
    git_diff: bool,
    warmth: Warmth | None,
) -> None:
    declaration = declare(study, notice=notice)
    data = describe_data(dataset)
    uid = identity({**declaration, "dataset": data.get("digest")})
    recorded = environment.current(study_file.parent if study_file else None, diff=git_diff) | {
        "threads": study.threads
    }
    observations = warmth.brought.to_json() if warmth else {}
    header = Header(study.name, uid, declaration, recorded, data, time.time(), minor=MINOR, brought=observations)
    if study_file is not None:
        shutil.copyfile(study_file, log.path.parent / version_file(1))
    log.append(header)
    history.apply(header)


def _go_on(
    log: Log,
    history: History,
    header: Header,
    study: Study,
    dataset: Dataset | None,
    study_file: Path | None,
    wish: Wish,
    notice: Callable[[str], None],
    warmth: Warmth | None,
) -> None:
    old = history.declaration.to_json()
    declaration = declare(study, rule=rule_of(old))
    if not (more := _more_trials(old["n_trials"], declaration["n_trials"])) and not wish.new_version:
        declaration["n_trials"] = old["n_trials"]
    if declaration.get("confirm", 0) < old.get("confirm", 0):
        declaration.update({key: old[key] for key in CONFIRM})
    failed = history.failed() if wish.retry else []
    unsearched = {} if study.model is None else study.model.get_params(deep=True)
    accepted = accept(study.name, old, declaration, wish, len(history.failed()), unsearched)
    if fixed := _fixed(study, old, wish):
        declaration["fixed"] = fixed
    if old.get("lookback"):
        check_as_it_began(study.name, accepted, wish)
    if header.dataset.get("digest") != describe_data(dataset).get("digest"):
        raise UserError(f"study {study.name!r}: its data changed since it was begun; name the new one with --name")
    changeable = (*LIMITS, *CONFIRM, "comparison")
    changed = any(old.get(key) != declaration.get(key) for key in changeable)
    if accepted is None and not (more or failed or changed or fixed != old.get("fixed", {})):
        return
    accepted = accepted or Accepted()
    if accepted.change == "new_version":
        _end_running(log, history, f"version {history.version + 1} of the study began", "version")
        declaration = declare(study, notice=notice)  # a new version is described by the newest rule
        if fixed:
            declaration["fixed"] = fixed
        _keep_file(log.path.parent, study_file, history.version + 1)
    elif study.model is not None and old["epochs"] != declaration["epochs"]:
        # How a model trains may depend on how long (a schedule, the samples of an epoch): none trains half by either.
        _end_running(log, history, "the study's epochs changed", "epochs")
    else:
        without_option = [trial for trial in history.unfinished if _lacks(study, trial)]
        _end_running(log, history, "its option is no longer in the space", "space", without_option)
    extension = Extension(
        declaration, time.time(), failed, accepted.change, list(accepted.changed), dict(accepted.earlier)
    )
    if warmth is not None and old.get("warm_start") != declaration.get("warm_start"):
        extension = replace(extension, brought=warmth.brought.to_json(), points=list(warmth.points))
    log.append(extension)
    history.apply(extension)
    if accepted.change:
        notice(f"{_ANNOUNCEMENTS[accepted.change].format(history.version)}: {'; '.join(accepted.changed)}")


_ANNOUNCEMENTS = {
    "extended": "the search goes on in another way",
    "same": "taken for the same",
    "mended": "failed trials go on under the mended code",
    "new_version": "version {}",
}


def _fixed(study: Study, old: Mapping[str, Any], wish: Wish) -> dict[str, Any]:
    """Return the parameters that have one value from now on, earlier ones included."""
    fixed = dict(old.get("fixed", {}))
    if not wish.fix:
        return fixed
    flat = study.stages is None and not study.confirm
    if not study.dimensions or not flat or study.sampler in LISTED:
        raise UserError(
            f"study {study.name!r}: --fix goes with a space of dimensions, with neither stages nor confirmation, and "
            f"with none of the samplers {', '.join(sorted(LISTED))}"
        )
    for name, value in wish.fix.items():
        check_value(study.dimensions, name, value, "--fix")
        fixed[name] = float(value) if isinstance(study.dimensions[name], Float) else json_value(value, "--fix")
    return fixed


def _lacks(study: Study, trial: Trial) -> bool:
    """Return whether a trial has an option that the study no longer offers: nothing need say what it stands for."""
    dims = study.dimensions
    return any(isinstance(dim := dims.get(k), Choice) and not dim.contains(v) for k, v in trial.params.items())


def _end_running(log: Log, history: History, reason: str, rule: str, which: Sequence[Trial] | None = None) -> None:
    """End trials that have not ended, all or some: a trial is trained in one way."""
    if not (running := list(history.unfinished) if which is None else which):
        return
    ended = tuple(Decision(trial.number, "prune", reason, rule) for trial in running)
    tick = Tick(history.tick + 1, time.time(), (), (), ended)
    log.append(tick)
    history.apply(tick)


def _keep_file(folder: Path, study_file: Path | None, version: int) -> None:
    if study_file is not None:
        copy = folder / version_file(version)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(study_file, copy)


def _more_trials(old: int | None, new: int | None) -> bool:
    return old is not None and (new is None or new > old)


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
        **_looks(dataset),
        **({"reader": dataset.reader} if dataset.reader != 1 else {}),
        **({"target": dataset.target} if dataset.target is not None else {}),
        **({"said": list(dataset.said)} if dataset.said else {}),
        **({"warnings": list(dataset.warnings)} if dataset.warnings else {}),
    }


def _looks(dataset: Dataset) -> dict[str, float]:
    """Return what a diagnosis needs to know of the training set.

    That is the size of its features (the root of their mean square, 1 for standardised ones) where they are numbers,
    and the share of its most frequent class.
    """
    facts = {}
    X = dataset.X_train
    if isinstance(X, np.ndarray) and X.dtype.kind in "fiu" and X.size:
        size = math.sqrt(float(np.mean(np.square(X, dtype=np.float64))))
        if math.isfinite(size):
            facts["feature_size"] = round(size, 6)
    if dataset.classes is not None:
        facts["majority"] = round(
            float(np.unique(dataset.y_train, return_counts=True)[1].max() / len(dataset.y_train)), 6
        )
    return facts
