"""A parameter in a cell of text, so that it can be told what it was: 3 from "3", and None from no value at all.

Values are written plainly where that is enough. In a column where it is not, texts are written as JSON, with their
quotes, and None as ``null``.
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
        quoted: Texts have quotes: some of them look like a number, a list, a boolean or nothing, and not all are texts.
        null: None is ``null``: there are trials without the parameter too.
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
    found = {}
    for name in names:
        values = [trial.params[name] for trial in history.trials if name in trial.params]
        absent = len(values) < len(history.trials)
        if (dim := space.get(name)) is not None:
            values += dim.grid() if isinstance(dim, Choice) else []
            absent = absent or dim.when is not None
        found[f"params.{name}"] = _form(values, absent)
    return found


def _form(values: Iterable[Any], absent: bool) -> Form:
    texts, others, none = [], False, False
    for value in values:
        if isinstance(value, str):
            texts.append(value)
        elif value is None:
            none = True
        else:
            others = True
    quoted = (others or none or absent) and any(not _is_evident(text, others) for text in texts)
    return Form(quoted, none and absent)


def _is_evident(text: str, others: bool) -> bool:
    """Return whether a text without quotes cannot be taken for what stands beside it."""
    if text in ("", "null"):
        return False
    if not others:
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
    """Return whether a value is the float that is no number."""
    return isinstance(value, float) and math.isnan(value)
