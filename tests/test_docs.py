"""What the pages name is there: files, links, and functions; what the sources say of each other holds too."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

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


def is_there(name: str) -> bool:
    return any((base / name).exists() for base in (ROOT, ROOT / "hpsearch"))


def by_file(paths: list[Path], missing: Callable[[Path, str], list[str]]) -> dict[str, list[str]]:
    """Return what is missing from what each file says, for the files that miss something: (path, its text) -> names."""
    lists = {by_name(path): missing(path, path.read_text(encoding="utf-8")) for path in paths}
    return {name: names for name, names in lists.items() if names}


def test_every_file_that_a_page_names_is_there() -> None:
    def missing(page: Path, text: str) -> list[str]:
        named = {*FILE.findall(text), *QUOTED_FILE.findall(text)} - USERS
        return [name for name in sorted(named) if not is_there(name) and not (page.parent / name).exists()]

    assert not by_file(PAGES, missing)


def test_every_link_of_a_page_leads_somewhere() -> None:
    def missing(page: Path, text: str) -> list[str]:
        links = {link for link in LINK.findall(text) if "://" not in link}
        return [link for link in sorted(links) if not (page.parent / link).exists()]

    assert not by_file(PAGES, missing)


def test_every_file_that_a_source_names_is_there() -> None:
    def missing(_: Path, text: str) -> list[str]:
        named = {name for name in FILE.findall(text) if not name.startswith("studies/")}
        return [name for name in sorted(named) if not is_there(name)]

    assert not by_file(SOURCES, missing)


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
        module = ROOT.joinpath(*parts[:split])
        attribute = ".".join(parts[split:])
        for path in (module.with_suffix(".py"), module / "__init__.py"):
            if path.is_file():
                return not attribute or attribute in defined(path) or (split == 1 and attribute in public())
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


def test_every_dotted_name_is_ours_or_a_tag_in_mlflow() -> None:
    def missing(_: Path, text: str) -> list[str]:
        named = set(DOTTED.findall(text)) - tags() - COMPOSED_TAGS - USERS
        return [name for name in sorted(named) if not resolves(name)]

    assert not by_file([*PAGES, *SOURCES], missing)


def test_what_a_page_says_to_be_in_a_file_is_defined_there() -> None:
    def missing(page: Path, text: str) -> list[str]:
        links = NAMED_LINK.findall(text)
        return [f"{name} in {link}" for name, link in links if name not in defined((page.parent / link).resolve())]

    assert not by_file(PAGES, missing)


def test_the_story_of_a_trial_names_each_thing_once() -> None:
    names = [name for name, _ in NAMED_LINK.findall((ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))]
    assert len(names) >= 40
    assert sorted(names) == sorted(set(names))


def test_every_page_of_docs_is_in_the_navigation_of_the_site() -> None:
    named = re.findall(r"^ +- .+: ([\w-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    joined = {"index.md", "changelog.md", "contributing.md", "course.md"}  # scripts/site_pages.py brings them
    assert sorted(named) == sorted({page.name for page in ROOT.glob("docs/*.md")} | joined)
