"""Every block of Python in the pages is Python, imports what is there, and names arguments that exist."""

from __future__ import annotations

import ast
import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

import hpsearch

ROOT = Path(__file__).resolve().parents[1]
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("studies/*.md")]
BLOCK = re.compile(r"^```(?:python|py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
BLOCKS = [
    pytest.param(text, id=f"{page.relative_to(ROOT).as_posix()}-{number}")
    for page in sorted(PAGES)
    for number, text in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")))
]


def takes(function: object, call: ast.Call) -> bool:
    """Return whether a function has the arguments that a call names; the values are for others to check."""
    assert callable(function)
    keywords = {keyword.arg: None for keyword in call.keywords if keyword.arg is not None}
    try:
        inspect.signature(function).bind_partial(*([None] * len(call.args)), **keywords)
    except TypeError:
        return False
    return True


@pytest.mark.parametrize("text", BLOCKS)
def test_a_block_imports_what_is_there_and_names_arguments_that_exist(text: str) -> None:
    nodes = list(ast.walk(ast.parse(text.replace("…", "..."))))
    ours = set(hpsearch.__all__)
    for node in nodes:
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "hpsearch":
            module = import_module(node.module or "")
            assert not [alias.name for alias in node.names if not hasattr(module, alias.name)]
        elif isinstance(node, ast.ImportFrom):  # another MLPClassifier
            ours -= {alias.name for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ours:
            assert takes(getattr(hpsearch, node.func.id), node), f"line {node.lineno}: {ast.unparse(node)}"


@pytest.mark.parametrize(("text", "right"), [("Study('a', epochs=3)", True), ("Study('a', epoch=3)", False)])
def test_an_argument_that_is_not_there_is_found(text: str, right: bool) -> None:
    call = ast.parse(text, mode="eval").body
    assert isinstance(call, ast.Call)
    assert takes(hpsearch.Study, call) is right
