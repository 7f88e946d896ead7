"""The lines of a log: JSON that ends in a checksum, and how to read them back."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

from hpsearch.errors import UserError
from hpsearch.log.records import SCHEMA, Header, Record, from_json, to_json

_CHECKSUM = re.compile(rb',"crc":"([0-9a-f]{8})"\}$')


class LogDamaged(UserError):
    """A log has a line that is not what was written, elsewhere than at its torn end."""


def encode(record: Record) -> bytes:
    """Return the line of a record: JSON that ends in a CRC-32 of everything before it."""
    body = json.dumps(to_json(record), separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()[:-1]
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def decode(line: bytes) -> Record:
    """Return the record of a line.

    Raises:
        ValueError: The line is incomplete, its checksum is wrong, or it is no record.
    """
    match = _CHECKSUM.search(line.rstrip(b"\n"))
    if not line.endswith(b"\n") or match is None:
        raise ValueError("the line is incomplete")
    body = line[: match.start()]
    if zlib.crc32(body) != int(match[1], 16):
        raise ValueError("the checksum does not match")
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
        file.seek(start)
        offset = start
        for number, line in enumerate(file, start=1):
            try:
                record = decode(line)
            except ValueError as error:
                if not line.endswith(b"\n"):
                    return
                place = f"line {number}" if start == 0 else f"the line at byte {offset}"
                raise LogDamaged(f"{path}: {place} is damaged ({error}); run `hpsearch doctor`") from error
            if isinstance(record, Header) and record.schema != SCHEMA:
                raise LogDamaged(f"{path}: written in log schema {record.schema}, this hpsearch reads schema {SCHEMA}")
            offset += len(line)
            yield record, offset
