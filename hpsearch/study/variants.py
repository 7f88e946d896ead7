"""What the command line changes about a study, and the name of the variant that results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.study.checks import pauses
from hpsearch.study.defaults import Unsaid, default_of
from hpsearch.study.naming import data_word
from hpsearch.study.settings import having
from hpsearch.study.study import SETTINGS, Study
from hpsearch.study.unsaid import about

SETTABLE = having(Study, "settable")
"""What ``--set`` changes, beside the model's parameters."""


def override(
    study: Study,
    *,
    set: Mapping[str, Any] | None = None,
    name: str | None = None,
    **values: Any,
) -> Study:
    """Return the study with other values, under the name of the variant that it thereby is.

    A value that the file has already makes no variant, and neither does one that its field does not name variants
    after, such as the number of trials.

    Args:
        study: What the file says.
        set: Values by ``model.<parameter>`` or by the name of a field of Study, as ``--set`` gives them.
        name: The name, whatever changes.
        **values: Values by the name of a field that is settable, as options of their own give them; None for none.

    Raises:
        TypeError: There is no such field.
        UserError: A key is unknown or given twice, or a value cannot be.
    """
    if unknown := values.keys() - SETTABLE:
        raise TypeError(f"override() got an unexpected keyword argument {min(unknown)!r}")
    changed = {key: value for key, value in values.items() if value is not None}
    params: dict[str, Any] = {}
    if pauses(values.get("sampler")) and not {"pruner"} & {*changed, *(set or {})}:
        changed["pruner"] = "none"  # the file's goes with the file's sampler; this one decides itself
    for key, value in (set or {}).items():
        if key.startswith("model."):
            params[_parameter(study, key)] = value
            continue
        if key not in SETTABLE:
            settable = [*SETTABLE, *(f"model.{param}" for param in _params(study))]
            raise UserError(f"--set {key}: no such setting{did_you_mean(key, settable)}")
        if key in changed:
            raise UserError(f"--set {key}: given twice, here and as an option of its own")
        changed[key] = value
    new = study
    try:
        if params:
            from sklearn.base import clone  # slow to import

            new = replace(new, model=clone(new.model).set_params(**params))
        new = replace(new, **changed)
    except ValueError as error:
        raise UserError(f"--set: {error}") from error
    return replace(new, name=name or variant(study, new))


def variant(study: Study, changed: Study) -> str:
    """Return the name of a changed study: ``eta_lambda@mnist,seed=3``; data first, then by the alphabet."""
    changes: dict[str, str] = {}
    for key in SETTABLE:
        new = getattr(changed, key)
        if SETTINGS[key].named and _differs(study, key, getattr(study, key), new):
            changes[key] = f"{key}={_word(new)}"
    old_params = _params(study)
    for key, value in _params(changed).items():
        if key not in old_params or not _same(old_params[key], value):
            changes[f"model.{key}"] = f"model.{key}={_word(value)}"
    words = [changes[key] for key in sorted(changes)]
    if changed.data is not study.data and not _same(changed.data, study.data):
        words.insert(0, data_word(changed.data))
    return f"{study.name}{',' if '@' in study.name else '@'}{','.join(words)}" if words else study.name


def _differs(study: Study, key: str, old: Any, new: Any) -> bool:
    """Return whether a value makes a variant.

    A value in the place of a default does where it differs from that default or from the one of the first rule, after
    which earlier variants were named.
    """
    if isinstance(new, Unsaid):
        return False
    first_default = getattr(default_of(about(study), 1), key) if isinstance(old, Unsaid) else old
    return bool(new != old or new != first_default)


def _params(study: Study) -> dict[str, Any]:
    return {} if study.model is None else dict(study.model.get_params(deep=True))


def _parameter(study: Study, key: str) -> str:
    name = key.removeprefix("model.")
    if study.model is None:
        raise UserError(f"--set {key}: this study has an objective and no model")
    params = _params(study)
    if name not in params:
        raise UserError(
            f"--set {key}: {type(study.model).__name__} has no parameter {name!r}{did_you_mean(name, params)}"
        )
    if name in study.dimensions:
        raise UserError(
            f"--set {key}: the study searches {name} in {study.dimensions[name]!r}; change its space instead"
        )
    return name


def _same(a: Any, b: Any) -> bool:
    # A path and a text may name the same file; nested estimators are equal where their reprs are.
    return str(a) == str(b) if isinstance(a, str | Path) and isinstance(b, str | Path) else repr(a) == repr(b)


def _word(value: Any) -> str:
    """Return a value as part of a folder's name: (100, 50) as 100x50."""
    if isinstance(value, list | tuple):
        return "x".join(_word(item) for item in value)
    plain = value is None or isinstance(value, bool | int | float | str)
    return (str(value) if plain else type(value).__name__).replace("/", "_").replace("\\", "_")
