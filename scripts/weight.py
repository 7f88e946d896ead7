"""What an installation of hpsearch weighs, with which of its extras: distributions, and megabytes of their files.

    python scripts/weight.py

Nothing is installed or fetched: the distributions that pyproject.toml asks for, and those that they ask for in turn,
are looked up in this environment, and the sizes of their files as they were installed are summed, without compiled
caches. What is not installed here is named.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]

CASES = ("", "mlflow", "all")
"""Extras that are weighed; the first is none."""


def closure(required: Sequence[str], extras_of_ours: dict[str, list[str]]) -> set[str]:
    """Return the names of all distributions that requirements bring, directly or through others.

    What is not installed here is among them; what it brings in turn is not.

    Args:
        required: Requirements as pyproject.toml writes them.
        extras_of_ours: The extras of hpsearch itself, by name.
    """
    names: set[str] = set()
    done: set[tuple[str, str]] = set()
    pending = [(requirement, "") for requirement in required]
    while pending:
        requirement, requested_extra = pending.pop()
        parsed = Requirement(requirement)
        if parsed.marker is not None and not parsed.marker.evaluate({"extra": requested_extra}):
            continue
        name = canonicalize_name(parsed.name)
        for extra in ("", *sorted(parsed.extras)):
            if (name, extra) in done:
                continue
            done.add((name, extra))
            if name == "hpsearch":
                pending += [(requirement, "") for requirement in extras_of_ours[extra]] if extra else []
            else:
                names.add(name)
                pending += [(requirement, extra) for requirement in _requires(name)]
    return names


def _requires(name: str) -> list[str]:
    try:
        return metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return []


def size(name: str) -> int | None:
    """Return the bytes of a distribution's files, without compiled caches; None where it is not installed here."""
    try:
        files = [path for path in metadata.files(name) or () if path.suffix != ".pyc"]
    except metadata.PackageNotFoundError:
        return None
    places = [Path(str(path.locate())) for path in files]
    return sum(place.stat().st_size for place in places if place.is_file())


def main() -> None:
    """Print a row for each case."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    own = project["optional-dependencies"]
    print(f"{'pip install':24}{'distributions':>14}{'MB':>8}")
    for extra in CASES:
        brought = closure([*project["dependencies"], *(own[extra] if extra else ())], own)
        sizes = {name: size(name) for name in brought}
        unknown = ", ".join(sorted(name for name, known in sizes.items() if known is None))
        megabytes = sum(known for known in sizes.values() if known is not None) / 1e6
        words = f"hpsearch[{extra}]" if extra else "hpsearch"
        print(f"{words:24}{len(brought):14}{megabytes:8.0f}{f'  and {unknown}' if unknown else ''}")


if __name__ == "__main__":
    main()
