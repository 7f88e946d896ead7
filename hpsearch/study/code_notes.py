"""What a walk over code notes: the texts that later show what changed, and what could not be read."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from hpsearch.study.code_places import defining_module
from hpsearch.study.code_tree import bare, canonical
from hpsearch.study.code_volatile import SECRET
from hpsearch.study.plain_values import digest, plain

SHOWN = 2000
"""Characters of a piece of code that are kept to show later what changed; of a longer one its digest alone."""


@dataclass
class Notes:
    """Notes of one walk.

    Attributes:
        folders: The study's folders: code in them is followed.
        parts: What was met, by the names that the code has for it: values and code as text.
        unread: What could not be read, in words.
        open: The global names that are being looked at, by their namespace's id.
        states: What the study's own functions change while they run, by namespace and name, and by the values' ids: a
            trial leaves it as it was not before the first one, so it counts by the code that made it.
        seen: The states that this walk has met.
    """

    folders: frozenset[Path]
    parts: dict[str, str] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)
    open: set[tuple[int, str]] = field(default_factory=set)
    states: frozenset[tuple[int, str]] = frozenset()
    seen: set[tuple[int, str]] = field(default_factory=set)
    _home: list[str] = field(default_factory=list)

    def meet(self, namespace: Mapping[str, Any], closure: Mapping[str, Any], changed: set[str]) -> None:
        """Note what a function changes while it runs: globals by name, and objects whoever has them."""
        for name in changed:
            value = closure[name].cell_contents if name in closure else namespace.get(name)
            self.seen.add((id(closure[name]) if name in closure else id(namespace), name))
            if isinstance(value, list | dict | set | bytearray):
                self.seen.add((id(value), ""))

    def is_state(self, owner: object, name: str, value: object) -> bool:
        """Return whether the study's own functions change a value while they run.

        Args:
            owner: The namespace or the closure's cell that holds it.
            name: What it is called there.
            value: The value.
        """
        return (id(owner), name) in self.states or (id(value), "") in self.states

    def label(self, namespace: Mapping[str, Any], name: str) -> str:
        """Return how a name is shown: names of other modules with the module."""
        module = str(namespace.get("__name__"))
        if not self._home:
            self._home.append(module)
        return name if module == self._home[0] else f"{module}.{name}"

    def value(self, label: str, value: Any, text: str, *, literal: bool = True) -> None:
        """Keep what a value is, to show later what changed: never what may be a secret."""
        hidden = (isinstance(value, str | bytes) and not literal) or SECRET.search(label)
        if plain(value) is not None:
            self.parts.setdefault(label, f"digest {digest(text)}" if hidden or len(text) > 200 else text)

    def code(self, label: str, node: ast.AST, canonical_text: str) -> None:
        """Keep a piece of code, to show later what changed.

        Args:
            label: What the code is called.
            node: The code.
            canonical_text: The text by which it is compared: of long code its digest is kept alone.
        """
        text = unparsed(node)
        self.parts.setdefault(label, text if len(text) <= SHOWN else f"code {digest(canonical_text)}")

    def cannot(self, label: str, value: Any, why: str) -> str:
        """Note that a value cannot be read, and return what stands for it."""
        self.unread.append(f"{label} ({type(value).__name__}) {why}")
        return f"(unread {defining_module(type(value))}.{type(value).__qualname__})"


class Follows(Protocol):
    """Follows values and code, and notes what it meets."""

    notes: Notes

    def value(self, value: Any, label: str) -> str:
        """Return the text of any value."""

    def argument(self, value: Any, label: str) -> str:
        """Return the text of a value that is to be shown where it changes."""


def literal(nodes: Sequence[ast.AST]) -> bool:
    """Return whether code is made of constants and operators alone: what it says stands in the study file anyway."""
    return not any(
        isinstance(inner, ast.Call | ast.Attribute | ast.Subscript) for node in nodes for inner in ast.walk(node)
    )


def unparsed(node: ast.AST) -> str:
    """Return code as text to be shown, without docstrings and hints; what is compared is another text."""
    try:
        return ast.unparse(ast.fix_missing_locations(bare(node)))
    except (ValueError, RecursionError):
        return f"code {digest(canonical(node))}"


def one_line(nodes: Sequence[ast.AST]) -> str:
    """Return expressions or statements as one line to be shown."""
    text = "; ".join(map(unparsed, nodes))
    return text if len(text) <= SHOWN else f"code {digest(text)}"
