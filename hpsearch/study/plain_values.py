"""Plain values as text: the same in every process, whatever seed Python hashes by."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import hashlib
import re
import uuid
from collections.abc import Mapping
from pathlib import Path, PurePath
from typing import Any

from hpsearch.study.code_tree import constant

_BY_REPR = (
    decimal.Decimal, fractions.Fraction, datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, uuid.UUID,
    range, slice, complex,
)  # fmt: skip


def plain(value: Any, folders: frozenset[Path] = frozenset()) -> str | None:
    """Return a plain value as text, or None where it is none.

    Plain are numbers, texts, bytes, paths, dates, enumerations, arrays of numbers, and lists, tuples, sets and dicts of
    plain values. Sets are sorted; dicts keep their order, which a program may read.

    Args:
        value: The value.
        folders: The study's folders: paths into them count from there, so that a study may be moved.
    """
    if isinstance(value, enum.Enum):
        inner = plain(value.value, folders)
        return None if inner is None else f"{type(value).__qualname__}.{value.name}={inner}"
    if value is None or value is ... or isinstance(value, bool):
        return constant(value)
    if type(value).__module__ == "numpy":
        return _numpy(value, folders)
    if isinstance(value, int):
        return str(int(value)) if abs(value) < 10**300 else hex(value)
    if isinstance(value, float):
        return repr(float(value))
    if isinstance(value, str):
        return constant(_within(str(value), folders))
    if isinstance(value, bytes | bytearray):
        return constant(bytes(value)) if len(value) <= 64 else f"bytes:{digest(bytes(value))}"
    if isinstance(value, PurePath):
        return f"path:{constant(_within(value.as_posix(), folders))}"
    if isinstance(value, re.Pattern):
        return f"pattern:{plain(value.pattern)}:{value.flags}"
    if isinstance(value, _BY_REPR):
        return f"{type(value).__name__}:{value!r}"
    return _collection(value, folders)


def _collection(value: Any, folders: frozenset[Path]) -> str | None:
    if type(value) not in (list, tuple, set, frozenset, dict) and not _named_tuple(value):
        return None
    if isinstance(value, Mapping):
        items = [(plain(key, folders), plain(item, folders)) for key, item in value.items()]
        if any(key is None or item is None for key, item in items):
            return None
        return f"{{{', '.join(f'{key}: {item}' for key, item in items)}}}"
    texts = [plain(item, folders) for item in value]
    readable = [item for item in texts if item is not None]
    if len(readable) < len(texts):
        return None
    if isinstance(value, set | frozenset):
        return f"set({', '.join(sorted(readable))})"
    text = ", ".join(readable)
    if isinstance(value, list):
        return f"[{text}]"
    return f"({text})" if type(value) is tuple else f"{type(value).__qualname__}({text})"


def _named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


def _numpy(value: Any, folders: frozenset[Path]) -> str | None:
    """Return an array or a scalar of NumPy; None for its other objects."""
    if not hasattr(value, "dtype") or not hasattr(value, "tobytes"):
        return None
    if getattr(value, "ndim", 0) == 0:
        inner = value.item()
        return None if type(inner).__module__ == "numpy" else plain(inner, folders)
    if value.dtype.hasobject:
        inner = plain(value.tolist(), folders)
        return None if inner is None else f"array:{inner}"
    data = value.tobytes() if value.dtype.byteorder != ">" else value.astype(value.dtype.newbyteorder("<")).tobytes()
    return f"array:{value.dtype.name}:{'x'.join(map(str, value.shape))}:{digest(data)}"


def _within(text: str, folders: frozenset[Path]) -> str:
    for folder in sorted(folders):
        start = folder.as_posix()
        if len(folder.parts) > 1 and (text == start or text.startswith(f"{start}/")):
            return f"<folder>{text[len(start) :]}"
    return text


def digest(data: bytes | str) -> str:
    """Return 16 hex digits that stand for data."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()[:16]
