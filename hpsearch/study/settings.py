"""The properties of each field of a study, as metadata on the field: whether it can be typed, changed, extended.

The options of ``hpsearch run``, :func:`hpsearch.study.variants.override`, what an extension or another version may
change and the table of fields in docs/engine.md follow from it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Setting:
    """The properties of a field.

    Attributes:
        typed: ``hpsearch run`` takes it by an option of its own: what stands there for its value, such as ``N``.
        settable: ``hpsearch run --set`` and :func:`hpsearch.study.variants.override` change it.
        named: A value that is changed so stands in the variant's name.
        extends: It may change without making another study of it.
        extensible: ``--extend`` lets it change from here on, within one search.
        fixed: It is the same in all versions of a study: by it trials are compared, or begin.
        code: It may hold a user's code, of which can be said that it computes what it did before.
        limit: It stops a study, or one of its trials, early.
        confirms: It says how a study's result is confirmed.
        trains: It decides how a trial trains; the rest decides which trials there are.
        plain: A declaration holds it as it is.
        whole: Its least value, where it is a whole number.
        positive: Where it must be more than zero: in which unit, for a message.
        number: It is a number.
    """

    typed: str = ""
    settable: bool = False
    named: bool = True
    extends: bool = False
    extensible: bool = False
    fixed: bool = False
    code: bool = False
    limit: bool = False
    confirms: bool = False
    trains: bool = False
    plain: bool = False
    whole: int | None = None
    positive: str = ""
    number: bool = False


_KEY = "setting"


def may(**properties: Any) -> dict[str, Setting]:
    """Return the metadata of a dataclass field with these properties of :class:`Setting`."""
    return {_KEY: Setting(**properties)}


def settings(study: Any) -> dict[str, Setting]:
    """Return the properties of each field of a study's class, by name, in the order of the fields."""
    return {declared.name: declared.metadata.get(_KEY, Setting()) for declared in fields(study)}


def flag(name: str) -> str:
    """Return the option by which ``hpsearch run`` takes a field that is typed, such as ``--no-improvement``."""
    return _FLAGS.get(name) or f"--{name.replace('_', '-')}"


_FLAGS = {"n_trials": "--trials"}


def having(study: Any, *properties: str) -> tuple[str, ...]:
    """Return the names of the fields of a study's class that have one of these properties, in their order."""
    return tuple(name for name, setting in settings(study).items() if any(getattr(setting, key) for key in properties))
