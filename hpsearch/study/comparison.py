"""A comparison: points that are trained several times each, so that means can be told apart, beside published figures.

A study whose space is a list of grids trains exactly their points. What is shown of it, and beside which figures, is
said by a :class:`Comparison`; it decides nothing about the study and may be changed at any time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from hpsearch.errors import UserError, did_you_mean
from hpsearch.space import Space
from hpsearch.space.dimensions import json_value, listed

At = Literal["best", "last"]


@dataclass(frozen=True)
class Published:
    """A figure that somebody published, to be shown beside ours.

    Attributes:
        value: The figure, of the comparison's first metric; accuracies and errors in percent.
        of: Which rows of the table it belongs to, such as ``{"cost": "quadratic"}``; empty: all of them.
        source: Where it stands.
        within: By how much ours may be worse, which is then said of a miss; None where no verdict is asked.
        data: The data that it was measured on: on others it is shown, and ours is not held against it.

    Examples:
        >>> from hpsearch import Published
        >>> figure = Published(95.49, of={"cost": "quadratic"}, source="chapter 3")
        >>> figure.matches({"cost": "quadratic"}), figure.matches({"cost": "cross_entropy"})
        (True, False)
    """

    value: float
    of: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    within: float | None = None
    data: str = "mnist"

    def __post_init__(self) -> None:
        for name in ("value", "within"):
            figure = getattr(self, name)
            if figure is None and name == "within":
                continue
            if isinstance(figure, bool) or not isinstance(figure, int | float) or not math.isfinite(figure):
                raise UserError(f"Published: {name} must be a number, not {figure!r}")
        if not isinstance(self.of, Mapping):
            raise UserError(f"Published({self.value:g}): of must be a dict such as {{'l2': 5.0}}, not {self.of!r}")
        object.__setattr__(self, "of", {key: json_value(item, f"of[{key!r}]") for key, item in self.of.items()})

    def matches(self, params: Mapping[str, Any]) -> bool:
        """Return whether the figure belongs to a point."""
        return all(name in params and listed(params[name]) == value for name, value in self.of.items())


@dataclass(frozen=True)
class Curves:
    """A plot of learning curves: for each point the mean over its repeats, and the range that they span.

    Attributes:
        metric: What is drawn; or several metrics, each in a style of its own.
        over: ``epoch``, or ``seconds`` of training.
        log: Whether the metric's axis is logarithmic.
        first: The first epoch that is drawn: early epochs may take all of the axis.

    Examples:
        >>> from hpsearch import Comparison, Curves
        >>> Comparison("val_accuracy", plots=Curves(["val_accuracy", "train_accuracy"], first=5)).plots[0].over
        'epoch'
    """

    metric: str | Sequence[str]
    over: Literal["epoch", "seconds"] = "epoch"
    log: bool = False
    first: int = 1


@dataclass(frozen=True)
class Against:
    """A plot of a metric against a factor whose values are numbers, a line per combination of the other factors.

    Attributes:
        factor: What goes along the x axis.
        metric: What is drawn; None: the comparison's first metric.
        log: Whether the factor's axis is logarithmic.

    Examples:
        >>> from hpsearch import Against, Comparison
        >>> Comparison("val_accuracy", plots=[Against("l2", log=True)]).plots[0].factor
        'l2'
    """

    factor: str
    metric: str | None = None
    log: bool = False


Plot = Curves | Against


@dataclass(frozen=True)
class Comparison:
    """What is shown of a study's points: a table of means with 95 % intervals, published figures and plots.

    Accuracies are shown in percent, and so are errors, shares of the samples: ``test_error`` is what ``test_accuracy``
    lacks to 100 %, unless an objective reports it. Errors of regressions (``mean_squared_error``) stay as they are.

    Attributes:
        metrics: What is tabulated, such as ``"test_error"`` or ``["test_error", "train_error"]``; empty: the test error
            where the study measures it, else the study's metric.
        at: Read at each trial's best epoch by the study's metric, or at its last.
        published: Figures of the first metric to stand beside ours.
        plots: What is drawn.
        note: What to say beneath the table, such as why a figure was missed.

    Examples:
        >>> from hpsearch import Choice, Comparison, Study
        >>> def objective(trial):
        ...     return 0.9 if trial["cost"] == "cross_entropy" else 0.8
        >>> study = Study("costs", objective=objective, space=[{"cost": Choice(["quadratic", "cross_entropy"])}],
        ...               repeats=2, metric="accuracy", comparison=Comparison(note="two trainings each"))
        >>> len(study.run(tracking=False, quiet=True).trials)
        4
    """

    metrics: str | Sequence[str] = ()
    at: At = "best"
    published: Sequence[Published] = ()
    plots: Sequence[Plot] = ()
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "metrics", names(self.metrics))
        if self.at not in ("best", "last"):
            raise UserError(f"comparison: at must be 'best' or 'last', not {self.at!r}")
        for name, kinds in (("published", (Published,)), ("plots", (Curves, Against))):
            value = getattr(self, name)
            items = (value,) if isinstance(value, kinds) else tuple(value)
            for item in items:
                if not isinstance(item, kinds):
                    expected = " or ".join(f"{kind.__name__}(…)" for kind in kinds)
                    raise UserError(f"comparison: {name} must be {expected}, not {item!r}")
            object.__setattr__(self, name, items)

    def check(self, space: Space) -> None:
        """Raise a UserError where a published figure or a plot names a factor or a value that the space lacks."""
        for figure in self.published:
            for name, value in figure.of.items():
                if name not in space:
                    raise UserError(f"comparison: Published({figure.value:g}): no factor {name!r}{_hint(name, space)}")
                if not space[name].contains(value):
                    raise UserError(
                        f"comparison: Published({figure.value:g}): {name}={value!r} is not in {space[name]!r}"
                    )
        for plot in self.plots:
            if isinstance(plot, Against) and plot.factor not in space:
                raise UserError(f"comparison: Against: no factor {plot.factor!r}{_hint(plot.factor, space)}")

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        return {
            "metrics": list(self.metrics),
            "at": self.at,
            "published": [dict(vars(figure)) for figure in self.published],
            "plots": [{"kind": type(plot).__name__, **_plain(vars(plot))} for plot in self.plots],
            "note": self.note,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Comparison:
        """Return the comparison that :meth:`to_json` wrote."""
        kinds: dict[str, type[Plot]] = {"Curves": Curves, "Against": Against}
        plots = [kinds[plot["kind"]](**{k: v for k, v in plot.items() if k != "kind"}) for plot in value["plots"]]
        published = [Published(**figure) for figure in value["published"]]
        return cls(tuple(value["metrics"]), value["at"], published, plots, value["note"])


def names(metrics: str | Sequence[str]) -> tuple[str, ...]:
    """Return one or several metrics as a tuple.

    Raises:
        UserError: They are no names.
    """
    listed_names = (metrics,) if isinstance(metrics, str) else tuple(metrics)
    if not all(isinstance(name, str) and name for name in listed_names):
        raise UserError(f"comparison: a metric must be a text such as 'test_error', not {metrics!r}")
    return listed_names


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _hint(name: str, space: Space) -> str:
    return did_you_mean(name, space) if space else "; the study has none"
