"""Measurements that are kept: a benchmark that was stopped goes on, and runs in parts."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class Measured:
    """A file of measurements, a line of JSON each.

    Args:
        path: The file; None keeps nothing.
        again: Words: what is known by a key that holds one of them as a value is measured again.
    """

    def __init__(self, path: Path | None, again: tuple[str, ...] = ()) -> None:
        self._path = path
        self._known: dict[str, dict[str, Any]] = {}
        self._commit = commit()
        lines = path.read_text(encoding="utf-8").splitlines() if path is not None and path.exists() else []
        for line in lines:
            kept = json.loads(line)
            if not set(again) & set(kept["of"].values()):
                self._known[_name(kept["of"])] = kept

    def of(self, key: Mapping[str, Any], measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Return what is known by a key; measure it where nothing is.

        Args:
            key: What tells this measurement from others, as JSON values.
            measure: Measures it.
        """
        name = _name(key)
        if name not in self._known:
            self._known[name] = {"of": dict(key), "commit": self._commit, "is": measure()}
            if self._path is not None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(self._known[name]) + "\n")
        measurement: dict[str, Any] = self._known[name]["is"]
        return measurement

    @property
    def commits(self) -> list[str]:
        """The commits at which the measurements were made."""
        return sorted({str(kept["commit"]) for kept in self._known.values()})


def commit() -> str:
    """Return the commit of this checkout."""
    command = ["git", "describe", "--always", "--dirty"]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no repository"


def _name(key: Mapping[str, Any]) -> str:
    return json.dumps(key, sort_keys=True)
