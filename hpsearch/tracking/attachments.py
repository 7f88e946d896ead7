"""Files of a study's run in MLflow: where it ran, what was installed there, and the file that declares it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hpsearch.log.catalogue import version_file
from hpsearch.tracking.store import Store


def send_study(store: Store, run: str, environment: Mapping[str, Any], study_dir: Path) -> None:
    """Send the files of a study's first version.

    Args:
        store: The store.
        run: Id of the study's run.
        environment: The environment in the header of its log.
        study_dir: The study's folder.
    """
    remaining = dict(environment)
    if patch := remaining.pop("git_diff", None):
        store.log_text(run, patch, "git.diff")
    packages = remaining.get("packages", {})
    if packages:
        lines = [f"{name}=={version}\n" for name, version in sorted(packages.items())]
        store.log_text(run, "".join(lines), "requirements.txt")
    store.log_text(run, as_json(remaining), "environment.json")
    study_file = study_dir / version_file(1)
    if study_file.exists():
        store.log_text(run, study_file.read_text(encoding="utf-8"), "study.py")


def as_json(value: object) -> str:
    """Return a value as a JSON file for people."""
    return json.dumps(value, indent=1, ensure_ascii=False) + "\n"
