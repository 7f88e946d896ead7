"""Write what follows from the tables of samplers, pruners and layers: ``python scripts/registry.py [--check]``.

A sampler or a pruner is a file and its row in ``hpsearch/study/registry.py``, a layer a file and its row in
``models/names.py``. A type checker reads no table, and an editor completes no name that it cannot see; so the row's
name stands in a type beside the table too, and its class is imported by its room, a layer by ``hpsearch`` itself. These
lines are written here, by ruff's order.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hpsearch.models.names import HOMES
from hpsearch.study.registry import PRUNERS, SAMPLERS

ROOT = Path(__file__).resolve().parents[1]
REGISTRY = ROOT / "hpsearch" / "study" / "registry.py"
TOP = ROOT / "hpsearch" / "__init__.py"
TABLES = {"SamplerName": SAMPLERS, "PrunerName": PRUNERS}
ROOMS = {
    ROOT / "hpsearch" / "samplers" / "__init__.py": SAMPLERS,
    ROOT / "hpsearch" / "pruners" / "__init__.py": PRUNERS,
}


def with_types(text: str) -> str:
    """Return the registry with its types as its tables say."""
    for name, table in TABLES.items():
        words = ", ".join(f'"{word}"' for word in sorted(table))
        text = re.sub(rf"^{name} = Literal\[.*?\]$", f"{name} = Literal[{words}]", text, flags=re.MULTILINE | re.DOTALL)
    return text


def with_exports(text: str, table: Mapping[str, str]) -> str:
    """Return a room's ``__init__.py`` with an import and a public name for each row of its table."""
    tree = ast.parse(text)
    imported = {alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    last = max(node.end_lineno or 0 for node in tree.body if isinstance(node, ast.ImportFrom))
    lines = text.splitlines()
    classes = [place.rpartition(".") for place in table.values()]
    lines[last:last] = [f"from {module} import {name}" for module, _, name in classes if name not in imported]
    text = "\n".join(lines) + "\n"
    listed = re.search(r"^__all__ = \[(.*?)\]", text, re.MULTILINE | re.DOTALL)
    assert listed is not None, "a room says what is public"
    public = {*re.findall(r'"(\w+)"', listed[1]), *(name for _, _, name in classes)}
    names = ", ".join(f'"{name}"' for name in sorted(public))
    return f"{text[: listed.start()]}__all__ = [{names}]{text[listed.end() :]}"


def with_followed(text: str) -> str:
    """Return ``hpsearch/__init__.py`` with an import for editors of each class of ``models/names.py``."""
    followed = set(re.findall(r"^    from \S+ import (\w+) as \1$", text, re.MULTILINE))
    missing = [name for name in HOMES if name not in followed]
    lines = [f"    from hpsearch.models{HOMES[name]} import {name} as {name}\n" for name in missing]
    head = "if TYPE_CHECKING:\n"
    return text.replace(head, head + "".join(lines), 1)


def formatted(text: str, path: Path) -> str:
    """Return a file's text in ruff's order and format."""
    for command in (["check", "--fix-only", "--select=I,RUF022", "--quiet"], ["format", "--quiet"]):
        words = [sys.executable, "-m", "ruff", *command, f"--stdin-filename={path}", "-"]
        text = subprocess.run(words, input=text, capture_output=True, text=True, check=True).stdout
    return text


def main() -> int:
    """Write the files, or say which are stale; return the exit code."""
    stale = 0
    follows = {REGISTRY: with_types, TOP: with_followed}
    for path in (REGISTRY, TOP, *ROOMS):
        old = path.read_text(encoding="utf-8")
        new = formatted(follows[path](old) if path in follows else with_exports(old, ROOMS[path]), path)
        if new != old and "--check" in sys.argv[1:]:
            print(f"{path.relative_to(ROOT)} does not follow its table: python scripts/registry.py")
            stale = 1
        elif new != old:
            path.write_text(new, encoding="utf-8")
    return stale


if __name__ == "__main__":
    sys.exit(main())
