"""The page of several studies, in Markdown: what each file says of itself, its tables, its plots, and its command."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.log import files
from hpsearch.log.history import History
from hpsearch.report import comparison, plot, tables, words
from hpsearch.report.ladder import stage_lines
from hpsearch.report.terminal import Column
from hpsearch.study.settings import flag
from hpsearch.study.study import SETTINGS

HOW_TO_READ = (
    "A mean stands with its 95 % interval (Student's t) over independently seeded trainings; accuracies and errors are "
    "in percent. Test figures are read at the epoch that the validation set chose, unless a table says otherwise; the "
    "test set decides nothing. Seconds are those of one training as observed, side by side with the others of its "
    "study. In plots a line is the mean over the seeds and its band the range that they span."
)


@dataclass(frozen=True)
class Section:
    """What one study file gave.

    Attributes:
        path: The file, as it was named on the command line.
        about: Its docstring.
        histories: Of its studies, in order.
    """

    path: Path
    about: str
    histories: tuple[History, ...]


def write(path: Path, sections: Sequence[Section], command: str, errors: Sequence[str] = ()) -> None:
    """Write the page, and its plots into ``images/<page>/`` beside it; a plot that is no longer drawn is removed.

    Args:
        path: The page.
        sections: In order.
        command: What made it.
        errors: What went wrong, a line each.

    Raises:
        UserError: Something cannot be written.
    """
    images = path.parent / "images" / path.stem
    page, drawn = render(sections, command, f"images/{path.stem}", errors)
    with files.as_user_error(images):
        images.mkdir(parents=True, exist_ok=True)
    for name, text in drawn.items():
        files.write_whole(images / name, text)
    files.write_whole(path, page)
    # Last: until the page is there, the old one stands, and its plots with it.
    with files.as_user_error(images):
        for old in images.glob("*.svg"):
            if old.name not in drawn:
                old.unlink()


def render(
    sections: Sequence[Section], command: str, images: str, errors: Sequence[str] = ()
) -> tuple[str, dict[str, str]]:
    """Return the page, and its plots by file name.

    Args:
        sections: In order.
        command: What made it.
        images: Where the plots will be, relative to the page.
        errors: What went wrong, a line each.
    """
    drawn: dict[str, str] = {}
    lines = ["# Results", "", f"Made by `{command}`, which repeats it.", "", HOW_TO_READ, ""]
    lines += [*_made_on(sections), *_overview(sections)]
    for section in sections:
        lines += _section(section, images, drawn)
    if errors:
        lines += ["## What went wrong", "", *(f"- {_escape(text)}" for text in errors), ""]
    return "\n".join(lines), drawn


def _made_on(sections: Sequence[Section]) -> list[str]:
    """Return in a line which machine and versions the figures come from; nothing where the logs do not say."""
    headers = [history.header for section in sections for history in section.histories if history.header]
    known = [header.environment for header in headers if header.environment.get("cpu")]
    if not known:
        return []
    packages = known[0].get("packages", {})
    versions = [f"{name} {packages[name]}" for name in ("numpy", "scipy") if name in packages]
    text = ", ".join([str(known[0]["cpu"]), f"Python {known[0].get('python')}", *versions])
    others = any(where["cpu"] != known[0]["cpu"] for where in known)
    return [f"Trained on {text}{'; some of it on another machine' if others else ''}.", ""]


def _overview(sections: Sequence[Section]) -> list[str]:
    """Return all published figures at a glance, beside ours."""
    rows = []
    for section in sections:
        for history in section.histories:
            found = comparison.table(history)
            for line in found.lines if found is not None else ():
                for figure in line.published:
                    assert found is not None, "it has lines"
                    metric = found.metrics[0]
                    mean = line.means.get(metric)
                    point = comparison.point_text(line, found.factors) or "-"
                    ours = comparison.text_of(mean, metric)
                    said = comparison.verdict(figure, mean, metric, found.data)
                    name = (history.header.name if history.header else section.path.stem).partition("@")[0]
                    rows.append([f"[{name}](#{section.path.stem})", point, comparison.unit(metric), ours, said])
    if not rows:
        return []
    columns = [Column("study"), Column("what"), Column("metric"), Column("ours", right=True), Column("published")]
    return ["## At a glance", "", *_table(columns, rows), ""]


def _section(section: Section, images: str, drawn: dict[str, str]) -> list[str]:
    stem = section.path.stem
    lines = [f"## {stem}", "", *_code(section.about), ""]
    for history in section.histories:
        name = history.header.name if history.header else stem
        if len(section.histories) > 1:
            lines += [f"### {name}", ""]
        lines += _study(history)
        for number, (title, svg) in enumerate(plot.plots(history)):
            file = re.sub(r"[^\w.-]+", "-", name) + (f"-{number + 1}" if number else "") + ".svg"
            drawn[file] = svg
            lines += [f"![{title}]({images}/{file})", ""]
    if section.histories:
        lines += [_command(section), ""]
    return lines


def _study(history: History) -> list[str]:
    found = comparison.table(history)
    lines: list[str] = []
    if found is not None and found.lines:
        columns, rows = comparison.cells(found)
        lines += [*_table(columns, rows), ""]
        lines += [f"{comparison.heading(found)[0].upper()}{comparison.heading(found)[1:]}.", ""]
        lines += [found.said.note, ""] if found.said.note else []
    else:
        lines += ["```", tables.best_line(history), *stage_lines(history), "```", ""]
    count = words.counts(history)
    dataset = history.header.dataset if history.header else {}
    sizes = ", ".join(f"{size:,} {part}" for part, size in dataset.get("sizes", {}).items())
    on = f" on {dataset['name']} ({sizes})" if dataset else ""
    spent = words.duration(sum(trial.seconds for trial in history.trials))
    return [*lines, f"{words.many(count.ended, 'trial')}{on}: {count}; {spent} of training.", ""]


def _command(section: Section) -> str:
    """Return the command that runs the file again, as its studies' logs say that they were run."""
    names = [history.header.name for history in section.histories if history.header]
    variant = names[0].partition("@")[2]
    words_ = ["hpsearch", "run", str(section.path)]
    for part in variant.split(",") if variant else ():
        key, equals, value = part.partition("=")
        typed = key in SETTINGS and SETTINGS[key].typed
        words_ += ["--data", part] if not equals else [flag(key), value] if typed else ["--set", part]
    return f"`{shlex.join(words_)}`"


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(column.name for column in columns)} |",
        f"|{'|'.join('---:' if column.right else '---' for column in columns)}|",
        *(f"| {' | '.join(_escape(text) for text in row)} |" for row in rows),
    ]


def _code(text: str) -> list[str]:
    """Return a docstring as Markdown: paragraphs as they are."""
    return text.strip().splitlines()


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
