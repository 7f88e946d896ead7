"""The points that the study lists, and no others: what a comparison trains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.history import History
from hpsearch.samplers.base import Sampler
from hpsearch.study.study import Study


@dataclass(frozen=True)
class Listed:
    """Declares that a study has the points of ``enqueue``, or of the list of grids that is its space, alone.

    Examples:
        >>> from hpsearch import Float, Study, samplers
        >>> def objective(trial):
        ...     return trial["x"]
        >>> study = Study("listed", objective=objective, space={"x": Float(0, 1)}, sampler=samplers.Listed(),
        ...               enqueue=[{"x": 0.1}, {"x": 0.7}])
        >>> study.run(tracking=False, quiet=True).trials["params.x"].tolist()
        [0.1, 0.7]
    """

    def build(self, study: Study) -> Sampler:
        """Return the sampler for a study.

        Raises:
            UserError: The study lists no points.
        """
        if not study.enqueue:
            raise UserError(
                "sampler 'listed' tries the points of a list of grids or of enqueue= alone, and there are none"
            )
        return NoMore()


class NoMore:
    """Has no points of its own: those that the study lists come first anyway."""

    reads_history = False
    rejected = 0
    size: int | None = 0

    def ask(self, history: History, point: int) -> dict[str, Any]:
        """Raise an IndexError: there is no such point."""
        raise IndexError(f"point {point} of a study that lists fewer")
