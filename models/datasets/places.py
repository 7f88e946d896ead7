"""The folders in which named data sets are looked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .dataset import DatasetError

ENVIRONMENT = "HPSEARCH_DATA"


def cache_root(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the folder that `fetch` fills: under XDG_CACHE_HOME, else ~/Library/Caches (macOS) or ~/.cache."""
    base = Path(environ.get("XDG_CACHE_HOME", ""))
    if not base.is_absolute():  # unset, or relative, which the XDG specification says to ignore
        base = Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
    return base / "hpsearch"


def search_path(data_dir: str | Path | None) -> list[Path]:
    """Return the folders that hold named sets: `data_dir` alone, or HPSEARCH_DATA where set and then the cache."""
    if data_dir is not None:
        return [_existing(data_dir, "data_dir")]
    folder = os.environ.get(ENVIRONMENT)
    return [*([_existing(folder, ENVIRONMENT)] if folder else []), cache_root()]


def _existing(folder: str | Path, source: str) -> Path:
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise DatasetError(f"{source}={folder}: not a folder")
    return path
