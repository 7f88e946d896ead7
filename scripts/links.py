"""Relative links of a Markdown page, rewritten for where the page is shown without the repository around it.

README.md on a package index and the pages of the site have no files beside them. A link to a file is made absolute
where ``[project.urls]`` in pyproject.toml says where the repository lives (``Source``); without that address the words
of the link stay, with the path behind them, and an image becomes its description: no link is dead.
"""

from __future__ import annotations

import posixpath
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

CODE = re.compile(r"(^```.*?^```[^\n]*$)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?P<image>!?)\[(?P<words>(?:[^\[\]]|\[[^\]]*\])*)\]\((?P<target>[^)\s]+)\)")
ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|#")
"""What a target begins with that is no file of the repository: a scheme, or a place on the page itself."""


def source() -> str | None:
    """Return the address at which the repository lives, or None where pyproject.toml names none."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address: str | None = project.get("urls", {}).get("Source")
    return address


def rewrite(
    text: str, folder: str, source: str | None, link_target: Callable[[str], str | None] = lambda path: None
) -> str:
    """Return a page whose links hold wherever it is shown.

    Args:
        text: Markdown. Code between fences is left as it is.
        folder: The page's folder in the repository, "" for its root.
        source: The address of the repository at its host, or None.
        link_target: Given a file's path in the repository, returns the target for a link to it where the file is shown
            too, else None.
    """

    def link(match: re.Match[str]) -> str:
        image = match["image"]
        words = match["words"]
        target = match["target"]
        if ELSEWHERE.match(target):
            return match[0]
        file, hash_, anchor = target.partition("#")
        path = posixpath.normpath(posixpath.join(folder, file))
        beside = link_target(path)
        if beside is not None:
            return f"{image}[{words}]({beside}{hash_}{anchor})"
        if source is not None:
            return f"{image}[{words}]({source.rstrip('/')}/{'raw' if image else 'blob'}/HEAD/{path}{hash_}{anchor})"
        text = words if path in words.strip("`") else f"{words} ({path})"
        return f"*{text}*" if image else text

    pieces = CODE.split(text)
    return "".join(piece if piece.startswith("```") else LINK.sub(link, piece) for piece in pieces)


def package_readme() -> str:
    """Return README.md as the package's description, for an index on which nothing lies beside it."""
    return rewrite((ROOT / "README.md").read_text(encoding="utf-8"), "", source())
