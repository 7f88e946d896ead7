"""``hpsearch explain``: a study, or one of its trials, in plain sentences."""

from __future__ import annotations

from pathlib import Path

import click

from hpsearch.cli import options


@click.command(
    short_help="Say in plain sentences what a study found.",
    epilog="""\b
Examples:
  hpsearch explain eta_lambda
  hpsearch explain eta_lambda 17
  hpsearch explain eta_lambda --json | jq '.sections[].title'""",
)
@click.argument("study")
@click.argument("trial", type=click.IntRange(0), required=False)
@options.root
@options.as_json
def explain(study: str, trial: int | None, root: Path, as_json: bool) -> None:
    """Explain a study, or a TRIAL of it by its number, in plain sentences with their numbers.

    What was searched and what mattered, what was stopped and whether that was fair, what the winner's curve says, and
    what to try next.
    """
    from hpsearch.cli.look import open_study
    from hpsearch.report import explain as explained

    name, history = open_study(root, study)
    sections = explained.study_sections(history) if trial is None else explained.trial_sections(history, trial)
    if as_json:
        options.print_json({"study": name, "trial": trial, "sections": explained.to_json(sections)})
        return
    for index, (title, sentences) in enumerate(sections):
        click.echo(("\n" if index else "") + title)
        for sentence in sentences:
            click.echo(f"  {sentence}")
