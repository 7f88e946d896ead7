"""Takes secrets out of what was recorded of a study before: out of its log, and of its folder's other texts.

Checksums are made anew, points and whatever resuming and identity need stay as they are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.log import files, redact
from hpsearch.log.catalogue import LOG
from hpsearch.log.kept import PRINTED
from hpsearch.log.lines import LogDamaged, decode, encode, key_of, read
from hpsearch.log.records import Header, Record
from hpsearch.tracking import cursor
from hpsearch.tracking.process import OUTPUT

DIFF = ("git_diff", "git_diff_without")


@dataclass(frozen=True)
class Scrubbed:
    """What was done to a study's folder.

    Attributes:
        header: The log's first record, as it is now.
        lines: Numbers of the log's lines that were changed, from 1.
        files: Names of other files in the folder that were changed.
        untouched: Names of files that hold something that looks like a secret and are the user's to change.
    """

    header: Header
    lines: tuple[int, ...]
    files: tuple[str, ...]
    untouched: tuple[str, ...]


def scrub(study_dir: Path, secrets: Sequence[str] = (), *, diff: bool = False) -> Scrubbed:
    """Rewrite a study's log and the texts beside it without secrets; nothing is written where there are none.

    Args:
        study_dir: The study's folder, held by the caller.
        secrets: Texts that are secret, beside what looks like it.
        diff: Whether to take the difference from the commit out as a whole.

    Raises:
        UserError: The log is damaged, or a file cannot be written.
    """
    path = study_dir / LOG
    try:
        good_lines = sum(1 for _ in read(path))
    except LogDamaged as error:
        raise UserError(f"{error}; --fix mends it, then scrub") from error
    key, header, lines, changed = 0, None, [], []
    for number, line in enumerate(path.read_bytes().splitlines(keepends=True)[:good_lines], start=1):
        record = decode(line, key)
        clean = _clean(record, secrets, diff)
        lines.append(line if clean == record else encode(clean, key))
        if lines[-1] != line:
            changed.append(number)
        if isinstance(clean, Header):
            header = clean
            key = key_of(clean)
    if header is None:
        raise UserError(f"{path}: holds no record yet")
    if changed:
        with files.as_user_error(path):
            files.replace(path, b"".join(lines))
        # Offsets in a log of other lines mean nothing: what is delivered is looked up again.
        for uri in cursor.delivered_to(study_dir):
            cursor.forget(study_dir, uri)
    printed = [f"{path.parent.name}/{path.name}" for path in sorted((study_dir / PRINTED).glob("*.txt"))]
    others = [name for name in (OUTPUT, cursor.FILE, *printed) if _rewrite(study_dir / name, secrets)]
    suspects = [study_dir / "study.py", *sorted(study_dir.glob(f"{LOG}.damaged-*"))]
    untouched = [file.name for file in suspects if file.exists() and _text(file) != redact.text(_text(file), secrets)]
    return Scrubbed(header, tuple(changed), tuple(others), tuple(untouched))


def _clean(record: Record, secrets: Sequence[str], diff: bool) -> Record:
    clean = redact.record(record, secrets)
    if diff and isinstance(clean, Header) and set(DIFF) & set(clean.environment):
        environment = {name: value for name, value in clean.environment.items() if name not in DIFF}
        return replace(clean, environment=environment)
    return clean


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="surrogateescape")


def _rewrite(path: Path, secrets: Sequence[str]) -> bool:
    if not path.exists() or (clean := redact.text(old := _text(path), secrets)) == old:
        return False
    with files.as_user_error(path):
        files.replace(path, clean.encode("utf-8", "surrogateescape"))
    return True
