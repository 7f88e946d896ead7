"""The study that people import: the declaration of :mod:`hpsearch.study.study`, composed with what runs it.

It stands at the top of the house, so that no room below knows how a study is run; what they take and return is the
declaration, and :func:`dataclasses.replace` keeps the class of what it is given.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hpsearch.study import study as declaration

if TYPE_CHECKING:
    from typing import Unpack

    from hpsearch.running.options import RunOptions
    from hpsearch.running.result import Result


class Study(declaration.Study):  # noqa: D101 - what it is stands where its fields do
    __doc__ = declaration.Study.__doc__

    def run(self, root: str | Path = "mlruns", **options: Unpack[RunOptions]) -> Result:
        """Run or resume the study, as ``hpsearch run`` does, and return its result.

        Args:
            root: Folder that holds logs, checkpoints and MLflow's store.
            **options: The options of :class:`hpsearch.running.options.RunOptions`, such as ``workers=4``,
                ``quiet=True``, ``until=0.98`` or ``register="digits"``.

        Returns:
            The result; ``interrupted`` is set where Ctrl-C ended the run early.

        Raises:
            UserError: The study, its data or the root do not allow it to run.
            StudyFailed: Every trial failed.
        """
        from hpsearch.running.api import run  # slow to import, and not needed to declare a study

        return run(self, root, **options)
