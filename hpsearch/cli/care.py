"""Commands that take care of a root: ``hpsearch doctor``, ``rm`` and ``gc``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hpsearch.cli import options
from hpsearch.errors import UserError
from hpsearch.log import redact

if TYPE_CHECKING:
    from hpsearch.engine.finding import Finding
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
    from hpsearch.engine.root_doctor import examine_root
    from hpsearch.log import catalogue
    from hpsearch.log.lock import Lock

    names = catalogue.studies(root)
    wrong = 0
    if shared := examine_root(root):
        wrong = _report_or_mend(str(root), shared, lambda: examine_root(root), nullcontext, fix)
    for folder in [catalogue.find(root, name) for name in study or names]:
        if running(folder):
            click.echo(f"{folder.name}: it is being run; look again when it is done")
            continue
        if findings := examine(folder):
            wrong += _report_or_mend(folder.name, findings, partial(examine, folder), partial(Lock, folder), fix)
        else:
            click.echo(f"{folder.name}: all is well")
    return 1 if wrong else 0


def _report_or_mend(
    name: str,
    findings: list[Finding],
    look_again: Callable[[], list[Finding]],
    lock: Callable[[], AbstractContextManager[Any]],
    fix: bool,
) -> int:
    """Report what is wrong with one study or a root, mend it where asked for, and return how many faults are left."""
    wrong = 0
    for finding in findings:
        if not fix or finding.mend is None:
            offer = "--fix would" if finding.mend is not None else "to mend it" if finding.wrong else "what to do"
            click.echo(f"{name}: {finding.problem}\n  {offer}: {finding.remedy}")
            wrong += finding.wrong
            continue
        # Said before mending, so that the user can still stop it where something would be lost.
        click.echo(f"{name}: {finding.problem}\n  mending it: {finding.remedy}")
        try:
            with lock() if finding.alone else nullcontext():
                finding.mend()
        except (UserError, OSError) as error:
            click.echo(redact.text(f"{name}: not mended: {error}"), err=True)
            wrong += 1
            continue
        click.echo(f"  mended: {finding.remedy}")
    if fix:
        remaining = [finding for finding in look_again() if finding.mend is not None]
        for finding in remaining:
            click.echo(f"{name}: still: {finding.problem}", err=True)
        wrong += len(remaining)
    return wrong


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
    header, size = _header_and_size(folder)
    if not yes:
        click.confirm(f"remove {folder.name}{size} from {root}{'' if no_tracking else ' and MLflow'}?", abort=True)
    with Lock(folder):
        if not no_tracking and header is not None:
            for uri in remove.stores(folder, tracking_uri):
                remove.remove(folder, header.name, header.uid, uri)
        shutil.rmtree(folder)
    click.echo(f"removed {folder.name}")


def _header_and_size(folder: Path) -> tuple[Header | None, str]:
    """Return a study's header, and its size in words; of a damaged log the header may be None."""
    from hpsearch.log import catalogue
    from hpsearch.log.lines import read
    from hpsearch.log.records import Header

    header: Header | None = None
    try:
        record = next((record for record, _ in read(folder / catalogue.LOG)), None)
        header = record if isinstance(record, Header) else None
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
            last_needed = history.tick if history.unfinished else -1  # a study that is done needs none
            freed += Checkpoints(folder / CHECKPOINTS, history.header.uid if history.header else "").clear_stale(
                last_needed
            )
    click.echo(f"freed {freed / MEGA:.1f} MB")


@click.command(
    short_help="Take secrets out of what was recorded of a study.",
    epilog="""\b
Examples:
  hpsearch scrub eta_lambda
  hpsearch scrub eta_lambda --git-diff
  MINE=hunter2 hpsearch scrub eta_lambda --value-of MINE""",
)
@click.argument("study")
@click.option("--git-diff", is_flag=True, help="Take the difference from the commit out as a whole.")
@click.option(
    "--value-of",
    "variables",
    multiple=True,
    metavar="VARIABLE",
    help="Take the value of this environment variable out too; may be given several times.",
)
@click.option("--no-tracking", is_flag=True, help="Leave what is in MLflow as it is.")
@options.root
@options.tracking_uri
def scrub(
    study: str, git_diff: bool, variables: tuple[str, ...], no_tracking: bool, root: Path, tracking_uri: str | None
) -> None:
    """Take secrets out of what was recorded of a study, here and in MLflow.

    What looks like a secret in addresses, commands, errors and differences becomes [redacted]; points, the space and
    whatever else the study needs to go on stay as they are, and its checksums are valid.
    """
    from hpsearch.engine import scrub as folders
    from hpsearch.log import catalogue
    from hpsearch.log.lock import Lock
    from hpsearch.tracking import remove
    from hpsearch.tracking import scrub as stores
    from hpsearch.tracking.uri import redact as address

    if missing := [name for name in variables if not os.environ.get(name)]:
        raise UserError(f"--value-of {missing[0]}: that environment variable is not set")
    secrets = [os.environ[name] for name in variables]
    folder = catalogue.find(root, study)
    with Lock(folder):
        delivered = [] if no_tracking else remove.stores(folder, tracking_uri)
        in_folder = folders.scrub(folder, secrets, diff=git_diff)
    n_lines = len(in_folder.lines)
    numbers = ", ".join(map(str, in_folder.lines[:20])) + (" …" if n_lines > 20 else "")
    where = f"line{'s' if n_lines != 1 else ''} {numbers}"
    click.echo(f"{folder.name}: {f'changed {where} of its log' if n_lines else 'its log holds nothing to take out'}")
    for name in in_folder.files:
        click.echo(f"{folder.name}: changed {name}")
    for uri in delivered:
        if remove.is_gone(uri):
            continue
        in_store = stores.scrub(folder, in_folder.header, uri, secrets, diff=git_diff)
        click.echo(f"{address(uri)}: changed {in_store.tags} tags, replaced {in_store.artifacts} artifacts")
        if in_store.wiped is False:
            click.echo("  its free pages may still hold what was there: end `hpsearch ui`, then scrub again")
    for name in in_folder.untouched:
        click.echo(f"{folder / name}: holds what looks like a secret, and is yours to change (MLflow has a copy)")
    if n_lines:
        click.echo("what reached MLflow's backups, or git, is not changed; deliver again with `hpsearch sync`")
