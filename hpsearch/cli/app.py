"""The program as a whole: its commands, and how mistakes, interrupts and closed pipes end it."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence

import click

from hpsearch import __version__
from hpsearch.cli import boundary
from hpsearch.cli.asking import ask, tell
from hpsearch.cli.care import doctor, gc, rm, scrub
from hpsearch.cli.change import enqueue
from hpsearch.cli.data import data
from hpsearch.cli.explain import explain
from hpsearch.cli.group import Group
from hpsearch.cli.judge import compare, replay, report
from hpsearch.cli.look import best, export, ls, show
from hpsearch.cli.lr_range import lr_range
from hpsearch.cli.start import init, run
from hpsearch.cli.store import sync, ui
from hpsearch.cli.watch import watch
from hpsearch.engine.interrupt import ended_by_signals
from hpsearch.errors import StudyFailed, UserError, did_you_mean
from hpsearch.log import redact

DONE, FAILED, USAGE, INTERRUPTED, CLOSED_PIPE = 0, 1, 2, 130, 141
"""Exit codes; 141 is what a shell reports for any program whose reader went away."""


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  hpsearch run studies/eta_lambda.py                 search
  hpsearch run studies/eta_lambda.py --data mnist    the same search on other data
  hpsearch show eta_lambda                           its trials, best first
  hpsearch ui eta_lambda                             every trial and curve, in the browser""",
)
@click.version_option(__version__, "--version", prog_name="hpsearch", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Find hyper-parameters, and remember every experiment.

    A study file declares a search; `hpsearch run` runs it, and resumes it where it was interrupted. All state is in one
    directory, the root: mlruns, or what --root names.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for _command in (
    run, ask, tell, enqueue, init, ls, show, best, explain, export, report, compare, replay, watch, ui, sync, lr_range,
    doctor, scrub, rm, gc, data,
):  # fmt: skip
    cli.add_command(_command)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        args: What was typed behind the program's name; by default the process's own.

    Returns:
        0 done, 1 a study that failed, 2 a mistake in usage or in a study file, 130 interrupted, 141 nobody reads.
    """
    boundary.open_standard_streams()
    typed = sys.argv[1:] if args is None else list(args)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A parameter called η is no reason to stop a search on a terminal that cannot show it.
            stream.reconfigure(errors="backslashreplace")
    try:
        with ended_by_signals():
            code = _invoke(typed)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        _discard_output()
        return CLOSED_PIPE
    except KeyboardInterrupt:  # while an error was being reported
        return _complain("interrupted", INTERRUPTED)
    except boundary.MACHINE as error:
        message = boundary.line(error)
        if isinstance(error, OSError) and error.filename is None and error.errno in (errno.ENOSPC, errno.EIO):
            _discard_output()
            cause = "no space left" if error.errno == errno.ENOSPC else os.strerror(error.errno).lower()
            message = f"cannot write the output: {cause}"
        return _complain(message, USAGE)


def _discard_output() -> None:
    """Discard what is still buffered: the interpreter would fail to write it once more when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _invoke(typed: list[str]) -> int:
    try:
        # Not cli.main(): it would end the process itself, with codes of its own.
        with cli.make_context("hpsearch", list(typed), obj=typed) as ctx:
            code = cli.invoke(ctx)
            return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        return _complain(_usage(error), USAGE)
    except UserError as error:
        return _complain(str(error), USAGE)
    except StudyFailed as error:
        return _complain(str(error), FAILED)
    except (KeyboardInterrupt, click.Abort) as error:
        return _complain(str(error) or "interrupted", INTERRUPTED)


def _complain(message: str, code: int) -> int:
    sys.stdout.flush()
    click.echo("error: " + " ".join(redact.text(message).split()), err=True)
    return code


def _usage(error: click.ClickException) -> str:
    """Return a mistake in usage as one line that says where help is."""
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message().rstrip(".")
    if isinstance(error, click.NoSuchOption) and ctx is not None:
        flags = [flag for param in ctx.command.params if isinstance(param, click.Option) for flag in param.opts]
        message = f"unknown option {error.option_name}{did_you_mean(error.option_name, [*flags, '--help'])}"
    path = ctx.command_path if ctx is not None else "hpsearch"
    return f"{message[:1].lower()}{message[1:]}; see `{path} --help`"
