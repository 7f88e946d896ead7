"""What a byte-identical repetition needs: versions, BLAS, CPU and the commit of the code, read once per study."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from hpsearch.engine import git
from hpsearch.study.registry import RULES

PACKAGES = ("hpsearch", "numpy", "scipy", "scikit-learn", "pandas", "optuna", "mlflow-skinny", "mlflow")


def current(folder: Path | None = None, *, diff: bool = True) -> dict[str, Any]:
    """Return the environment as JSON values.

    Args:
        folder: Where the study file is: the commit is that of the git repository around it, if there is one.
        diff: Whether to take down how the files of the repository differ from its commit.
    """
    from threadpoolctl import threadpool_info

    blas = [f"{lib['internal_api']} {lib['version']} ({lib.get('architecture', '?')})" for lib in threadpool_info()]
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu": _cpu(),
        "blas": sorted(set(blas)),
        "packages": _versions(),
        "rules": dict(RULES),
        "argv": [Path(sys.argv[0]).name, *sys.argv[1:]] if sys.argv else [],
        **git.state_of(folder or Path.cwd(), diff=diff),
    }


def _versions() -> dict[str, str]:
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
