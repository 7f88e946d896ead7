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

    Of code it is told what differs in what it uses: constants by their values, functions by the lines that changed.
    """
    old, new = aliases.renamed(old, aliases.public), aliases.renamed(new, aliases.public)
    before, after = _flat(old), _flat(new)
    words = []
    for key in [*before, *(key for key in after if key not in before)]:
        was, now = before.get(key, "absent"), after.get(key, "absent")
        if was != now:
            words.append(f"{key}: {_difference(was, now)}")
    words = [word for word in words if not _explained(word, words)]
    if not words and (names(old) != names(new)):
        words.append(f"space: order {', '.join(names(old))} -> {', '.join(names(new))}")
    return words


def names(declaration: Mapping[str, Any]) -> list[str]:
    """Return the names of a declared space."""
    return list(declaration["space"])


def _explained(word: str, words: list[str]) -> bool:
    """Return whether a digest's change is said by that of one of the parts behind it."""
    key, _, meaning = word.partition(": ")
    return (
        meaning.startswith("meaning ") and any(other.startswith(f"{key}: ") and other != word for other in words)
    ) or (meaning.startswith("meaning ") and any(other.startswith(f"{key} uses ") for other in words))


def _difference(was: str, now: str) -> str:
    if "\n" not in was + now or "absent" in (was, now):
        return f"{_cut(was)} -> {_cut(now)}"
    matcher = difflib.SequenceMatcher(None, was.splitlines(), now.splitlines(), autojunk=False)
    told = []
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag != "equal":
            old, new = (
                " ".join(line.strip() for line in lines) for lines in (was.splitlines()[i:j], now.splitlines()[k:m])
            )
            told.append(f"{_cut(old) or 'nothing'} -> {_cut(new) or 'nothing'}")
    more = f", and {len(told) - LINES} more places" if len(told) > LINES else ""
    return ", ".join(told[:LINES]) + more


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
        for number, item in enumerate(value):
            yield from _inner(f"{prefix}[{number}]", item)
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
