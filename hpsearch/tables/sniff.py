"""What a text file looks like inside: encoding, separator, decimal mark, and whether its first line names columns."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from hpsearch.errors import UserError
from hpsearch.study.table import Table

SAMPLE = 256 * 1024
"""Bytes of a file that are looked at."""

LINES = 400
"""Lines of a file that are looked at."""

MISSING = (
    "", "?", ".", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None", "<NA>", "#N/A", "#NA",
)  # fmt: skip
"""Texts that stand for a missing value."""

ABOVE = 40
"""Most lines of text above a table."""

SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank"}

_POINT = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z")
_COMMA = re.compile(r"[+-]?(\d+(,\d*)?|,\d+)([eE][+-]?\d+)?\Z")


@dataclass(frozen=True)
class Dialect:
    """How a text file is written.

    Attributes:
        sep: What separates columns; a blank stands for any white space.
        decimal: ``.`` or ``,``.
        encoding: Its encoding.
        header: Whether the first line names the columns.
        skip: Lines before the table, which are passed over: comments, blank lines, and text about it.
        names: The names of the columns as they are written; empty ones where there is no header.
    """

    sep: str
    decimal: str
    encoding: str
    header: bool
    skip: int
    names: tuple[str, ...]

    @property
    def words(self) -> str:
        """The dialect in words."""
        words = [f"{SEPARATORS.get(self.sep, repr(self.sep))}-separated"]
        words += ["decimal comma"] if self.decimal == "," else []
        words += [] if self.encoding.startswith("utf-8") else [self.encoding]
        words += [f"from line {self.skip + 1}"] if self.skip else []
        return ", ".join([*words, "with a header" if self.header else "no header"])


def sniff(path: Path, table: Table) -> Dialect:
    """Return how a text file is written; what the table says is taken as it is.

    Raises:
        UserError: The file cannot be read, or is no text.
    """
    raw = head(path)
    encoding = table.encoding or _encoding(raw, path)
    try:
        content = raw.decode(encoding, errors="strict" if table.encoding is None and len(raw) < SAMPLE else "replace")
    except (LookupError, UnicodeDecodeError) as error:
        raise UserError(
            f"{path}: encoding {encoding!r} does not read it ({error}); name another by --encoding"
        ) from error
    lines = content.splitlines(keepends=True)
    if len(raw) >= SAMPLE:
        lines = lines[:-1]  # it may be cut in its middle
    skip = next((i for i, line in enumerate(lines) if line.strip() and not line.startswith("#")), len(lines))
    body = lines[skip : skip + LINES]
    if not body:
        raise UserError(f"{path}: empty: no line holds anything")
    sep = table.sep or _separator(body, path.suffixes)
    try:
        rows = cells(body, sep)
    except csv.Error as error:
        raise UserError(f"{path}: not readable as a table ({error})") from error
    if table.header is None and _counts_itself(rows):
        rows, skip = rows[1:], skip + 1
    decimal = table.decimal or _decimal(rows, sep)
    if table.header is not False and (above := _preamble(body, sep, decimal)):
        rows, skip = cells(body[above:], sep), skip + above
    header = _header(rows, decimal) if table.header is None else table.header
    names = [cell.strip() for cell in rows[0]] if header else [""] * len(rows[0])
    widths = Counter(len(row) for row in rows[1:])
    if header and widths and widths.most_common(1)[0][0] == len(names) + 1:
        # A cell more than names: row numbers in front, as R writes them, unless all that is there is a last separator.
        trailing = all(not row[-1].strip() for row in rows[1:] if len(row) == len(names) + 1)
        names = [*names, ""] if trailing else ["", *names]
    elif header and len(names) > 2 and not names[-1] and widths.most_common(1)[0][0] == len(names) - 1:
        names.pop()  # a separator at the end of the header alone
    return Dialect(sep, decimal, encoding, header, skip, tuple(names))


def head(path: Path) -> bytes:
    """Return the first bytes of a file, decompressed.

    Raises:
        UserError: It cannot be read.
    """
    try:
        with opened(path) as file:
            return file.read(SAMPLE)
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be read ({reason})") from error


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that may be compressed, as its first bytes say; of a zip archive its first member.

    Raises:
        OSError: It cannot be read; also what the libraries of each compression raise.
    """
    with path.open("rb") as file:
        magic = file.read(6)
    with ExitStack() as stack:
        if magic[:2] == b"\x1f\x8b":
            yield cast(IO[bytes], stack.enter_context(gzip.open(path)))
        elif magic[:3] == b"BZh":
            yield stack.enter_context(bz2.open(path))
        elif magic == b"\xfd7zXZ\x00":
            yield stack.enter_context(lzma.open(path))
        elif magic[:4] == b"PK\x03\x04":
            archive = stack.enter_context(zipfile.ZipFile(path))
            yield stack.enter_context(archive.open(archive.namelist()[0]))
        else:
            yield stack.enter_context(path.open("rb"))


def cells(lines: Sequence[str], sep: str) -> list[list[str]]:
    """Return the cells of some lines, blank lines left out; a blank separates by any run of white space."""
    content = "".join(lines).replace("\r\n", "\n").replace("\r", "\n")
    if len(sep) > 1:
        return [re.split(sep, line.rstrip("\r\n")) for line in lines if line.strip()]
    if sep == " ":
        content = "\n".join(" ".join(line.split()) for line in content.splitlines())
    return [row for row in csv.reader(io.StringIO(content), delimiter=sep, skipinitialspace=True) if row]


def is_number(cell: str, decimal: str = ".") -> bool:
    """Return whether a cell is written as a number."""
    return bool((_COMMA if decimal == "," else _POINT).match(cell.strip()))


