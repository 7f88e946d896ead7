"""Names, values and times as MLflow takes them."""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
from collections.abc import Mapping
from typing import Any

from hpsearch.log.redact import whole

MAX_KEY = 250
"""Characters of a name in MLflow, which rejects longer ones."""

MAX_PARAM = 6000
"""Characters of a parameter's value in MLflow, which cuts longer ones."""

MAX_TAG = 8000
"""Characters of a tag's value in MLflow, which cuts longer ones."""


def millis(seconds: float) -> int:
    """Return a time of the log in MLflow's milliseconds: the same for every delivery of the same line."""
    return round(seconds * 1000)


def key(name: str) -> str:
    """Return the name as MLflow takes it: unchanged, or cleaned and marked with a digest so that it stays unique.

    >>> key("val_accuracy"), key("loss@5")
    ('val_accuracy', 'loss_5-32cf57')
    """
    clean = re.sub(r"[^\w.\- /:]", "_", name)
    if posixpath.normpath(clean) != clean or clean.startswith(("..", "/", ".")):
        clean = clean.replace("/", "_").replace("..", "__").lstrip(".") or "_"
    if clean == name and len(name) <= MAX_KEY:
        return name
    return f"{clean[: MAX_KEY - 7]}-{hashlib.sha256(whole(name).encode()).hexdigest()[:6]}"


def text(value: Any, limit: int) -> str:
    """Return a value as MLflow's text, at most ``limit`` long; what had to be cut says so and where the whole is."""
    full = whole(json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | tuple) else str(value))
    note = f"… ({len(full)} characters; whole in params.json)"
    return full if len(full) <= limit else full[: limit - len(note)] + note


def flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested mappings as one, names joined by dots."""
    flattened: dict[str, Any] = {}
    for name, inner in value.items():
        if isinstance(inner, Mapping) and inner:
            flattened |= flat(inner, f"{prefix}{name}.")
        else:
            flattened[f"{prefix}{name}"] = inner
    return flattened


def params(values: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as MLflow stores them."""
    return {key(name): text(value, MAX_PARAM) for name, value in values.items()}


def tags(values: Mapping[str, Any]) -> dict[str, str]:
    """Return tags as MLflow stores them; values of None are left out."""
    return {key(name): text(value, MAX_TAG) for name, value in values.items() if value is not None}


def altered(values: Mapping[str, Any]) -> bool:
    """Return whether MLflow cannot hold these parameters as they are, so that they need a file of their own."""
    return any(key(name) != name or text(value, MAX_PARAM) != text(value, 1 << 60) for name, value in values.items())
