"""An extension of griffe (mkdocs.yml): what docstrings refer to by Sphinx's roles is shown as a name in code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc|obj):`(~?)([^`]+)`")


def plain(text: str) -> str:
    """Return a docstring in Markdown.

    >>> plain(":class:`~hpsearch.study.table.Table` or ``None``")
    '`Table` or ``None``'
    """
    return _ROLE.sub(lambda match: f"`{match[2].rpartition('.')[2] if match[1] else match[2].lstrip('.')}`", text)


class ApiWords(Extension):
    """Rewrites every docstring that is read."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Rewrite the docstring of a module, class, function or attribute."""
        if obj.docstring is not None:
            obj.docstring.value = plain(obj.docstring.value)
