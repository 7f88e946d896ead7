"""What a byte-identical repetition needs: versions, BLAS, CPU and the commit of the code, read once per study."""

from __future__ import annotations

import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from hpsearch.study.registry import RULES

PACKAGES = ("hpsearch", "numpy", "scipy", "scikit-learn", "pandas", "optuna", "mlflow-skinny", "mlflow")


def describe(folder: Path | None = None) -> dict[str, Any]:
    """Return the environment as JSON values.

    Args:
        folder: Where the study file is: the commit is that of the git repository around it, if there is one.
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
        **_git(folder or Path.cwd()),
    }


def _versions() -> dict[str, str]:
    found = {}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _git(folder: Path) -> dict[str, Any]:
    """Return commit, whether the tree differs from it, and the difference; nothing outside a repository."""

    def ask(*words: str) -> str | None:
        try:
            answer = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=10, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout.decode(errors="replace") if answer.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if commit is None:
        return {}
    diff = ask("diff", "HEAD") or ""
    return {"git_commit": commit.strip(), "git_dirty": bool(diff), "git_diff": diff[:100_000]}
