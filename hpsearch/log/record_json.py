"""Records as JSON values, and back: what stands on a line of the log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from hpsearch.log.records import Arrival, Ask, Begin, Decision, Extension, Header, Record, Resume, Row, Tick

_KINDS: dict[str, type[Record]] = {
    "header": Header,
    "extension": Extension,
    "tick": Tick,
    "begin": Begin,
    "arrival": Arrival,
}


def to_json(record: Record) -> dict[str, Any]:
    """Return a record as JSON values; numbers that are not finite become nan, inf and -inf."""
    kind = next(kind for kind, cls in _KINDS.items() if type(record) is cls)
    # Not dataclasses.asdict: it copies what is only written, and took most of the time of a tick.
    plain = dict(vars(record))
    for name in ("asks", "rows", "decisions", "resumes"):
        if name in plain:
            plain[name] = [dict(vars(item)) for item in plain[name]]
    for ask in plain.get("asks", ()):
        for name in ("rejected", "enqueued", "evidence"):
            if not ask[name]:
                del ask[name]
        for name in ("reuses", "until", "cost", "place"):
            if ask[name] is None:
                del ask[name]
    for name in ("notes", "minor", "change", "changed", "earlier", "points", "brought", "resumes"):
        if not plain.get(name, True):
            del plain[name]
    if kind == "tick" and plain["due"] is None:
        del plain["due"]
    if kind == "extension" and not plain["stop"]:
        del plain["stop"]
    if "row" in plain:
        plain["row"] = dict(vars(plain["row"]))
        _write_row(plain["row"])
    for row in plain.get("rows", ()):
        _write_row(row)
    for item in (*plain.get("decisions", ()), *plain.get("resumes", ()), *plain.get("asks", ())):
        if "evidence" in item:
            item["evidence"] = {name: _write_number(value) for name, value in item["evidence"].items()}
    return {"kind": kind, **plain}


def from_json(value: Mapping[str, Any]) -> Record:
    """Return the record that :func:`to_json` wrote.

    Raises:
        ValueError: The value is no record of this schema.
    """
    fields = dict(value)
    kind = fields.pop("kind", None)
    if kind not in _KINDS:
        raise ValueError(f"unknown kind of record {kind!r}")
    try:
        if kind == "tick":
            fields["asks"] = tuple(Ask(**ask) for ask in fields["asks"])
            fields["rows"] = tuple(_read_row(row) for row in fields["rows"])
            fields["decisions"] = tuple(Decision(**decision) for decision in fields["decisions"])
            fields["notes"] = tuple(fields.get("notes", ()))
            fields["resumes"] = tuple(Resume(**resume) for resume in fields.get("resumes", ()))
        elif kind == "begin":
            fields["asks"] = tuple(Ask(**ask) for ask in fields["asks"])
            fields["notes"] = tuple(fields.get("notes", ()))
            fields["resumes"] = tuple(Resume(**resume) for resume in fields.get("resumes", ()))
        elif kind == "arrival":
            fields["row"] = _read_row(fields["row"])
        return _KINDS[kind](**fields)
    except (TypeError, KeyError) as error:
        raise ValueError(f"a {kind} record with the wrong fields: {error}") from error


_RARE = {"quiet": False, "refusal": None, "rule": "failure", "attributes": None, "score_seconds": 0.0, "within": ()}
"""Fields of a row that are written only where they say something else than this."""


def _write_row(row: dict[str, Any]) -> None:
    row["metrics"] = _write_numbers(row["metrics"])
    if row["within"]:
        row["within"] = [[samples, _write_numbers(metrics)] for samples, metrics in row["within"]]
    for name, usual in _RARE.items():
        if row[name] == usual:
            del row[name]


def _read_row(value: Mapping[str, Any]) -> Row:
    fields = dict(value)
    fields["metrics"] = _read_numbers(fields["metrics"])
    if "within" in fields:
        fields["within"] = tuple((int(samples), _read_numbers(metrics)) for samples, metrics in fields["within"])
    return Row(**fields)


def _write_numbers(metrics: Mapping[str, float]) -> dict[str, Any]:
    return {name: _write_number(value) for name, value in metrics.items()}


def _read_numbers(metrics: Mapping[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}


def _write_number(value: Any) -> Any:
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
