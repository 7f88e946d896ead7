"""The one layer that takes secrets out of whatever is recorded, sent or shown.

Points, the space and all else that resuming and a study's identity need are never touched: only texts that the machine
or a user's code wrote (commands, addresses, errors, differences of files).
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from hpsearch.log.records import Arrival, Decision, Extension, Header, Record, Row, Tick

HIDDEN = "[redacted]"

_WORD = (
    r"(?:password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key|"
    r"credentials?)"
)
"""What says that a value is secret, at the end of any name: PGPASSWORD and clientSecret do."""

_STANDALONE = r"(?<![A-Za-z])(?:signature|sig|pwd(?![\"']?[ \t]*[=:][ \t]*/))"
"""What says so only where it is a word of its own; PWD=/home/… is a shell's folder."""

_SUFFIX = r"(?:[_-](?:id|key|value|base)){0,2}"
_NAME = re.compile(rf"(?:{_WORD}|(?:^|[\W_])(?:signature|sig)|[\W_]pwd){_SUFFIX}$", re.IGNORECASE)
"""What a variable or an option is called that holds a secret; PWD is none."""

SHORTEST = 6
"""Characters that the value of an environment variable needs to be looked for in texts: a shorter one is in any."""

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host; the password of a database may hold what elsewhere ends a host
    (
        re.compile(
            r"(\b(?:postgres|mysql|mariadb|mssql|oracle|mongodb|redis|amqp)[a-z0-9+.-]*://)[^\s'\"<>]+@", re.IGNORECASE
        ),
        r"\1",
    ),
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^\s/?#'\"<>]+@", re.IGNORECASE), r"\1"),
    # -----BEGIN PRIVATE KEY----- … also where a difference puts a sign before each line
    (
        re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)"),
        rf"\1 {HIDDEN} \2",
    ),
    # Authorization: Bearer …, and the words alone
    (
        re.compile(r"(authorization[\"']?\s*[:=]\s*[\"']?)(?:(?:basic|bearer|token|digest)\s+)?[^\s\"',;]+", re.I),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(bearer\s+)[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(cookie[\"']?:[ \t]*[\"']?)[^\s\"'=]+=[^\r\n\"']+", re.IGNORECASE), rf"\1{HIDDEN}"),
    # "api_key": "…" in quotes, which may be escaped
    (
        re.compile(
            rf"((?:{_WORD}|{_STANDALONE}){_SUFFIX}\\*[\"']?[ \t]*(?:=|:(?!:))[ \t]*)"
            r"(\\*[\"'])(?!\2|\[redacted\])[^\r\n]+?(\2)",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}\3",
    ),
    # ?token=… &password=… PASSWORD=… --secret …
    (
        re.compile(
            rf"((?:{_WORD}|{_STANDALONE}){_SUFFIX}\\*[\"']?[ \t]*(?:=|:(?!:))[ \t]*\\*[\"']?)"
            rf"(?!\[redacted\])[^\s\"'&;,)}}\]]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # What the great providers' keys look like
    (
        re.compile(
            r"\b(?:A[KS]IA[0-9A-Z]{16}|gh[opsur]_[A-Za-z0-9]{30,}|github_pat_\w{30,}|glpat-[\w-]{18,}|"
            r"xox[abprs]-[\w-]{10,}|xapp-[\w-]{20,}|sk-[\w-]{20,}|[rs]k_(?:live|test)_\w{10,}|hf_[A-Za-z0-9]{30,}|"
            r"AIza[\w-]{35}|ya29\.[\w-]{20,}|npm_[A-Za-z0-9]{30,}|pypi-[\w-]{20,}|dapi[0-9a-f]{32}|"
            r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+)"
        ),
        HIDDEN,
    ),
)


_SIGNS = re.compile(
    r"://|PRIVATE KEY|auth|bearer|cookie|pwd|pass|secret|token|key|credential|sig|A[KS]IA|gh[opsur]_|github_pat_|"
    r"glpat-|xox[abprs]-|xapp-|sk-|[rs]k_|hf_|AIza|ya29|npm_|pypi-|dapi|eyJ",
    re.IGNORECASE,
)
"""One of these is in every text that a rule changes; most texts have none, and are looked at once."""


def text(value: str, more: Iterable[str] = ()) -> str:
    """Return a text without the secrets in it; one without any is returned as it is.

    Args:
        value: The text.
        more: Further texts that are secret.
    """
    return cleaner(more)(value)


def cleaner(more: Iterable[str] = ()) -> Callable[[str], str]:
    """Return a function that takes secrets out of texts as :func:`text` does; it reads the environment once.

    Args:
        more: Further texts that are secret.
    """
    secrets = (*_environment_secrets(), *more)

    def clean(value: str) -> str:
        for secret in secrets:
            if secret in value:
                value = value.replace(secret, HIDDEN)
        if _SIGNS.search(value):
            for rule, instead in _RULES:
                value = rule.sub(instead, value)
        return value

    return clean


def uri(value: str) -> str:
    """Return an address without a user's name and password and without secret parameters, to be shown and stored."""
    if value.partition(":")[0].partition("+")[0] == "sqlite" and "?" not in value:
        return value  # a file's name, by which it is found again
    try:
        address = urlsplit(value)
    except ValueError:
        return text(value)
    if "@" in address.netloc:
        value = urlunsplit(address._replace(netloc=address.netloc.rpartition("@")[2]))
    return text(value)


def words(values: Sequence[str]) -> list[str]:
    """Return a command line without secrets, also where an option and its value are two words."""
    redacted: list[str] = []
    for value in values:
        option = redacted[-1] if redacted else ""
        is_value = option.startswith("-") and "=" not in option and _NAME.search(option.lstrip("-"))
        redacted.append(HIDDEN if is_value and not value.startswith("-") else text(value))
    return redacted


def record(value: Record, more: Iterable[str] = ()) -> Record:
    """Return a record of the log as it may stand on the disk: texts without secrets, and whole characters.

    Args:
        value: The record.
        more: Further texts that are secret.
    """
    more = tuple(more)

    def clean(string: str) -> str:
        return text(whole(string), more)

    if isinstance(value, Header):
        environment = _walk(value.environment, clean)
        if isinstance(value.environment.get("argv"), list):
            environment["argv"] = [clean(word) for word in words(list(map(str, value.environment["argv"])))]
        dataset = value.dataset
        if isinstance(dataset.get("source"), str):
            dataset = {**dataset, "source": clean(dataset["source"])}
        return replace(value, environment=environment, dataset=dataset)
    if isinstance(value, Tick):
        rows = tuple(_row(row, clean) for row in value.rows)
        decisions = tuple(_decision(decision, clean) for decision in value.decisions)
        stop = value.stop if value.stop is None else clean(value.stop)
        if (rows, decisions, stop) != (value.rows, value.decisions, value.stop):
            return replace(value, rows=rows, decisions=decisions, stop=stop)
    if isinstance(value, Arrival):
        return replace(value, row=_row(value.row, clean))
    if isinstance(value, Extension) and (value.changed or value.stop):
        return replace(value, changed=[clean(words) for words in value.changed], stop=clean(value.stop))
    return value


def whole(string: str) -> str:
    """Return a text that every program takes: half a character, as of a name that is no UTF-8, becomes an escape."""
    return string if string.isascii() else string.encode("utf-8", "backslashreplace").decode()


def _row(row: Row, clean: Callable[[str], str]) -> Row:
    if row.failure is None and row.traceback is None and not row.attributes:
        return row
    traceback = None if row.traceback is None else clean(row.traceback)
    attributes = row.attributes and _walk(row.attributes, clean)
    failure = None if row.failure is None else clean(row.failure)
    return replace(row, failure=failure, traceback=traceback, attributes=attributes)


def _decision(decision: Decision, clean: Callable[[str], str]) -> Decision:
    # The reasons of the other decisions are hpsearch's own words and numbers.
    return replace(decision, reason=clean(decision.reason)) if decision.action == "fail" else decision


def _walk(value: Any, clean: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, list | tuple):
        return [_walk(item, clean) for item in value]
    if isinstance(value, dict):
        return {name: _walk(item, clean) for name, item in value.items()}
    return value


def _environment_secrets() -> list[str]:
    """Return the values of environment variables that are called as secrets are, the longest first."""
    secrets = {value for name, value in os.environ.items() if len(value) >= SHORTEST and _NAME.search(name)}
    return sorted(secrets, key=lambda value: (-len(value), value))
