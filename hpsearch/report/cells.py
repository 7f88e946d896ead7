"""A parameter's value as the text of a table's cell, written so that it can be read back without doubt.

A number 3 and the text "3" must differ, and so must None and a value that is missing. Values are written plainly in
columns where that is enough. In any other column texts are written as JSON, with their quotes, and None as ``null``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hpsearch.log.history import History
from hpsearch.space import Choice


@dataclass(frozen=True)
class Form:
    """How the values of a column are written.

    Attributes:
        quoted: Whether texts have quotes. They do where some of them look like a number, a list, a boolean or an empty
            cell, and where not all values are texts.
        null: Whether None is written as ``null``. It is where there are trials without the parameter, too.
    """

    quoted: bool = False
    null: bool = False

    def cell(self, value: Any, missing: str = "") -> str:
        """Return a value as text; ``missing`` stands for None where that is not ``null``.

        A float is written by ``repr``: ``nan`` is a number that was measured.
        """
        if value is None:
            return "null" if self.null else missing
        if isinstance(value, float):
            return repr(value)
        return value if isinstance(value, str) and not self.quoted else json.dumps(value, ensure_ascii=False)


PLAIN = Form()


def forms(history: History) -> dict[str, Form]:
    """Return how each parameter of a study is written, by its column ``params.NAME``."""
    names = {name for trial in history.trials for name in trial.params}
    space = history.declaration.dimensions
    form_of = {}
    for name in names:
        values = [trial.params[name] for trial in history.trials if name in trial.params]
        may_be_absent = len(values) < len(history.trials)
        if (dim := space.get(name)) is not None:
            values += dim.grid() if isinstance(dim, Choice) else []
            may_be_absent = may_be_absent or dim.when is not None
        form_of[f"params.{name}"] = _form(values, may_be_absent)
    return form_of


def _form(values: Iterable[Any], may_be_absent: bool) -> Form:
    texts = []
    has_others = False
    has_none = False
    for value in values:
        if isinstance(value, str):
            texts.append(value)
        elif value is None:
            has_none = True
        else:
            has_others = True
    quoted = (has_others or has_none or may_be_absent) and any(not _is_evident(text, has_others) for text in texts)
    return Form(quoted, has_none and may_be_absent)


def _is_evident(text: str, beside_others: bool) -> bool:
    """Return whether a text without quotes cannot be taken for a value of another type in its column."""
    if text in ("", "null"):
        return False
    if not beside_others:
        return True
    try:
        float(text)
        return False
    except ValueError:
        pass
    try:
        json.loads(text)
    except ValueError:
        return True
    return False


def is_nan(value: Any) -> bool:
    """Return whether a value is a float that is NaN."""
    return isinstance(value, float) and math.isnan(value)
