"""The commit that a study was begun from, and how the files differed from it; files that hold secrets are left out."""

from __future__ import annotations

import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

MOST = 100_000
"""Bytes of a difference that are kept at most."""

PATIENCE = 10.0
"""Seconds that git gets for an answer."""

EXCLUDED = (
    ".env*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx", "id_rsa*", "id_ecdsa*",
    "id_ed25519*", ".netrc", "_netrc", ".npmrc", ".pypirc", ".pgpass", ".htpasswd", "*credential*", "*secret*",
    "*password*", "*token*",
)  # fmt: skip
"""Names of files whose differences are not taken down, whatever the case; `git config hpsearch.exclude` adds more."""


def state_of(folder: Path, *, diff: bool = True) -> dict[str, Any]:
    """Return commit, whether the files differ from it, and how; nothing outside a repository.

    `git config hpsearch.diff false` leaves the difference out for a repository, or with --global for all of a user's.

    Args:
        folder: A folder in the repository.
        diff: Whether to take the difference down.
    """
    commit = _ask(folder, "rev-parse", "HEAD")
    if commit is None:
        return {}
    names = [name for name in (_ask(folder, "diff", "HEAD", "--name-only", "-z") or "").split("\0") if name]
    state: dict[str, Any] = {"git_commit": commit.strip(), "git_dirty": bool(names)}
    if not diff or (_ask(folder, "config", "--type=bool", "--get", "hpsearch.diff") or "").strip() == "false":
        return state
    patterns = [*EXCLUDED, *(_ask(folder, "config", "--get-all", "hpsearch.exclude") or "").splitlines()]
    left_out = [name for name in names if _is_excluded(name, patterns)]
    included = [name for name in names if name not in left_out]
    state["git_diff"] = _difference(folder, included) if included else ""
    if left_out:
        state["git_diff_without"] = left_out
    return state


def _is_excluded(name: str, patterns: list[str]) -> bool:
    lower = name.lower()
    places = (lower, *lower.split("/"))
    return any(fnmatch(place, pattern.strip().lower()) for pattern in patterns if pattern.strip() for place in places)


def _difference(folder: Path, names: list[str]) -> str:
    """Return the difference of some files, cut with a word where it is long."""
    top = (_ask(folder, "rev-parse", "--show-toplevel") or "").rstrip("\n")
    command = ["git", "-C", top, "--literal-pathspecs", "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color"]
    # Some hundred files fill what is kept; a command line has an end too.
    words = [*command, "--", *names[:500]]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None, "it was asked for"
        output = process.stdout.read(MOST + 1)
        process.kill()
    text = output[:MOST].decode(errors="replace")
    return text if len(output) <= MOST else f"{text}\n[cut here: the difference is longer than {MOST:,} bytes]\n"


def _ask(folder: Path, *words: str) -> str | None:
    try:
        answer = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.decode(errors="replace") if answer.returncode == 0 else None
