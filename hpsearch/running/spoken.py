"""Mistakes in the words of Python: what names an option of the command line names an argument where it was called."""

from __future__ import annotations

import re
from typing import get_type_hints

from hpsearch.running.options import RunOptions
from hpsearch.study.settings import flag
from hpsearch.study.study import SETTINGS

_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)(?P<value>[ =](?:[A-Z][A-Z_]*(?:=[A-Z…]+)?|N)\b)?")

_NAMES = {flag(name).removeprefix("--"): name for name in SETTINGS}
_NAMES |= {name.replace("_", "-"): name for name in RunOptions.__annotations__}
_NAMES |= {"from": "start_from", "no-git-diff": "git_diff"}


def in_python(text: str) -> str:
    """Return a message with Python's arguments in the place of options; commands that are to be typed stay.

    >>> in_python("say --extend (a wider space) or --name NAME")
    'say extend=True (a wider space) or name=…'
    """
    switches = {name for name, kind in get_type_hints(RunOptions).items() if kind is bool}

    def argument(match: re.Match[str]) -> str:
        name = _NAMES.get(match[1])
        if name is None:
            return match[0]
        return f"{name}=True" if name in switches else f"{name}=…"

    # Commands stand between backticks.
    parts = re.split(r"(`hpsearch [^`]*`)", text)
    return "".join(part if place % 2 else _OPTION.sub(argument, part) for place, part in enumerate(parts))