def _encoding(raw: bytes, path: Path) -> str:
    for mark, name in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if raw.startswith(mark):
            return name
    if b"\x00" in raw:
        raise UserError(f"{path}: no text file (it holds a NUL byte); tables are csv, tsv, parquet and others")
    try:
        raw.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        if error.start >= len(raw) - 4 and len(raw) >= SAMPLE:
            return "utf-8"  # a letter is cut by the end of the sample
    # Windows' letters where none of them is undefined, else latin-1, which reads any byte.
    try:
        raw.decode("cp1252")
        return "cp1252"
    except UnicodeDecodeError:
        return "latin-1"


def _separator(lines: Sequence[str], suffixes: Sequence[str]) -> str:
    """Return the separator that gives the most rows the same number of cells, and more than one."""
    best, likeliest = 0.0, "\t" if ".tsv" in suffixes else ","
    for sep in SEPARATORS:
        try:
            counts = Counter(len(row) for row in cells(lines, sep)[1:] or cells(lines, sep))
        except csv.Error:
            continue
        width, agreeing = max(counts.items(), key=lambda item: (item[1], item[0]), default=(1, 0))
        if width < 2:
            continue
        share = agreeing / sum(counts.values())
        score = share + 0.01 * min(width, 20) / 20 - (0.3 if sep == " " else 0.0)
        if score > best:
            best, likeliest = score, sep
    return likeliest


def _decimal(rows: Sequence[Sequence[str]], sep: str) -> str:
    if sep == ",":
        return "."
    written = [cell.strip() for row in rows[1:] for cell in row]
    commas = sum(1 for cell in written if "," in cell and _COMMA.match(cell))
    points = sum(1 for cell in written if "." in cell and _POINT.match(cell))
    return "," if commas > points else "."


def _header(rows: Sequence[Sequence[str]], decimal: str) -> bool:
    """Return whether the first row names columns.

    It does where a word of it stands above numbers alone, or where it counts the columns, as pandas names those of an
    array. Else it does not where a cell of it is a number (years may be names, among others that are none), or where
    most of its cells are found again in the rows below, as values are. A name may be missing: of a column of row
    numbers.
    """
    top = [cell.strip() for cell in rows[0]]
    numbers = [cell for cell in top if is_number(cell, decimal)]
    if _names_rows(top, rows[1:]) or _stands_above_numbers(top, rows[1:], decimal):
        return True
    if (
        len(top) > 2
        and len(numbers) > 1
        and numbers in ([str(i + start) for i in range(len(numbers))] for start in (0, 1))
    ):
        return True
    if any(not _is_year(cell) for cell in numbers) or len(numbers) == len(top):
        return False
    again = [any(i < len(row) and row[i].strip() == cell for row in rows[1:]) for i, cell in enumerate(top) if cell]
    return sum(again) <= len(again) / 2


def _stands_above_numbers(top: Sequence[str], below: Sequence[Sequence[str]], decimal: str) -> bool:
    """Return whether a cell of the first row is a word and all other cells of its column are numbers."""
    for column, cell in enumerate(top):
        if cell in MISSING or is_number(cell, decimal):
            continue
        below_it = [row[column].strip() for row in below if column < len(row) and row[column].strip() not in MISSING]
        if len(below_it) > 1 and all(is_number(value, decimal) for value in below_it):
            return True
    return False


def _names_rows(top: Sequence[str], below: Sequence[Sequence[str]]) -> bool:
    """Return whether a row is a header whose first column has no name: all others have one, and rows below theirs."""
    named = [cell for cell in top[1:] if cell]
    if len(top) < 3 or top[0] or len({*named}) < len(top) - 1:
        return False
    return len(below) > 1 and all(len(row) == len(top) and row[0].strip() for row in below)


def _counts_itself(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row counts rows and features and names classes, as in files of scikit-learn."""
    top = [cell.strip() for cell in rows[0]]
    if len(top) < 3 or len(rows) < 2 or not top[0].isdigit() or top[1] != str(len(rows[1]) - 1):
        return False
    return not any(is_number(cell) for cell in top[2:]) and all(is_number(cell) for cell in rows[1])


def _preamble(lines: Sequence[str], sep: str, decimal: str) -> int:
    """Return how many lines of text stand above a table: words, rules, blank lines; 0 where it begins at once.

    Lines are passed over only where nearly all that follow have the same number of cells and the first line a very
    different one, and where a header of words above numbers begins below: a row of data is never passed over.
    """
    if len(sep) > 1:
        return 0
    rows = [_cells_of(line, sep) for line in lines]
    widths = Counter(len(row) for row in rows if row)
    width = max(widths, key=lambda n: (widths[n], n), default=0)
    top = next((row for row in rows if row), [])
    if width < 2 or widths[width] < 0.8 * sum(widths.values()) or width - 1 <= len(top) <= width + 1:
        return 0
    for index, row in enumerate(rows[:ABOVE]):
        if len(row) == width or (len(row) == width + 1 and not row[-1].strip()):
            below = [row for row in rows[index + 1 :] if row]
            if _stands_above_numbers([cell.strip() for cell in row], below, decimal):
                return index
            if any(is_number(cell, decimal) for cell in row):
                return 0
    return 0


def _cells_of(line: str, sep: str) -> list[str]:
    """Return the cells of one line, none where it is blank or no line of a table."""
    try:
        return next(iter(cells([line], sep)), [])
    except csv.Error:
        return []


def _is_year(cell: str) -> bool:
    return cell.isdigit() and len(cell) == 4 and 1800 <= int(cell) <= 2100
