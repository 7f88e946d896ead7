"""Several studies, one after the other: those of a folder, in its order, and the page of their results."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpsearch.errors import StudyFailed, UserError
from hpsearch.log import redact

if TYPE_CHECKING:
    from hpsearch.running.api import Result
    from hpsearch.study.loading import StudyFile
    from hpsearch.study.study import Study

FAILED, USAGE, INTERRUPTED = 1, 2, 130

ORDER = "README.md"
"""A folder's studies run in the order in which this file in it links to them, the others after them by name."""

STUDIES = Path("studies")
"""Where ``hpsearch init`` writes study files, and where they are looked for by name."""

_LINK = re.compile(r"\]\(([^)/]+\.py)\)")


@dataclass
class BatchResult:
    """The results of the studies of some files and folders.

    Attributes:
        several: Whether there was more than one study, file or folder.
        files: The files whose studies ran, each with their results.
        errors: What went wrong, a line each.
        code: The exit code: of the errors the highest, 130 where Ctrl-C ended it.
    """

    several: bool
    files: list[tuple[StudyFile, list[Result]]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    code: int = 0

    @property
    def results(self) -> list[Result]:
        """All results, in order."""
        return [result for _, results in self.files for result in results]


def study_files(paths: Iterable[Path]) -> list[Path]:
    """Return the study files among these paths and in these folders, in the order in which they are to run.

    Raises:
        UserError: A folder holds none, or cannot be read.
    """
    files: list[Path] = []
    for path in map(_existing_file, paths):
        if not path.is_dir():
            files.append(path)
            continue
        try:
            names = sorted(file.name for file in path.glob("*.py") if not file.name.startswith(("_", ".")))
            order = path / ORDER
            linked = _LINK.findall(order.read_text(encoding="utf-8")) if order.is_file() else []
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from error
        if not names:
            raise UserError(f"{path}: a folder without study files")
        ordered = [name for name in dict.fromkeys(linked) if name in names]
        files += [path / name for name in [*ordered, *(name for name in names if name not in ordered)]]
    return files


def _existing_file(path: Path) -> Path:
    """Return the file that was meant: ``eta_lambda`` may be ``eta_lambda.py``, here or in the folder ``studies``."""
    if path.exists() or path.is_absolute():
        return path
    file = path if path.suffix == ".py" else path.with_name(f"{path.name}.py")
    return next((candidate for candidate in (file, STUDIES / file) if candidate.is_file()), path)


def run_all(
    paths: Sequence[Path],
    declared: Callable[[Path], StudyFile],
    run: Callable[[Study, Path], Result],
    *,
    silent: bool,
) -> BatchResult:
    """Run the studies of some files and folders, one after the other.

    A single study that fails raises; of several, each failure is reported and the others run all the same.

    Args:
        paths: Files and folders.
        declared: Loads a file.
        run: Runs a study of it.
        silent: Print nothing but errors.

    Raises:
        UserError: A mistake in a single study's file.
        StudyFailed: All trials of a single study failed.
    """
    files = study_files(paths)
    if len(files) == 1 and not paths[0].is_dir():
        file = declared(files[0])
        if len(file.studies) == 1:
            result = run(file.study, file.path)
            return BatchResult(False, [(file, [result])], code=INTERRUPTED if result.interrupted else 0)
    outcome = BatchResult(True)
    for i, path in enumerate(files, start=1):
        if not silent:
            click.secho(f"[{i}/{len(files)}] {path}", bold=True)
        try:
            file = declared(path)
        except UserError as error:
            _add_error(outcome, str(error), USAGE)
            continue
        results: list[Result] = []
        outcome.files.append((file, results))
        for study in file.studies:
            try:
                results.append(run(study, path))
            except (UserError, StudyFailed) as error:
                _add_error(outcome, f"{path}: {error}", USAGE if isinstance(error, UserError) else FAILED)
                continue
            if results[-1].interrupted:
                outcome.code = INTERRUPTED
                return outcome
        if not silent:
            click.echo()
    if outcome.errors:
        click.echo(f"{len(outcome.errors)} of these went wrong:", err=True)
        for message in outcome.errors:
            click.echo(f"  {message}", err=True)
    return outcome


def repeatable(typed: Sequence[str]) -> str:
    """Return what was typed without the options that matter on this machine alone: roots, stores, processes."""
    # How many values each of these takes.
    dropped = {"--root": 1, "--tracking-uri": 1, "--workers": 1, "--scheduler": 1, "--no-tracking": 0, "--quiet": 0}
    words_kept: list[str] = []
    words = iter(typed)
    for word in words:
        option, equals, _ = word.partition("=")
        if option not in dropped:
            words_kept.append(word)
        elif dropped[option] and not equals:
            next(words, None)
    return shlex.join(["hpsearch", *words_kept])


def write_page(path: Path, outcome: BatchResult, command: str, *, silent: bool) -> None:
    """Write the results as a page of Markdown, and its plots beside it.

    Args:
        path: The page.
        outcome: The studies that ran, and their results.
        command: The command that was typed, which the page shows.
        silent: Print nothing.

    Raises:
        UserError: It cannot be written.
    """
    from hpsearch.report import markdown

    sections = [
        markdown.Section(file.path, file.about, tuple(result.history for result in results))
        for file, results in outcome.files
    ]
    markdown.write(path, sections, command, outcome.errors)
    if not silent:
        click.echo(f"tables and plots: {path}")


def _add_error(outcome: BatchResult, message: str, code: int) -> None:
    message = redact.text(message)
    outcome.errors.append(message)
    outcome.code = max(outcome.code, code)
    click.echo(f"error: {message}", err=True)
