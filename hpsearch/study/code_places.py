"""Which code is a study's own: what lies in the folders where its parts are defined, and is no installed package."""

from __future__ import annotations

import sys
import sysconfig
from functools import lru_cache
from pathlib import Path
from typing import Any

from hpsearch.study.naming import PREFIX

_INSTALLED = ("site-packages", "dist-packages")
_PYTHON = tuple(Path(sysconfig.get_paths()[key]).resolve() for key in ("stdlib", "platstdlib"))
_MAIN = "__main__"


def owns(folders: frozenset[Path], file: object, module: str | None) -> bool:
    """Return whether code belongs to a study.

    Args:
        folders: The folders of the study's parts.
        file: The file that the code's module was read from; None for a notebook's.
        module: The module's name.
    """
    if module is not None and module.partition(".")[0] == "hpsearch":
        return False
    if not isinstance(file, str):
        return module == _MAIN
    folder = own_folder(file)
    return folder is not None and any(folder.is_relative_to(study_folder) for study_folder in folders)


@lru_cache(maxsize=1024)
def own_folder(file: str) -> Path | None:
    """Return the folder of a file that somebody wrote for a study; None for one of Python or of a package."""
    path = Path(file).resolve()
    if any(folder in _INSTALLED for folder in path.parts) or any(
        path.is_relative_to(installed) for installed in _PYTHON
    ):
        return None
    return path.parent


def defining_module(definition: Any) -> str:
    """Return the name of the module that defines a function or class.

    A study file is a module of another name when it is run as a script; it is the same study.
    """
    module = str(getattr(definition, "__module__", None))
    if module == _MAIN and (path := getattr(sys.modules[_MAIN], "__file__", None)):
        return Path(path).stem
    return module.removeprefix(PREFIX)
