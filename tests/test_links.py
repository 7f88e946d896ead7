"""README.md holds on a package index, where none of the repository's files lie beside it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import links  # noqa: E402 - found by the line above

HOME = "https://example.org/us/hpsearch"
TARGET = re.compile(r"\]\(([^)]*)\)")


def outside_code(text: str) -> str:
    return re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("source", [None, HOME, HOME + "/"])
def test_no_link_of_the_packages_description_is_relative(source: str | None) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    before, after = (
        TARGET.findall(outside_code(readme)),
        TARGET.findall(outside_code(links.rewrite(readme, "", source))),
    )
    assert [target for target in before if "://" not in target], "README.md has relative links to rewrite"
    assert not [target for target in after if not target.startswith(("https://", "http://", "#"))]
    assert len(after) == (len(before) if source else len([target for target in before if "://" in target]))
    assert all((ROOT / target.split("/HEAD/")[1]).exists() for target in after if target.startswith(HOME))


def test_a_link_becomes_absolute_or_words_with_a_path_and_an_image_its_description() -> None:
    text = "[the house](architecture.md#rooms), [docs/x.md](x.md), ![a plot](images/a.png), [b](https://b.c), [up](#up)"
    host = f"{HOME}/blob/HEAD/docs"
    assert links.rewrite(text, "docs", HOME) == (
        f"[the house]({host}/architecture.md#rooms), [docs/x.md]({host}/x.md), "
        f"![a plot]({HOME}/raw/HEAD/docs/images/a.png), [b](https://b.c), [up](#up)"
    )
    assert links.rewrite(text, "docs", None) == (
        "the house (docs/architecture.md), docs/x.md, *a plot (docs/images/a.png)*, [b](https://b.c), [up](#up)"
    )


def test_code_is_left_as_it_is() -> None:
    text = "```python\nplot[x](y)\n```\n[a](b.md)\n```sh\n[c](d)\n```\n"
    assert links.rewrite(text, "", None) == "```python\nplot[x](y)\n```\na (b.md)\n```sh\n[c](d)\n```\n"


def test_a_file_that_is_shown_too_is_linked_where_it_is_shown() -> None:
    def shown(path: str) -> str | None:
        return {"README.md": "index.md"}.get(path)

    assert links.rewrite("[home](../README.md#data) [code](../a.py)", "docs", None, shown) == (
        "[home](index.md#data) code (a.py)"
    )
