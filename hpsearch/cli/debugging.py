"""``hpsearch show STUDY --trial N --rerun``: a trial again, and what it raises on the screen or in pdb."""

from __future__ import annotations

import bdb
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import click

from hpsearch.errors import UserError

if TYPE_CHECKING:
    from hpsearch.log.history import History
    from hpsearch.log.trial import Trial

RAISED = 1


def rerun(history: History, trial: Trial, study_dir: Path, *, debug: bool) -> int:
    """Run a trial again and return the exit code: 0, or 1 where its code raised an exception.

    Args:
        history: The study.
        trial: One of its trials.
        study_dir: The study's folder.
        debug: Open pdb in the frame that raised.

    Raises:
        UserError: It cannot be run.
    """
    from hpsearch.running.rerun import rerun as again

    try:
        again(history, trial, study_dir, click.echo)
    except (UserError, KeyboardInterrupt):
        raise
    except bdb.BdbQuit:
        return RAISED  # the user has left a debugger of their own
    except BaseException as error:  # whatever the trial's code raises, sys.exit included
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)
        if debug:
            import pdb

            pdb.post_mortem(error.__traceback__)
        return RAISED
    return 0
