"""A study: the declaration of one search, as a user writes it.

The study that people import, :class:`hpsearch.running.study.Study`, is this one with ``run`` added.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.space import Dimension, check_point, check_space
from hpsearch.space.constraints import Constraint, check_constraints, violated
from hpsearch.study.comparison import Comparison, choices_of, points_of
from hpsearch.study.goal import SECONDS, Counts, Direction, Goal, checked
from hpsearch.study.naming import check_study_name
from hpsearch.study.registry import PRUNERS, SAMPLERS, check_name
from hpsearch.study.scaling import Stages, check_stages
from hpsearch.study.table import is_data

DEFAULT_METRIC = "val_accuracy"

DEFAULT_TRIALS = 64
"""Trials of a study that does not say how many, where the space has no end."""


@dataclass(frozen=True, eq=False)
class Study:
    """One search: a space, a model or objective, data, a sampler, a pruner, a seed.

    Attributes:
        name: Names the study's folder, its MLflow experiment, and it on the command line.
        model: A scikit-learn estimator or pipeline whose parameters are searched; or
        objective: a function of a trial that returns a number, or yields one (or a dict of metrics) per epoch.
        space: A dimension per parameter, or a function of an Optuna trial. Empty: one experiment. A list of grids, as
            scikit-learn's ``param_grid``, makes the study a comparison: exactly their points are trained, all to their
            end (see :func:`hpsearch.study.comparison.points_of`).
        data: Name, path, :class:`~hpsearch.study.table.Table`, data frame, ``(X, y)``, ``((X, y), (X_val, y_val))``, or
            with a third pair as the test set; or what :func:`hpsearch.models.datasets.load` and
            :func:`hpsearch.models.datasets.subset.subset` return.
        metric: What decides. A list of several is for a Pareto front: ranking, pruning and limits go by the first.
            Beside what trials report there are ``seconds`` (the training time, from the log) and, for our networks,
            ``weights`` (how many numbers are trained, biases counted).
        direction: ``maximize`` or ``minimize``; a list with one for each of several metrics.
        value: Which epoch of a trial counts: its ``best`` or its ``last``, of a pruned trial too.
        constraints: Functions of a point's parameters, a dict, that return whether it may be trained at all.
        sampler: A name, one of :mod:`hpsearch.samplers` or one of Optuna's; None: ``tpe``, in a comparison ``listed``.
        pruner: A name, one of :mod:`hpsearch.pruners` or one of Optuna's; None: ``asha``, but ``none`` in a comparison
            and for an empty space, whose repeats are one.
        n_trials: Trials in all, repeats counted. None: every point of a grid, one point of an empty space, else 64.
        epochs: Most epochs per trial; None: as many as the model says.
        lanes: Trials that train side by side.
        threads: Threads that BLAS and OpenMP may use in each process that trains. The last bits of a result depend on
            it, so another number makes another study. Processes and ``n_jobs`` of your own are left as they are.
        seed: Where all randomness of the study comes from.
        repeats: Trials per point, each with a seed of its own.
        enqueue: Points to try first, each with a value per active dimension.
        scoring: More to measure on the validation part of a scikit-learn model: a name such as ``"f1_macro"`` (reported
            as ``val_f1_macro``), a function ``(estimator, X, y) -> float`` (reported as ``score``), or a dict of either
            by name. A single one decides, where ``metric`` does not say otherwise.
        until: Stop once the metric has reached this value.
        no_improvement: Stop once so many trials have ended after the last improvement.
        budget: Stop the search once it has cost so many epochs of the full problem; an epoch of a smaller stage costs
            its share of the training samples. What confirms comes on top.
        timeout: Stop after so many seconds of a run; run again, the study goes on.
        trial_timeout: A trial that trains for more seconds than this, over all its epochs, fails.
        audit: Share of the trials that the pruner would stop which are finished instead, to see how often it is wrong.
        stages: Smaller problems to search first, each a :class:`~hpsearch.study.scaling.Scale`, the last ``Scale()``;
            or ``"auto"``: a ladder that suits the size of the data.
        confirm: After the search, train the best points again with so many fresh seeds each, then the best of them on
            as many others, of which the test set is measured. 0: leave it out.
        confirm_top: How many points those are.
        measure_test: Whether epochs report ``test_cost`` and ``test_accuracy`` too; both are shown and decide nothing.
        comparison: What is shown of the points, beside which published figures; it may change at any time.

    Raises:
        UserError: Something in it cannot be; the message names the parameter and the fix.
    """

    name: str
    model: Any = None
    objective: Callable[[Any], Any] | None = None
    space: Any = field(default_factory=dict)
    data: Any = None
    metric: str | Sequence[str] = DEFAULT_METRIC
    direction: Direction | Sequence[Direction] = "maximize"
    sampler: Any = None
    pruner: Any = None
    n_trials: int | None = None
    epochs: int | None = None
    lanes: int = 8
    seed: int = 0
    repeats: int = 1
    enqueue: Sequence[Mapping[str, Any]] = ()
    value: Counts = "best"
    constraints: Sequence[Constraint] = ()
    scoring: Any = None
    until: float | None = None
    no_improvement: int | None = None
    budget: float | None = None
    timeout: float | None = None
    trial_timeout: float | None = None
    audit: float = 0.0
    stages: Stages | None = None
    confirm: int = 0
    confirm_top: int = 3
    measure_test: bool = False
    comparison: Comparison | None = None
    threads: int = 1

    def __post_init__(self) -> None:
        check_study_name(self.name)
        for key, lowest, optional in (
            ("n_trials", 1, True),
            ("epochs", 1, True),
            ("lanes", 1, False),
            ("threads", 1, False),
            ("seed", 0, False),
            ("repeats", 1, False),
            ("no_improvement", 1, True),
            ("confirm", 0, False),
            ("confirm_top", 1, False),
        ):
            value = getattr(self, key)
            if value is not None or not optional:
                object.__setattr__(self, key, self._whole(key, value, lowest))
        for key, least in (
            ("until", ""),
            ("timeout", " seconds"),
            ("trial_timeout", " seconds"),
            ("budget", " epochs"),
        ):
            self._check_number(key, positive=least)
        self._check_audit()
        self._check_scoring()
        self._check_goal()
        self._check_task()
        self._list_points()
        self._check_space()
        self._check_part("sampler", SAMPLERS, ("build", "sample_relative"))
        self._check_part("pruner", PRUNERS, ("judge", "prune"))
        self._check_stages()
        self._check_comparison()

    @property
    def goal(self) -> Goal:
        """What the study is after."""
        return Goal.of({"metric": self.metric, "direction": self.direction, "value": self.value})

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """The space as a dict of dimensions; empty where it is a function."""
        return dict(self.space) if isinstance(self.space, Mapping) else {}

    def _check_task(self) -> None:
        if (self.model is None) == (self.objective is None):
            raise self._error("give exactly one of model= and objective=")
        if self.objective is not None:
            if not callable(self.objective):
                raise self._error(f"objective must be a function of a trial, not {self.objective!r}")
        elif isinstance(self.model, type):
            raise self._error(f"model must be an instance: write model={self.model.__name__}(…)")
        elif not hasattr(self.model, "get_params") or not hasattr(self.model, "set_params"):
            raise self._error(f"model must be a scikit-learn estimator, not {self.model!r}")
        elif self.data is None:
            raise self._error("a model needs data, such as data='digits'")
        if self.data is not None and not is_data(self.data):
            raise self._error(f"data must be a name, a path, a Table or a tuple (X, y), not {type(self.data).__name__}")
        if isinstance(self.data, str) and not self.data:
            raise self._error("data must not be empty")

    def _check_space(self) -> None:
        if callable(self.space):
            if self.enqueue:
                raise self._error("enqueue needs a space of dimensions, not a function")
            return
        if not isinstance(self.space, Mapping):
            raise self._error(f"space must be a dict of dimensions or a function of a trial, not {self.space!r}")
        try:
            space = check_space(self.space)
            if not isinstance(self.enqueue, Sequence) or not all(isinstance(point, Mapping) for point in self.enqueue):
                raise UserError("enqueue must be a list of dicts, one per point")
            enqueue = tuple(check_point(space, point, f"enqueue[{i}]") for i, point in enumerate(self.enqueue))
            for i, point in enumerate(enqueue):
                if (name := violated(self.constraints, space, point)) is not None:
                    raise UserError(f"enqueue[{i}] violates constraint {name}: {point!r}")
        except UserError as error:
            raise self._error(str(error)) from error
        object.__setattr__(self, "space", space)
        object.__setattr__(self, "enqueue", enqueue)
        if self.model is not None:
            known = self.model.get_params(deep=True)
            for name in space:
                if name not in known:
                    hint = did_you_mean(name, known)
                    raise self._error(f"space: {type(self.model).__name__} has no parameter {name!r}{hint}")

    def _check_goal(self) -> None:
        try:
            metric, direction = checked(self.metric, self.direction, self.value)
            object.__setattr__(self, "constraints", check_constraints(self.constraints))
        except UserError as error:
            raise self._error(str(error)) from error
        object.__setattr__(self, "metric", metric)
        object.__setattr__(self, "direction", direction)
        if self.goal.metric == SECONDS and self.model is not None:
            raise self._error("'seconds' cannot be the first metric, by which trials are ranked and pruned")

    def _list_points(self) -> None:
        """Turn a list of grids into its points, and settle what a comparison leaves to be understood."""
        listed = isinstance(self.space, list | tuple)
        alone = not self.space and not callable(self.space)
        if isinstance(self.space, list | tuple):
            defaults = {} if self.model is None else self.model.get_params(deep=True)
            try:
                points = points_of(self.space, defaults)
                if self.enqueue:
                    raise UserError("enqueue: a list of grids says all points itself")
                object.__setattr__(self, "space", choices_of(points))
            except UserError as error:
                raise self._error(str(error)) from error
            object.__setattr__(self, "enqueue", tuple(points))
        if self.sampler is None:
            object.__setattr__(self, "sampler", "listed" if listed else "tpe")
        if self.pruner is None:
            object.__setattr__(self, "pruner", "none" if listed or alone else "asha")

    def _check_comparison(self) -> None:
        if not isinstance(self.measure_test, bool):
            raise self._error(f"measure_test must be True or False, not {self.measure_test!r}")
        if self.measure_test and self.model is None:
            raise self._error("measure_test goes with model=; an objective reports test_accuracy itself")
        if self.measure_test and any(metric.startswith("test_") for metric in self.goal.metrics):
            raise self._error(f"metric={self.metric!r}: the test set decides nothing; take 'val_accuracy'")
        if self.comparison is None:
            return
        if not isinstance(self.comparison, Comparison):
            raise self._error(f"comparison must be a Comparison(…), not {self.comparison!r}")
        try:
            self.comparison.check(self.dimensions)
        except UserError as error:
            raise self._error(str(error)) from error

    def _check_audit(self) -> None:
        if isinstance(self.audit, bool) or not isinstance(self.audit, int | float) or not 0 <= self.audit <= 1:
            raise self._error(f"audit must be a share from 0 to 1, such as 0.05, not {self.audit!r}")

    def _check_stages(self) -> None:
        if self.stages is None:
            return
        if self.goal.others:
            raise self._error("stages= promotes points by one metric; leave it out, or name one metric")
        if self.model is None:
            raise self._error("stages make the data and the model smaller: they need model=, not objective=")
        if not isinstance(self.pruner, str) and not hasattr(self.pruner, "judge"):
            raise self._error("an Optuna pruner compares trials of all stages; with stages= name one, such as 'asha'")
        try:
            object.__setattr__(self, "stages", check_stages(self.stages))
        except UserError as error:
            raise self._error(str(error)) from error

    def _check_part(self, kind: str, table: Mapping[str, str], methods: tuple[str, str]) -> None:
        part = getattr(self, kind)
        if isinstance(part, str):
            try:
                check_name(kind, part, table)
            except UserError as error:
                raise self._error(str(error)) from error
        elif isinstance(part, type) or not any(hasattr(part, method) for method in methods):
            names = ", ".join(table)
            raise self._error(f"{kind} must be one of {names}, an object of hpsearch.{kind}s or one of Optuna's")

    def _check_scoring(self) -> None:
        if self.scoring is None:
            return
        if self.model is None:
            raise self._error("scoring goes with model=; an objective reports what it likes")
        many = isinstance(self.scoring, Mapping)
        scorers = self.scoring if many else {"": self.scoring}
        if not scorers or not all(isinstance(name, str) for name in scorers):
            raise self._error(f"scoring must have a name for each of its scorers, not {self.scoring!r}")
        if not all(isinstance(scorer, str) or callable(scorer) for scorer in scorers.values()):
            raise self._error(f"scoring must be a name such as 'f1_macro', a function or a dict, not {self.scoring!r}")
        if not many and self.metric == DEFAULT_METRIC:
            object.__setattr__(self, "metric", f"val_{self.scoring}" if isinstance(self.scoring, str) else "score")

    def _check_number(self, key: str, *, positive: str) -> None:
        value = getattr(self, key)
        if value is None:
            return
        if isinstance(value, bool) or not hasattr(value, "__float__") or not math.isfinite(value):
            raise self._error(f"{key} must be a number, not {value!r}")
        if positive and value <= 0:
            raise self._error(f"{key} must be more than 0{positive}, not {value!r}")
        object.__setattr__(self, key, float(value))

    def _whole(self, key: str, value: Any, lowest: int) -> int:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise self._error(f"{key} must be a whole number, not {value!r}")
        number = operator.index(value)
        if number < lowest:
            raise self._error(f"{key} must be at least {lowest}, not {number}")
        return number

    def _error(self, message: str) -> UserError:
        return UserError(f"study {self.name!r}: {message}")
