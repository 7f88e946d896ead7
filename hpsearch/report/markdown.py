"""The results of several studies as a page in Markdown: the docstring, tables, plots and command of each file."""

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
    """The results of one study file.

    Attributes:
        path: The file, as it was named on the command line.
        about: Its docstring.
        histories: The logs of its studies, in order.
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
    page, svg_of = render(sections, command, f"images/{path.stem}", errors)
    with files.as_user_error(images):
        images.mkdir(parents=True, exist_ok=True)
    for name, text in svg_of.items():
        files.write_whole(images / name, text)
    files.write_whole(path, page)
    # Last: until the page is there, the old one stands, and its plots with it.
    with files.as_user_error(images):
        for old in images.glob("*.svg"):
            if old.name not in svg_of:
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
    svg_of: dict[str, str] = {}
    lines = ["# Results", "", f"Made by `{command}`, which repeats it.", "", HOW_TO_READ, ""]
    lines += [*_made_on(sections), *_overview(sections)]
    for section in sections:
        lines += _section_lines(section, images, svg_of)
    if errors:
        lines += ["## What went wrong", "", *(f"- {_escape(text)}" for text in errors), ""]
    return "\n".join(lines), svg_of


def _made_on(sections: Sequence[Section]) -> list[str]:
    """Return a line with the machine and versions of the figures; nothing where the logs do not state them."""
    headers = [history.header for section in sections for history in section.histories if history.header]
    environments = [header.environment for header in headers if header.environment.get("cpu")]
    if not environments:
        return []
    packages = environments[0].get("packages", {})
    versions = [f"{name} {packages[name]}" for name in ("numpy", "scipy") if name in packages]
    text = ", ".join([str(environments[0]["cpu"]), f"Python {environments[0].get('python')}", *versions])
    several_machines = any(environment["cpu"] != environments[0]["cpu"] for environment in environments)
    return [f"Trained on {text}{'; some of it on another machine' if several_machines else ''}.", ""]


def _overview(sections: Sequence[Section]) -> list[str]:
    """Return a table of all published figures beside ours."""
    rows = []
    for section in sections:
        for history in section.histories:
            table = comparison.comparison_table(history)
            for point in table.points if table is not None else ():
                for figure in point.published:
                    assert table is not None, "it has points"
                    metric = table.metrics[0]
                    mean = point.means.get(metric)
                    name = (history.header.name if history.header else section.path.stem).partition("@")[0]
                    row = [
                        f"[{name}](#{section.path.stem})",
                        comparison.point_text(point, table.factors) or "-",
                        comparison.with_unit(metric),
                        comparison.mean_text(mean, metric),
                        comparison.published_text(figure, mean, metric, table.data),
                    ]
                    rows.append(row)
    if not rows:
        return []
    columns = [Column("study"), Column("what"), Column("metric"), Column("ours", right=True), Column("published")]
    return ["## At a glance", "", *_table(columns, rows), ""]


def _section_lines(section: Section, images: str, svg_of: dict[str, str]) -> list[str]:
    stem = section.path.stem
    lines = [f"## {stem}", "", *_docstring_lines(section.about), ""]
    for history in section.histories:
        name = history.header.name if history.header else stem
        if len(section.histories) > 1:
            lines += [f"### {name}", ""]
        lines += _study_lines(history)
        for number, (title, svg) in enumerate(plot.plots(history)):
            file = re.sub(r"[^\w.-]+", "-", name) + (f"-{number + 1}" if number else "") + ".svg"
            svg_of[file] = svg
            lines += [f"![{title}]({images}/{file})", ""]
    if section.histories:
        lines += [_command_line(section), ""]
    return lines


def _study_lines(history: History) -> list[str]:
    table = comparison.comparison_table(history)
    lines: list[str] = []
    if table is not None and table.points:
        columns, rows = comparison.cells(table)
        lines += [*_table(columns, rows), ""]
        lines += [f"{comparison.heading(table)[0].upper()}{comparison.heading(table)[1:]}.", ""]
        lines += [table.declared.note, ""] if table.declared.note else []
    else:
        lines += ["```", tables.best_line(history), *stage_lines(history), "```", ""]
    count = words.counts(history)
    dataset = history.header.dataset if history.header else {}
    sizes = ", ".join(f"{size:,} {part}" for part, size in dataset.get("sizes", {}).items())
    on = f" on {dataset['name']} ({sizes})" if dataset else ""
    spent = words.duration(sum(trial.seconds for trial in history.trials))
    return [*lines, f"{words.many(count.ended, 'trial')}{on}: {count}; {spent} of training.", ""]


def _command_line(section: Section) -> str:
    """Return the command that runs the file again, as its studies' logs say that they were run."""
    names = [history.header.name for history in section.histories if history.header]
    variant = names[0].partition("@")[2]
    command_line = ["hpsearch", "run", str(section.path)]
    for override in variant.split(",") if variant else ():
        key, equals, value = override.partition("=")
        typed = key in SETTINGS and SETTINGS[key].typed
        command_line += ["--data", override] if not equals else [flag(key), value] if typed else ["--set", override]
    return f"`{shlex.join(command_line)}`"


def _table(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(column.name for column in columns)} |",
        f"|{'|'.join('---:' if column.right else '---' for column in columns)}|",
        *(f"| {' | '.join(_escape(text) for text in row)} |" for row in rows),
    ]


def _docstring_lines(text: str) -> list[str]:
    """Return a docstring as lines of Markdown, paragraphs as they are."""
    return text.strip().splitlines()


def _escape(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
