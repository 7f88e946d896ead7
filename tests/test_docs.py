"""What the pages name is there: files, links, and functions; what the sources say of each other holds too."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("studies/*.md")]
SOURCES = [*ROOT.glob("hpsearch/**/*.py"), *ROOT.glob("models/**/*.py"), *ROOT.glob("scripts/*.py")]

TOP = ("docs", "hpsearch", "models", "scripts", "studies", "tests", r"\.ci")
FILE = re.compile(rf"(?<![\w/.>:-])(?:{'|'.join(TOP)})/[\w./-]*\w")
"""A path below one of the repository's folders, wherever it stands in a text."""
QUOTED_FILE = re.compile(r"`([\w-]+(?:/[\w.-]+)*\.(?:py|md|toml|css|js))(?:::\w+)?`")
"""A file that is named alone between backticks; pages leave out hpsearch/ where the room is plain."""
DOTTED = re.compile(r"`~?(hpsearch(?:\.\w+)+)(?:\(\))?`")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
NAMED_LINK = re.compile(r"\[`([A-Za-z_][\w.]*)`\]\(([^)#\s]+\.py)\)")
"""A name that a page says to be in a file: [`Class.method`](file.py)."""

COMPOSED_TAGS = {"hpsearch.calibration", "hpsearch.confirmed"}
"""Tags in MLflow whose names hpsearch/tracking/content.py puts together."""
USERS = {"study.py", "hpsearch.py", "versions/N/study.py", "studies/flats.py"}
"""Files of users that pages speak of."""


def by_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


each_page = pytest.mark.parametrize("page", PAGES, ids=by_name)


def is_there(name: str) -> bool:
    return any((base / name).exists() for base in (ROOT, ROOT / "hpsearch"))


@each_page
def test_every_file_that_a_page_names_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    named = {*FILE.findall(text), *QUOTED_FILE.findall(text)} - USERS
    assert not [name for name in sorted(named) if not is_there(name) and not (page.parent / name).exists()]


@each_page
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    links = {link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link}
    assert not [link for link in sorted(links) if not (page.parent / link).exists()]


@pytest.mark.parametrize("path", SOURCES, ids=by_name)
def test_every_file_that_a_source_names_is_there(path: Path) -> None:
    named = {name for name in FILE.findall(path.read_text(encoding="utf-8")) if not name.startswith("studies/")}
    assert not [name for name in sorted(named) if not is_there(name)]


def names_of(body: list[ast.stmt], prefix: str = "") -> Iterator[str]:
    """Yield what a module or class defines, members of classes as ``Class.member``."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield prefix + node.name
            yield from names_of(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.Assign):
            yield from (prefix + target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield prefix + node.target.id
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (prefix + (alias.asname or alias.name) for alias in node.names)
        elif isinstance(node, ast.If | ast.Try):
            yield from names_of([*node.body, *node.orelse], prefix)


@cache
def defined(path: Path) -> frozenset[str]:
    return frozenset(names_of(ast.parse(path.read_text(encoding="utf-8")).body))


def resolves(dotted: str) -> bool:
    """Return whether a dotted name of ours is a module, or something that one defines."""
    parts = dotted.split(".")
    for split in range(len(parts), 0, -1):
        place, rest = ROOT.joinpath(*parts[:split]), ".".join(parts[split:])
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if path.is_file():
                return not rest or rest in defined(path) or (split == 1 and rest in public())
    return False


@cache
def public() -> frozenset[str]:
    import hpsearch

    return frozenset(hpsearch.__all__)


@cache
def tags() -> frozenset[str]:
    """Return the names of tags in MLflow, which look like modules."""
    text = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("hpsearch/**/*.py"))
    return frozenset(re.findall(r"[\"'](hpsearch(?:\.\w+)+)[\"']", text))


@pytest.mark.parametrize("path", [*PAGES, *SOURCES], ids=by_name)
def test_every_dotted_name_is_ours_or_a_tag_in_mlflow(path: Path) -> None:
    named = set(DOTTED.findall(path.read_text(encoding="utf-8"))) - tags() - COMPOSED_TAGS - USERS
    assert not [name for name in sorted(named) if not resolves(name)]


@each_page
def test_what_a_page_says_to_be_in_a_file_is_defined_there(page: Path) -> None:
    links = NAMED_LINK.findall(page.read_text(encoding="utf-8"))
    missing = [(name, link) for name, link in links if name not in defined((page.parent / link).resolve())]
    assert not missing
    if page.name == "architecture.md":
        names = [name for name, _ in links]
        assert len(names) >= 40, "the tour names what it passes"
        assert sorted(names) == sorted(set(names)), "and each thing once"


def test_every_page_of_docs_is_in_the_navigation_of_the_site() -> None:
    named = re.findall(r"^ +- .+: ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    joined = {"index.md", "changelog.md", "contributing.md", "course.md"}  # scripts/site_pages.py brings them
    assert sorted(named) == sorted({page.name for page in ROOT.glob("docs/*.md")} | joined)
