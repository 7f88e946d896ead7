"""Error messages for callers from Python: options of the command line are replaced by the arguments of ``run``."""

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


def in_python(message: str) -> str:
    """Return a message with arguments of Python in the place of options; commands that are to be typed stay.

    >>> in_python("say --extend (a wider space) or --name NAME")
    'say extend=True (a wider space) or name=…'
    """
    switches = {name for name, hint in get_type_hints(RunOptions).items() if hint is bool}

    def argument(match: re.Match[str]) -> str:
        name = _NAMES.get(match[1])
        if name is None:
            return match[0]
        return f"{name}=True" if name in switches else f"{name}=…"

    # Commands stand between backticks.
    pieces = re.split(r"(`hpsearch [^`]*`)", message)
    return "".join(piece if index % 2 else _OPTION.sub(argument, piece) for index, piece in enumerate(pieces))
