"""Locks on files as POSIX systems have them; where there are none, that is said in one line."""

from __future__ import annotations

from hpsearch.errors import UserError

try:
    import fcntl
except ImportError as error:  # Windows
    raise UserError(
        "hpsearch locks its files as POSIX systems do, and Windows does not: use it in WSL (`wsl --install`)"
    ) from error

__all__ = ["fcntl"]
