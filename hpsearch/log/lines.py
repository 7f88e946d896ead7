"""The lines of a log: JSON that ends in a checksum, and how to read them back."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.log.record_json import from_json, to_json
from hpsearch.log.records import SCHEMA, Header, Record

_CHECKSUM = re.compile(rb',"crc":"([0-9a-f]{8})"\}$')


class LogDamaged(UserError):
    """A log has a line that is not what was written, elsewhere than at its torn end."""


def key_of(record: Record) -> int:
    """Return what the checksums of the lines behind a header begin with: its uid's; in logs of version 0.1, 0."""
    return zlib.crc32(record.uid.encode()) if isinstance(record, Header) and record.minor >= 1 else 0


def key_at(path: Path) -> int:
    """Return what the checksums of a log begin with, by its first line; 0 where it holds no whole one.

    Raises:
        LogDamaged: The first line is not what was written.
    """
    with path.open("rb") as file:
        line = file.readline()
    if not line.endswith(b"\n"):
        return 0
    try:
        return key_of(decode(line))
    except ValueError as error:
        raise LogDamaged(f"{path}: line 1 is damaged ({error}); run `hpsearch doctor`") from error


def header_at(path: Path) -> Header | None:
    """Return the header of a log; None where there is no log yet, or its first line is torn or damaged.

    A damaged log is reported where it is opened.
    """
    try:
        with path.open("rb") as file:
            header = decode(file.readline())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return header if isinstance(header, Header) else None


def encode(record: Record, key: int = 0) -> bytes:
    """Return the line of a record: JSON that ends in a CRC-32 of everything before it.

    Args:
        record: What happened.
        key: What the header says the checksum begins with (:func:`key_of`); 0 for the header itself.
    """
    json_text = json.dumps(to_json(record), separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    # Half a character, as of a file's name that is no UTF-8, is written as JSON's escape of it.
    body = json_text.encode("utf-8", "backslashreplace")[:-1]
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body, key)


def decode(line: bytes, key: int = 0) -> Record:
    """Return the record of a line.

    Args:
        line: The line, with its end.
        key: What its checksum begins with; 0 for a header.

    Raises:
        ValueError: The line is incomplete, its checksum is wrong, or it is no record.
    """
    match = _CHECKSUM.search(line.rstrip(b"\n"))
    if not line.endswith(b"\n") or match is None:
        raise ValueError("the line is incomplete")
    body = line[: match.start()]
    if zlib.crc32(body, key) != int(match[1], 16):
        of_another_study = key and zlib.crc32(body) == int(match[1], 16)
        raise ValueError("it was not written by this study" if of_another_study else "the checksum does not match")
    return from_json(json.loads(body + b"}"))


def read(path: Path, start: int = 0) -> Iterator[tuple[Record, int]]:
    """Yield each whole record of a log with the offset behind it; a torn last line is left out.

    Args:
        path: The log.
        start: Offset in bytes at which a record begins.

    Raises:
        LogDamaged: A line other than the last is not what was written, or the log is of another schema.
    """
    with path.open("rb") as file:
        key = key_at(path) if start else 0
        file.seek(start)
        offset = start
        for line_number, line in enumerate(file, start=1):
            try:
                record = decode(line, key)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return
                position = f"line {line_number}" if start == 0 else f"the line at byte {offset}"
                raise LogDamaged(f"{path}: {position} is damaged ({error}); run `hpsearch doctor`") from error
            if isinstance(record, Header) and record.schema != SCHEMA:
                raise LogDamaged(f"{path}: written in log schema {record.schema}, this hpsearch reads schema {SCHEMA}")
            if offset == 0:
                key = key_of(record)
            offset += len(line)
            yield record, offset
