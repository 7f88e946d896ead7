"""Workers of a cluster that would compute something else: their versions are compared with the coordinator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

DECIDE = ("Python", "hpsearch", "numpy", "scipy", "scikit-learn")
"""Whose versions decide what a worker computes, or whether it can read what it is sent."""

CARRY = ("distributed", "cloudpickle")
"""Whose versions should be the same, and mostly need not."""


@dataclass(frozen=True)
class Difference:
    """How a worker's versions differ from the coordinator's, in words; empty for not at all.

    Attributes:
        decides: In what it computes.
        carries: In how it speaks with the others.
    """

    decides: str
    carries: str


def differences(client: Any) -> dict[str, Difference]:
    """Return how each worker that answers differs.

    Args:
        client: A connected ``distributed.Client``.
    """
    versions = client.get_versions(packages=[*DECIDE[1:], *CARRY])
    mine = _versions(versions["client"])
    return {
        worker: Difference(_words(mine, _versions(theirs), DECIDE), _words(mine, _versions(theirs), CARRY))
        for worker, theirs in versions["workers"].items()
    }


def _versions(process: Mapping[str, Any]) -> dict[str, str | None]:
    python = ".".join(str(process["host"]["python"]).split(".")[:2])
    return {**process["packages"], "Python": python}


def _words(mine: dict[str, str | None], theirs: dict[str, str | None], names: tuple[str, ...]) -> str:
    # A package that is found on the import path without having been installed tells no version.
    comparable = [name for name in names if mine.get(name) and theirs.get(name)]
    return ", ".join(
        f"{name} {theirs[name]} instead of {mine[name]}" for name in comparable if mine[name] != theirs[name]
    )
