"""A study as JSON values: what its log says that it is, what it is called, and what has changed.

The declaration is resolved: it holds every value that decides a result, written by hand or by default. Two studies with
equal declarations are the same study, whatever their files look like.
"""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import math
import sys
import textwrap
import tokenize
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from hpsearch import space as spaces
from hpsearch.errors import UserError
from hpsearch.space import Choice, Dimension
from hpsearch.study import aliases
from hpsearch.study.described import Described, without_parts
from hpsearch.study.scaling import Stages
from hpsearch.study.settings import having
from hpsearch.study.shown_changes import changes, names
from hpsearch.study.study import Study
from hpsearch.study.table import Table

LIMITS = having(Study, "limit")
CONFIRM = having(Study, "confirms")

EXTENDABLE = frozenset({*having(Study, "extends"), "fixed"})
"""What may change without making another study of it."""

MAIN = "__main__"

__all__ = ["changes", "declare", "differing", "identity", "rule_of", "widens"]

RULE = 2
"""The rule by which new studies describe their code: by what it means. Logs that name none go by the first."""


def declare(
    study: Study, data_digest: str | None = None, rule: int = RULE, notice: Callable[[str], None] = lambda text: None
) -> dict[str, Any]:
    """Return the study as JSON values.

    Args:
        study: The study.
        data_digest: What stands for data that are given as arrays.
        rule: The rule by which code is described: that of the log with which the study is compared.
        notice: Told what of the study's code cannot be read.

    Raises:
        UserError: A value has no description that would be the same tomorrow.
    """
    by_meaning = Described(study) if rule > 1 else None
    function, value, sampler_or_pruner, scoring = (
        (_function, _value, _part, _scoring)
        if by_meaning is None
        else (by_meaning.function, by_meaning.value, by_meaning.part, by_meaning.scoring)
    )
    task: dict[str, Any] = {}
    if study.objective is not None:
        task = {"objective": function(study.objective, "objective")}
    elif study.model is not None:
        task = {"model": value(study.model, "model")}
    declaration = {
        "name": study.name,
        **({"fingerprint": rule} if rule > 1 else {}),
        **({"version": study.version} if study.version is not None else {}),
        **task,
        "space": function(study.space, "space") if callable(study.space) else _space(study.dimensions, value),
        "data": _data(study.data, data_digest),
        "metric": _value(study.metric, "metric"),
        "direction": _value(study.direction, "direction"),
        **({"value": study.value} if study.value != "best" else {}),
        **(
            {
                "constraints": [
                    function(constraint, f"constraints[{i}]") for i, constraint in enumerate(study.constraints)
                ]
            }
            if study.constraints
            else {}
        ),
        "sampler": sampler_or_pruner(study.sampler, "sampler"),
        "pruner": sampler_or_pruner(study.pruner, "pruner"),
        "n_trials": study.n_trials,
        "epochs": study.epochs,
        "lanes": study.lanes,
        "seed": study.seed,
        "repeats": study.repeats,
        "enqueue": [dict(point) for point in study.enqueue],
        **({"duplicates": study.duplicates} if study.duplicates != "retrain" else {}),
        **({"warm_start": [source.to_json() for source in study.sources]} if study.sources else {}),
        **({} if study.scoring is None else {"scoring": scoring(study.scoring)}),
        **({} if study.cv is None else _folds(study, value)),
        **{key: limit for key in LIMITS if (limit := getattr(study, key)) is not None},
        **({"audit": float(study.audit)} if study.audit else {}),
        **({} if study.stages is None else {"stages": _stages(study.stages)}),
        **({key: getattr(study, key) for key in CONFIRM} if study.confirm else {}),
        **({} if study.resource == "auto" else {"resource": value(study.resource, "resource")}),
        **({"measure_test": True} if study.measure_test else {}),
        **({"threads": study.threads} if study.threads != 1 else {}),
        **({} if study.cost is None else {"clock": "virtual", "cost": _cost(study.cost, function)}),
        **({"lookback": study.lookback} if study.lookback else {}),
        **({} if study.comparison is None else {"comparison": study.comparison.to_json()}),
    }
    if by_meaning is not None and by_meaning.unread and study.version is None:
        unread = "; ".join(dict.fromkeys(by_meaning.unread))
        notice(f"changes to this go unnoticed, give Study(version=…) to tell them apart: {unread}")
    return declaration


