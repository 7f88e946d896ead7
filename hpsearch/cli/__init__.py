"""The command line: thin, on top of everything.

Nothing but click is imported until a command needs it: help is there at once.
"""

from hpsearch.cli.app import cli, main

__all__ = ["cli", "main"]
