"""A reader finds the tests of a module: in the file of its name, or by a line of the README of that folder.

Samplers and pruners of the registry need neither: tests/contracts holds each of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hpsearch.study.registry import PRUNERS, SAMPLERS

ROOT = Path(__file__).resolve().parents[1]
TESTS = ROOT / "tests"
ROW = re.compile(r"^\| `(\w+)` \| (.+) \|$", re.MULTILINE)
LINK = re.compile(r"\[(test_\w+\.py)\]\(([\w./]+)\)")


def modules() -> dict[str, list[str]]:
    """The modules of each room, by the room's folder; what a package itself holds is no module here."""
    rooms: dict[str, list[str]] = {}
    for folder in ("hpsearch", "models"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            room = path.parent.relative_to(ROOT)
            if path.stem != "__init__" and room.parts[:2] != ("hpsearch", "models"):
                rooms.setdefault(room.as_posix(), []).append(path.stem)
    return rooms


ROOMS = modules()

CONTRACTS = {
    "hpsearch/samplers": {place.split(".")[-2] for place in SAMPLERS.values()},
    "hpsearch/pruners": {place.split(".")[-2] for place in PRUNERS.values()},
}
"""Modules that contract tests cover by their row in the registry (tests/contracts); they may have lines beside."""


def rows(room: str) -> list[tuple[str, str]]:
    """The modules that the room's page of tests lists, with where their tests are."""
    page = TESTS / room / "README.md"
    return ROW.findall(page.read_text(encoding="utf-8")) if page.is_file() else []


@pytest.mark.parametrize("room", ROOMS)
def test_every_module_has_a_file_of_tests_of_its_name_or_a_line_that_says_where_they_are(room: str) -> None:
    with_own_file = {module for module in ROOMS[room] if (TESTS / room / f"test_{module}.py").is_file()}
    missing = sorted(
        set(ROOMS[room]) - with_own_file - {module for module, _ in rows(room)} - CONTRACTS.get(room, set())
    )
    assert not missing, f"tests/{room}/README.md: add a line for {', '.join(missing)}, or a file test_{missing[0]}.py"


@pytest.mark.parametrize("room", ROOMS)
def test_a_line_names_a_module_and_tests_that_are_there(room: str) -> None:
    listed = [module for module, _ in rows(room)]
    assert listed == sorted(set(listed)), "in order, and each once"
    for module, where in rows(room):
        assert module in ROOMS[room], f"tests/{room}/README.md: {room} has no {module}.py"
        assert not (TESTS / room / f"test_{module}.py").is_file(), f"{module} has a file of its name: no line"
        links = LINK.findall(where)
        assert links, f"tests/{room}/README.md: {module}: no link to a file of tests"
        for name, link in links:
            test_file = TESTS / room / link
            assert test_file.name == name, f"tests/{room}/README.md: {module}: {link} is not {name}"
            assert test_file.is_file(), f"tests/{room}/README.md: {module}: there is no {link}"


def test_no_page_lists_a_room_that_is_not_there() -> None:
    pages = [*(TESTS / "hpsearch").rglob("README.md"), *(TESTS / "models").rglob("README.md")]
    assert {page.parent.relative_to(TESTS).as_posix() for page in pages} <= set(ROOMS)
