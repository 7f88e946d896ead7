"""What has changed between two declarations, in words: ``DECAY: 0.5 -> 0.25``."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from hpsearch import space as spaces
from hpsearch.study import aliases

LINES = 3
"""Changed lines of a piece of code that are shown."""

TEXT = 160
"""Characters of a value that are shown."""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return in words what differs between two declarations, such as ``seed: 0 -> 3``.

    Of code it says what changed in what the code uses: constants by their values, functions by the changed lines.
    """
    old, new = aliases.renamed(old, aliases.public), aliases.renamed(new, aliases.public)
    old_texts = _flat(old)
    new_texts = _flat(new)
    lines = []
    for key in [*old_texts, *(key for key in new_texts if key not in old_texts)]:
        old_text = old_texts.get(key, "absent")
        new_text = new_texts.get(key, "absent")
        if old_text != new_text:
            lines.append(f"{key}: {_difference(old_text, new_text)}")
    lines = [line for line in lines if not _explained(line, lines)]
    if not lines and (names(old) != names(new)):
        lines.append(f"space: order {', '.join(names(old))} -> {', '.join(names(new))}")
    return lines


def names(declaration: Mapping[str, Any]) -> list[str]:
    """Return the names of a declared space's dimensions, in their order."""
    return list(declaration["space"])


def _explained(line: str, lines: list[str]) -> bool:
    """Return whether a line that tells of a changed digest is explained by another line, which tells what changed."""
    key, _, change = line.partition(": ")
    if not change.startswith("meaning "):
        return False
    return any(other.startswith(f"{key} uses ") or (other.startswith(f"{key}: ") and other != line) for other in lines)


def _difference(old: str, new: str) -> str:
    if "\n" not in old + new or "absent" in (old, new):
        return f"{_cut(old)} -> {_cut(new)}"
    old_lines = old.splitlines()
    new_lines = new.splitlines()
    changed = []
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old_lines, new_lines, autojunk=False).get_opcodes():
        if tag != "equal":
            removed = " ".join(line.strip() for line in old_lines[i:j])
            added = " ".join(line.strip() for line in new_lines[k:m])
            changed.append(f"{_cut(removed) or 'nothing'} -> {_cut(added) or 'nothing'}")
    more = f", and {len(changed) - LINES} more places" if len(changed) > LINES else ""
    return ", ".join(changed[:LINES]) + more


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT else f"{line[: TEXT - 1]}…"


def _flat(declaration: Mapping[str, Any]) -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in declaration.items():
        if key == "space" and "function" not in value:
            flat.update({f"space.{name}": repr(dim) for name, dim in spaces.from_json(value).items()})
            for name, written in value.items():
                for option, described in written.get("objects", {}).items():
                    flat.update(_inner(f"space.{name}.{option}", described))
        else:
            flat.update(_inner(key, value))
    return flat


def _inner(prefix: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield what a declared value holds, as text by the path to it."""
    if isinstance(value, list) and any(_is_code(item) for item in value):
        for i, item in enumerate(value):
            yield from _inner(f"{prefix}[{i}]", item)
    elif not isinstance(value, Mapping):
        yield prefix, repr(value)
    elif "function" in value and "source" in value:
        yield prefix, f"{value['function']} ({value['source'][:8]})"
    elif "meaning" in value:
        head = value.get("function") or value.get("name") or value.get("class")
        yield prefix, f"meaning {head} ({value['meaning'][:8]})"
        for label, text in value.get("parts", {}).items():
            yield (prefix if label == prefix else f"{prefix} uses {label}"), text
        for kind in ("params", "options"):
            for name, item in value.get(kind, {}).items():
                yield from _inner(f"{prefix}.{name}", item)
    elif "params" in value or (prefix in ("sampler", "pruner") and "options" in value):
        yield prefix, str(value["class"])
        for name, item in (value.get("params") or value.get("options") or {}).items():
            yield from _inner(f"{prefix}.{name}", item)
    elif any(_is_code(item) for item in value.values()):
        for name, item in value.items():
            yield from _inner(f"{prefix}.{name}", item)
    else:
        yield prefix, repr(value)


def _is_code(value: Any) -> bool:
    return isinstance(value, Mapping) and ("meaning" in value or "source" in value)
