"""Write the table of a study's fields into docs/engine.md, from their metadata: ``python scripts/fields.py [--check]``.

What a field may do stands once, on the field (``hpsearch/study/study.py``); ``hpsearch/study/settings.py`` says what
each property means.
"""

from __future__ import annotations

import dataclasses
import sys

from page import keep

from hpsearch.study.declared import Declaration
from hpsearch.study.settings import Setting, flag
from hpsearch.study.study import SETTINGS

BEGIN = "<!-- fields: written by scripts/fields.py from the fields' metadata -->"
END = "<!-- end of the fields -->"


OWN = {"name": "`--name NAME`", "data": "`--data NAME\\|PATH`"}
"""Fields with an option that does more than set them."""

RECORDED = {field.name for field in dataclasses.fields(Declaration)}
"""What a log says of a study; the rest is about a run of it."""


def typed(name: str, setting: Setting) -> str:
    """Return how a field is given on the command line."""
    if setting.typed:
        return f"`{flag(name)} {setting.typed}`"
    return OWN.get(name) or (f"`--set {name}=…`" if setting.settable else "")


def change(name: str, setting: Setting) -> str:
    """Return what another value makes of a study that has begun."""
    if setting.extends or name not in RECORDED:
        return "goes on"
    ways = ["`--extend`"] if setting.extensible else []
    ways += ["`--same` (code)"] if setting.code else []
    ways += [] if setting.fixed else ["`--new-version`"]
    return ", ".join(ways) or "is another study"


def table() -> str:
    """Return the fields as a table, in their order."""
    lines = [
        "| field | given by, beside the file | in a variant's name | another value in a study that has begun |",
        "|---|---|---|---|",
    ]
    for name, setting in SETTINGS.items():
        named = "yes" if setting.settable and setting.named else ""
        lines.append(f"| `{name}` | {typed(name, setting)} | {named} | {change(name, setting)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(keep("fields.py", "engine.md", BEGIN, END, table()))
