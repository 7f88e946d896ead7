"""Commands that take care of a root: ``hpsearch doctor``, ``rm`` and ``gc``."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpsearch.cli import options
from hpsearch.errors import UserError

if TYPE_CHECKING:
    from hpsearch.log.records import Header

MEGA = 1_000_000


@click.command(
    short_help="Say what is wrong with studies, and mend it.",
    epilog="""\b
Examples:
  hpsearch doctor
  hpsearch doctor eta_lambda --fix""",
)
@click.argument("study", nargs=-1)
@click.option("--fix", is_flag=True, help="Mend what can be mended; a damaged log is copied first.")
@options.root
def doctor(study: tuple[str, ...], fix: bool, root: Path) -> int:
    """Check log, checkpoints and MLflow against each other: of the studies named, or of all.

    Exits with 1 where something is wrong, and with --fix where something could not be mended.
    """
    from hpsearch.engine.doctor import examine, running
    from hpsearch.log import catalogue
    from hpsearch.log.lock import Lock

    wrong = 0
    for folder in [catalogue.find(root, name) for name in study or catalogue.studies(root)]:
        if running(folder):
            click.echo(f"{folder.name}: it is being run; look again when it is done")
            continue
        findings = examine(folder)
        if not findings:
            click.echo(f"{folder.name}: all is well")
        for finding in findings:
            if fix and finding.mend is not None:
                with Lock(folder):
                    finding.mend()
                click.echo(f"{folder.name}: {finding.problem}\n  mended: {finding.remedy}")
            else:
                way = "--fix would" if finding.mend is not None else "to mend it"
                click.echo(f"{folder.name}: {finding.problem}\n  {way}: {finding.remedy}")
                wrong += 1
        if fix and findings:
            left = examine(folder)
            wrong += sum(finding.mend is not None for finding in left)
            for finding in left:
                click.echo(f"{folder.name}: still: {finding.problem}", err=True)
    return 1 if wrong else 0


@click.command(
    short_help="Remove a study, here and in MLflow.",
    epilog="""\b
Example:
  hpsearch rm eta_lambda@seed=3""",
)
@click.argument("study")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--no-tracking", is_flag=True, help="Leave its runs in MLflow.")
@options.root
@options.tracking_uri
def rm(study: str, yes: bool, no_tracking: bool, root: Path, tracking_uri: str | None) -> None:
    """Remove a study: its log, its checkpoints, and its runs in MLflow.

    MLflow itself keeps deleted runs until `mlflow gc`.
    """
    from hpsearch.log import catalogue
    from hpsearch.log.lock import Lock
    from hpsearch.tracking import remove

    folder = catalogue.find(root, study)
    header, size = _described(folder)
    if not yes:
        click.confirm(f"remove {folder.name}{size} from {root}{'' if no_tracking else ' and MLflow'}?", abort=True)
    with Lock(folder):
        if not no_tracking and header is not None:
            for uri in remove.stores(folder, tracking_uri):
                remove.remove(folder, header.name, header.uid, uri)
        shutil.rmtree(folder)
    click.echo(f"removed {folder.name}")


def _described(folder: Path) -> tuple[Header | None, str]:
    """Return a study's header, and in words how large it is; a study whose log is damaged can be removed too."""
    from hpsearch.log import catalogue
    from hpsearch.log.lines import read
    from hpsearch.log.records import Header

    header: Header | None = None
    try:
        first = next((record for record, _ in read(folder / catalogue.LOG)), None)
        header = first if isinstance(first, Header) else None
        return header, f" ({len(catalogue.load_history(folder).trials):,} trials)"
    except UserError:
        return header, " (its log is damaged)"


@click.command(
    short_help="Delete checkpoints that nothing needs.",
    epilog="\b\nExample:\n  hpsearch gc --root mlruns",
)
@options.root
def gc(root: Path) -> None:
    """Delete the checkpoints that no resumed study would read; of each unfinished study the newest stays."""
    from hpsearch.engine.checkpoints import Checkpoints
    from hpsearch.engine.doctor import CHECKPOINTS, running
    from hpsearch.log import catalogue
    from hpsearch.log.lock import Lock

    freed = 0
    for name in catalogue.studies(root):
        folder = Path(root) / "studies" / name
        if running(folder):
            continue
        with Lock(folder):
            history = catalogue.load_history(folder)
            last = history.tick if history.running() else -1  # a study that is done needs none
            freed += Checkpoints(folder / CHECKPOINTS, history.header.uid if history.header else "").clear_stale(last)
    click.echo(f"freed {freed / MEGA:.1f} MB")
