"""The types of a study's fields that are no plain values, as far as a declaration looks at them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from hpsearch.models.datasets import Dataset
    from hpsearch.study.table import Table

Data: TypeAlias = "str | Path | Table | tuple[Any, ...] | list[Any] | Dataset | Any"
"""A data set by name, by path, as arrays, or loaded; see :class:`hpsearch.study.study.Study`."""

Scorer: TypeAlias = str | Callable[[Any, Any, Any], float]
Scoring: TypeAlias = Scorer | Mapping[str, Scorer]
"""The name of a scorer, a function ``(estimator, X, y) -> float``, or several of either by name."""


class Estimator(Protocol):
    """As much of scikit-learn's contract as is needed: parameters that can be read and set by name."""

    def get_params(self, deep: bool = ...) -> Any:
        """Return the parameters."""

    def set_params(self, **params: Any) -> Any:
        """Set some of them."""


class DeclaredSampler(Protocol):
    """One of :mod:`hpsearch.samplers`: a declaration that builds what proposes points."""

    def build(self, study: Any) -> Any:
        """Return the sampler of a study."""


class DeclaredPruner(Protocol):
    """One of :mod:`hpsearch.pruners`."""

    def judge(self, history: Any, arrivals: Any) -> Any:
        """Return what is decided about trials that have just finished an epoch."""
