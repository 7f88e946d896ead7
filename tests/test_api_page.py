"""The API reference holds every name that users import, and each of them says what it is."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import hpsearch

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "api.md").read_text(encoding="utf-8")
NAMES = re.findall(r"^::: ([\w.]+)$", PAGE, re.MULTILINE)
MEMBERS = [
    (name, member)
    for name, members in re.findall(r"^::: ([\w.]+)\n    options:\n      members: \[(.+)\]$", PAGE, re.MULTILINE)
    for member in members.split(", ")
]


def by_name(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(import_module(module), attribute)


def test_every_public_name_is_on_the_page_and_no_other_of_the_package() -> None:
    top = [name.removeprefix("hpsearch.") for name in NAMES if name.count(".") == 1]
    assert sorted(top) == sorted(hpsearch.__all__)
    assert len(NAMES) == len(set(NAMES))


def test_each_says_what_it_is() -> None:
    assert NAMES
    assert not [name for name in NAMES if not inspect.getdoc(by_name(name))]


def test_each_member_is_there_and_says_what_it_is() -> None:
    assert MEMBERS
    for name, member in MEMBERS:
        assert inspect.getdoc(inspect.getattr_static(by_name(name), member)), f"{name}.{member}"
