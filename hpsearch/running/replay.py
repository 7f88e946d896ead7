"""Training a trial again from what MLflow holds, and comparing its curve bit by bit."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch import space as spaces
from hpsearch.engine import environment
from hpsearch.engine.resume import catch_up, same_value
from hpsearch.errors import UserError
from hpsearch.log import within
from hpsearch.log.history import FAILURE
from hpsearch.log.records import Row
from hpsearch.objectives.base import Start
from hpsearch.objectives.staged import prepare
from hpsearch.objectives.surroundings import declared_threads, surrounded, surroundings
from hpsearch.study import aliases
from hpsearch.study.declaration import CONFIRM, changes, declare, rule_of
from hpsearch.study.declared import Declaration
from hpsearch.study.loading import load_study
from hpsearch.study.scaling import Scale
from hpsearch.study.settings import having
from hpsearch.study.study import Study
from hpsearch.study.table import Table
from hpsearch.tables import door
from hpsearch.tracking.fetch import ADDED_METRICS, StoredTrial, fetch
from hpsearch.tracking.spelling import MAX_TAG, key, text
from hpsearch.tracking.uri import resolve

TRAINS = having(Study, "trains")
"""Fields of a declaration that decide how a trial trains; the others decide which trials there are."""

OWN = "hpsearch.MLPClassifier"
"""The one model that a declaration describes completely, so that no study file is needed."""

PLAIN = having(Study, "plain")
"""Fields whose values are taken from a declaration as they are."""


@dataclass(frozen=True)
class Replayed:
    """The result of a replay.

    Attributes:
        identical: Whether every value of the curve is the same, bit for bit, and a failure the same failure.
        lines: The result in words, with the likely causes of a difference.
    """

    identical: bool
    lines: list[str]


def replay(run_id: str, root: str | Path = "mlruns", tracking_uri: str | None = None) -> Replayed:
    """Train a trial again from MLflow alone, and compare.

    The study file that MLflow holds is run: replay only what you would run yourself.

    Args:
        run_id: Id of the trial's run.
        root: Where all state is.
        tracking_uri: MLflow's store; by default MLFLOW_TRACKING_URI, else the root's own.

    Raises:
        UserError: MLflow does not hold all that a replay needs, or the data cannot be loaded.
    """
    remembered = fetch(run_id, resolve(Path(root), tracking_uri))
    ask = remembered.ask
    if ask.reuses is not None:
        raise UserError(
            f"trial {ask.trial} of {remembered.study!r} was not trained: it has the result of trial {ask.reuses}; "
            "replay that one"
        )
    threads = declared_threads(Declaration.of(remembered.declaration), remembered.environment)
    with tempfile.TemporaryDirectory(prefix="hpsearch-replay-") as folder:
        study = _study(remembered, Path(folder))
        dataset = None if study.data is None else door.load_as(study.data, study.model, remembered.data_digest)
        digest = None if dataset is None else dataset.digest
        rule = rule_of(remembered.declaration)
        objective = surrounded(prepare(study, dataset, rule).make, threads, dataset)
        causes = list(_causes(remembered, declare(study, rule=rule), digest))
        with surroundings(threads):
            rows = [row for _, row in catch_up(objective, [(Start(remembered.ask), remembered.ticks)])]
    differing = list(_differences(remembered, rows))
    about = f"trial {remembered.ask.trial} of {remembered.study!r} ({remembered.state})"
    if not differing:
        epochs = f"{len(rows)} epoch{'' if len(rows) == 1 else 's'}"
        return Replayed(True, [f"identical: {about}, {epochs}, every value bit for bit"])
    lines = [f"differs: {about}", differing[0]]
    if len(differing) > 1:
        lines.append(f"{len(differing)} values differ in all")
    unknown = "nothing on record has changed: not the versions, the CPU, the commit, the data or the study"
    return Replayed(False, [*lines, *(causes or [unknown])])


def _study(remembered: StoredTrial, folder: Path) -> Study:
    """Return the study that MLflow remembers: its file, with what the command line or an extension changed."""
    declaration = remembered.declaration
    if remembered.study_file is not None:
        # Its classes are known by the file's name.
        argv = remembered.environment.get("argv") or []
        path = folder / next((Path(word).name for word in argv if word.endswith(".py")), "study.py")
        path.write_text(remembered.study_file, encoding="utf-8")
        return as_declared(
            load_study(path, remembered.study, data_of(remembered.study, remembered.declaration)), declaration
        )
    model = declaration.get("model") or {}
    if aliases.public(str(model.get("class"))) != OWN or not isinstance(declaration.get("data"), str):
        raise UserError(
            f"study {remembered.study!r} was begun from Python, so its objective or data is not in MLflow; "
            "a study that is run from a file can be replayed"
        )
    from hpsearch.models.estimators.classifier import MLPClassifier

    return as_declared(Study(remembered.study, model=MLPClassifier(), data=declaration["data"]), declaration)


def data_of(name: str, declaration: Mapping[str, Any]) -> str | None:
    """Return the name of the data with which a study file was run: the study's, or the one in its variant's name.

    Args:
        name: The study's name.
        declaration: Its declaration.
    """
    data = declaration.get("data")
    word = name.partition("@")[2].partition(",")[0]
    return data if isinstance(data, str) else word if word and "=" not in word else None


def as_declared(study: Study, declaration: Mapping[str, Any]) -> Study:
    """Return a study with the values of a declaration, as far as they are plain."""
    declared = declare(study, rule=rule_of(declaration))
    new: dict[str, Any] = {name: declaration[name] for name in PLAIN if name in declaration}
    if isinstance(declaration.get("data"), str):
        new["data"] = declaration["data"]
    elif isinstance(declaration.get("data"), dict) and declaration["data"].get("table"):
        new["data"] = Table.from_json(declaration["data"])
    # The stages as they were settled for these data: stages="auto" may have given none.
    new["stages"] = [Scale(**scale) for scale in declaration["stages"]] if "stages" in declaration else None
    new |= {name: declaration[name] for name in CONFIRM if name in declaration}
    new["measure_test"] = bool(declaration.get("measure_test"))
    new["comparison"] = None
    new |= {"cv": declaration["cv"]} if isinstance(declaration.get("cv"), int) else {}
    if declaration["space"] != declared["space"] and "function" not in declaration["space"]:
        new["space"] = spaces.from_json(declaration["space"], study.dimensions)
    params = Declaration.of(declared).model_params
    changed = {
        name: value
        for name, value in Declaration.of(declaration).model_params.items()
        if params.get(name, declaration) != value
    }
    plain = {name: _tuples(value) for name, value in changed.items() if _is_plain(value)}
    if plain and study.model is not None:
        from sklearn.base import clone  # slow to import

        new["model"] = clone(study.model).set_params(**plain)
    return replace(study, **new)


def _is_plain(value: Any) -> bool:
    return all(_is_plain(item) for item in value) if isinstance(value, list) else not isinstance(value, dict)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


def _differences(remembered: StoredTrial, rows: list[Row]) -> Iterator[str]:
    """Yield what differs between a curve and its repetition, epoch by epoch."""
    delivered = {(name, epoch) for name, curve in remembered.curve.items() for epoch in curve}
    # A metric that a trial reports under one of our names takes the place of ours.
    reported = {key(name) for row in rows for name in row.metrics}
    expected = {(name, epoch) for name, epoch in delivered if name not in ADDED_METRICS or name in reported}
    for row in rows:
        measured = [(name, row.epoch, value) for name, value in row.metrics.items()]
        for name, step, value in (*measured, *within.measurements(row)):
            measurement = (key(name), step)
            repeated = value if math.isfinite(value) else math.nan
            if measurement not in delivered:
                yield f"epoch {row.epoch}: {name} is {repeated!r} now, and is not in MLflow"
            elif not same_value(
                name, recorded := remembered.curve[measurement[0]][step], repeated, remembered.environment
            ):
                yield f"epoch {row.epoch}: {name} was {recorded!r}, is {repeated!r} now"
            expected.discard(measurement)
    for name, epoch in sorted(expected, key=lambda measurement: (measurement[1], measurement[0])):
        yield f"epoch {epoch}: {name} was {remembered.curve[name][epoch]!r}, and was not measured now"
    failure = rows[-1].failure if rows else None
    if remembered.state == "FAILED" and failure is not None and text(failure, MAX_TAG) != remembered.reason:
        yield f"it failed by {remembered.reason!r}, and by {failure!r} now"
    elif failure is not None and remembered.state == "COMPLETE" and remembered.rule == FAILURE:
        if not remembered.reason.startswith(text(failure, MAX_TAG)):
            yield f"it ended by {remembered.reason!r}, and by {failure!r} now"
    elif failure is not None and remembered.state != "FAILED":
        yield f"it ended as {remembered.state}, and fails now: {failure}"


def _causes(remembered: StoredTrial, declared: Mapping[str, Any], digest: str | None) -> Iterator[str]:
    """Yield what has changed since the trial was trained: the likely causes of another curve."""
    recorded, current = remembered.environment, environment.current()
    packages = recorded.get("packages", {}), current.get("packages", {})
    for name in sorted({*packages[0], *packages[1]}):
        if packages[0].get(name) != packages[1].get(name):
            yield f"other {name}: {packages[0].get(name, 'none')} then, {packages[1].get(name, 'none')} now"
    for name in ("python", "blas", "cpu", "platform"):
        if recorded.get(name) != current.get(name):
            yield f"other {name}: {_in_words(recorded.get(name))} then, {_in_words(current.get(name))} now"
    if "git_commit" not in current:
        yield f"commit {_in_words(recorded.get('git_commit'))} then, and no git repository here to compare with"
    elif recorded.get("git_commit") != current["git_commit"]:
        yield f"other commit: {_in_words(recorded.get('git_commit'))} then, {current['git_commit']} now"
    for word, tree in (("then", recorded), ("now", current)):
        if tree.get("git_dirty"):
            yield f"the commit does not tell all: files had changes {word}"
    if remembered.data_digest != digest:
        yield f"other data: digest {_in_words(remembered.data_digest)} then, {_in_words(digest)} now"
    trained = [
        {**declaration, **dict.fromkeys(set(declaration) - set(TRAINS), None)}
        for declaration in (remembered.declaration, declared)
    ]
    for change in changes(*({**declaration, "space": {}} for declaration in trained)):
        yield f"other study: {change}"


def _in_words(value: Any) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