def _cost(cost: Any, function: Callable[[Any, str], Any]) -> Any:
    """Return a declared cost: an estimate or a measurement with the version of its rule, a function as any other."""
    return f"{cost}-1" if isinstance(cost, str) else function(cost, "cost")


def _space(space: Mapping[str, Dimension], value: Callable[[Any, str], Any]) -> dict[str, Any]:
    """Return the dimensions as JSON values, with a description of each object that is an option by its name."""
    written = spaces.to_json(space)
    for name, dim in space.items():
        if isinstance(dim, Choice) and dim.objects:
            written[name]["objects"] = {key: value(item, f"space.{name}.{key}") for key, item in dim.objects.items()}
    return written


def identity(declaration: Mapping[str, Any]) -> str:
    """Return 16 hex digits that are equal for equal studies; how many trials they run does not count."""
    decisive = {
        key: aliases.renamed(value, aliases.first_name) for key, value in declaration.items() if key not in EXTENDABLE
    }
    if rule_of(declaration) > 1:
        decisive = without_parts(decisive)
    decisive["space"] = list(decisive.get("space", {}).items())  # the order of the dimensions decides what is sampled
    canonical = json.dumps(decisive, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> set[str]:
    """Return the fields, such as ``space``, in which two declarations differ so that they are two studies."""
    old, new = aliases.renamed(old, aliases.public), aliases.renamed(new, aliases.public)
    compared = [{key: declaration[key] for key in declaration if key not in EXTENDABLE} for declaration in (old, new)]
    if rule_of(old) > 1:
        compared = [without_parts(declaration) for declaration in compared]
    keys = {*compared[0], *compared[1]}
    different = {key for key in keys if compared[0].get(key) != compared[1].get(key)}
    return different | ({"space"} if names(old) != names(new) else set())


def widens(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Return whether the new declaration only adds to the old one: a wider range, more options, more trials."""
    old, new = aliases.renamed(old, aliases.public), aliases.renamed(new, aliases.public)
    left_out = {"space", *EXTENDABLE}
    compared = [{key: value for key, value in declaration.items() if key not in left_out} for declaration in (old, new)]
    if rule_of(old) > 1:
        compared = [without_parts(declaration) for declaration in compared]
    if compared[0] != compared[1] or names(old) != names(new):
        return False
    if new["n_trials"] is not None and (old["n_trials"] is None or new["n_trials"] < old["n_trials"]):
        return False
    if "function" in old["space"] or "function" in new["space"]:
        return bool(without_parts(old["space"]) == without_parts(new["space"]))
    old_space, new_space = spaces.from_json(old["space"]), spaces.from_json(new["space"])
    same_objects = all(
        described == without_parts(new["space"])[name].get("objects", {}).get(option)
        for name, written in without_parts(old["space"]).items()
        for option, described in written.get("objects", {}).items()
    )
    return same_objects and all(_covers(new_space[name], dim) for name, dim in old_space.items())


def _covers(wide: Dimension, narrow: Dimension) -> bool:
    if type(wide) is not type(narrow) or wide.when != narrow.when:
        return False
    if isinstance(wide, Choice) or isinstance(narrow, Choice):
        return all(wide.contains(option) for option in narrow.grid())
    if (wide.log, wide.step) != (narrow.log, narrow.step) or not wide.low <= narrow.low <= narrow.high <= wide.high:
        return False
    return wide.contains(narrow.low)  # the values of both are apart by whole steps


def rule_of(declaration: Mapping[str, Any]) -> int:
    """Return the rule by which a declaration describes code."""
    return int(declaration.get("fingerprint", 1))


def _scoring(scoring: Any) -> Any:
    if isinstance(scoring, Mapping):
        return {name: _scoring(scorer) for name, scorer in scoring.items()}
    return scoring if isinstance(scoring, str) else _function(scoring, "scoring")


def _stages(stages: Stages) -> Any:
    return stages if isinstance(stages, str) else [_value(scale.to_json(), "stages") for scale in stages]


def _folds(study: Study, value: Callable[[Any, str], Any]) -> dict[str, Any]:
    from hpsearch.study import cross_validation  # imports NumPy

    groups = {} if study.groups is None else {"groups": cross_validation.digest(study.groups)}
    return {"cv": cross_validation.described(study.cv, value), **groups}


def _data(data: Any, digest: str | None) -> Any:
    if data is None or isinstance(data, str):
        return data
    if isinstance(data, Table):
        return data.to_json()
    return str(data) if isinstance(data, Path) else {"arrays": digest}


def _part(declared: Any, place: str) -> Any:
    if isinstance(declared, str):
        return declared
    if is_dataclass(declared):
        return _value(declared, place)
    # An Optuna object keeps its options in private attributes; those that are plain values describe it.
    options = {
        name.lstrip("_"): value
        for name, value in sorted(vars(declared).items())
        if value is None or isinstance(value, bool | int | float | str)
    }
    return {"class": _class(declared), "options": {name: _value(value, place) for name, value in options.items()}}


def _value(value: Any, place: str) -> Any:
    """Return any parameter as a JSON value."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, list | tuple):
        return [_value(item, place) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(item, f"{place}.{key}") for key, item in value.items()}
    if hasattr(value, "get_params") and not isinstance(value, type):
        params = aliases.declared_params(value)
        return {"class": _class(value), "params": {k: _value(v, f"{place}.{k}") for k, v in sorted(params.items())}}
    if is_dataclass(value) and not isinstance(value, type):
        options = {item.name: _value(getattr(value, item.name), f"{place}.{item.name}") for item in fields(value)}
        return {"class": _class(value), "options": options}
    if hasattr(value, "tobytes") and hasattr(value, "dtype") and not isinstance(value, type):
        if getattr(value, "ndim", 0) == 0:
            return _value(value.item(), place)
        digest = hashlib.sha256(value.tobytes()).hexdigest()[:16]
        return {"array": digest, "shape": list(value.shape), "dtype": str(value.dtype)}
    if inspect.isroutine(value) or isinstance(value, type):
        return {"name": aliases.public(f"{_module(value)}.{value.__qualname__}")}
    representation = repr(value)
    if " at 0x" in representation:
        raise UserError(
            f"{place}: {representation} cannot be recorded, as nothing in it says what it does; give plain values"
        )
    return {"class": _class(value), "repr": representation}


def _class(value: Any) -> str:
    return aliases.public(f"{_module(type(value))}.{type(value).__qualname__}")


def _module(definition: Any) -> str:
    # A study file is a module of another name when it is run as a script; it is the same study.
    module = str(definition.__module__)
    if module == MAIN and (path := getattr(sys.modules[MAIN], "__file__", None)):
        return Path(path).stem
    return module.removeprefix("hpsearch_study_")


def _function(function: Any, place: str) -> dict[str, str]:
    """Return a function's name and the digest of its source without comments and blank lines."""
    try:
        source = inspect.getsource(function if inspect.isroutine(function) else type(function))
    except (OSError, TypeError) as error:
        raise UserError(f"{place}: the source of {function!r} cannot be read; define it with def in a file") from error
    name = getattr(function, "__qualname__", type(function).__qualname__)
    return {"function": name, "source": hashlib.sha256(_bare(source).encode()).hexdigest()[:16]}


def _bare(source: str) -> str:
    lines = textwrap.dedent(source).splitlines()
    try:
        for token in tokenize.generate_tokens(io.StringIO("\n".join(lines) + "\n").readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column]
    except (tokenize.TokenError, SyntaxError):
        pass  # a lambda amid an expression: its lines count as they are
    return "\n".join(line.rstrip() for line in lines if line.strip())
