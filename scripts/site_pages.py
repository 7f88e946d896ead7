"""A hook of MkDocs (mkdocs.yml): pages from beside docs/ join the site, and links to files become links that hold."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import links  # noqa: E402 - found by the line above

JOINED = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "studies/README.md": "course.md",
}
"""Pages of the repository that stand outside of docs/, and their names on the site."""


def on_files(files: Files, config: Any) -> Files:
    """Let the pages from elsewhere join."""
    for path, name in JOINED.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Rewrite the links of a page: to pages of the site where they lead there, else as on an index."""
    name = page.file.src_uri
    path = next((path for path, joined in JOINED.items() if joined == name), f"docs/{name}")

    def page_on_site(target: str) -> str | None:
        page_name = JOINED.get("studies/README.md" if target == "studies" else target, target.removeprefix("docs/"))
        may_be_shown = target in JOINED or target == "studies" or target.startswith("docs/")
        return (
            page_name
            if may_be_shown and files.get_file_from_path(page_name) is not None and not page_name.endswith("ipynb")
            else None
        )

    return links.rewrite(markdown, path.rpartition("/")[0], links.source(), page_on_site)
