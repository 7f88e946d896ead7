"""A group of commands: in the order in which they were added, with a suggestion for a misspelt one."""

from __future__ import annotations

import click

from hpsearch.errors import did_you_mean


class Group(click.Group):
    """Commands, found by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in order."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments name."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise click.UsageError(f"unknown command {args[0]!r}{did_you_mean(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)
