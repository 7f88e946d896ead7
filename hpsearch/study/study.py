"""A study: the declaration of one search, as a user writes it.

The study that people import, :class:`hpsearch.running.study.Study`, is this one with ``run`` added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hpsearch.errors import UserError
from hpsearch.space import Dimension, Space, SpaceFunction
from hpsearch.space.constraints import Constraint
from hpsearch.study.checks import CHECKS, checked_number
from hpsearch.study.comparison import Comparison
from hpsearch.study.goal import DEFAULT_METRIC as DEFAULT_METRIC
from hpsearch.study.goal import Counts, Direction, Goal
from hpsearch.study.naming import check_study_name
from hpsearch.study.parts import Data, DeclaredPruner, DeclaredSampler, Estimator, Scoring
from hpsearch.study.registry import PrunerName, SamplerName
from hpsearch.study.samples import ResourceName, Samples
from hpsearch.study.scaling import Stages
from hpsearch.study.settings import may, settings
from hpsearch.study.warm_start import WarmStart

if TYPE_CHECKING:
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

DEFAULT_TRIALS = 64
"""Trials of a study that does not say how many, where the space has no end."""


@dataclass(frozen=True, eq=False)
class Study:
    """One search: a space, a model or objective, data, a sampler, a pruner, a seed.

    Attributes:
        name: Names the study's folder, its MLflow experiment, and it on the command line.
        model: A scikit-learn estimator or pipeline whose parameters are searched; or
        objective: a function of a trial that returns a number, or yields one (or a dict of metrics) per epoch. With
            neither, its trials are trained elsewhere: ``study.ask()`` and ``study.tell()``.
        space: A dimension per parameter, or a function of an Optuna trial. Empty: one experiment. A list of grids, as
            scikit-learn's ``param_grid``, makes the study a comparison: exactly their points are trained, all to their
            end (see :func:`hpsearch.study.grids.points_of`).
        data: Name, path, :class:`~hpsearch.study.table.Table`, data frame, ``(X, y)``, ``((X, y), (X_val, y_val))``, or
            with a third pair as the test set; or what :func:`hpsearch.models.datasets.load` and
            :func:`hpsearch.models.datasets.subset.subset` return.
        metric: What decides; by default ``val_accuracy``, of a model that predicts numbers ``val_r2``, and with a
            single ``scoring`` that. A list of several is for a Pareto front: ranking, pruning and limits go by the
            first. Beside what trials report there are ``seconds`` (the training time, from the log) and, for our
            networks, ``weights`` (how many numbers are trained, biases counted).
        direction: ``maximize`` or ``minimize``; a list with one for each of several metrics.
        value: Which epoch of a trial counts: its ``best`` or its ``last``, of a pruned trial too; ``complete``: its
            last, and only trials that were trained to their end can win.
        constraints: Functions of a point's parameters, a dict, that return whether it may be trained at all.
        sampler: A name, one of :mod:`hpsearch.samplers` or one of Optuna's; None: the default for studies
            of its kind (:mod:`hpsearch.study.defaults`), in a comparison ``listed``. A study that was begun keeps the
            default that it began with.
        pruner: A name, one of :mod:`hpsearch.pruners` or one of Optuna's; None: the default of its kind, but ``none``
            in a comparison, for an empty space, whose repeats are one, and beside a sampler that pauses trials itself.
        n_trials: Trials in all, repeats counted. None: every point of a grid, one point of an empty space, else 64.
        epochs: Most epochs per trial; None: as many as the model says.
        lanes: Trials that train side by side.
        threads: Threads that BLAS and OpenMP may use in each process that trains. The last bits of a result depend on
            it, so another number makes another study. Processes and ``n_jobs`` of your own are left as they are.
        seed: Where all randomness of the study comes from.
        repeats: Trials per point, each with a seed of its own.
        enqueue: Points to try first, each with a value per active dimension.
        duplicates: What becomes of a point that a sampler proposes again: ``retrain`` it, ``skip`` it for one that was
            not tried, or ``reuse`` the result of the trial that had it, as a deterministic objective would give it
            again. With the latter two a study ends once all points of a finite space were tried.
        warm_start: Results from elsewhere that samplers take for observations: the name or folder of a study, a csv
            file of points and values, an Optuna storage's URL, file or study; or a
            :class:`~hpsearch.study.warm_start.WarmStart`, which says more; or several of them.
        scoring: More to measure on the validation part of a scikit-learn model: a name such as ``"f1_macro"`` (reported
            as ``val_f1_macro``), a function ``(estimator, X, y) -> float`` (reported as ``score``), or a dict of either
            by name. A single one decides, where ``metric`` does not say otherwise.
        cv: Cross-validation of each point in the place of one validation part: a number of folds (stratified by class
            for a classifier), a splitter of scikit-learn, or the rows of each fold as pairs (train, test). The rows are
            all but those held out for the test, in the order in which they are given; pairs count all rows, and hold
            out none. The folds of a point are one trial, whose curve is the mean over them (docs/search-cv.md).
        groups: A group for each row, for splitters that keep groups together; of a Table its ``groups=`` is taken.
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
        resource: What a trial of a scikit-learn model gets more of from epoch to epoch. ``auto``: passes over the data
            (``partial_fit``) where the trial's own parameters allow it, trees where the model says ``warm_start=True``,
            and with ``epochs=`` training samples where no trial can have either; else it is fitted whole and reports
            once, at the end. ``epochs``, ``iterations`` (trees), ``samples`` or ``fit``: that alone, or a whole fit
            where a model knows it not; :class:`~hpsearch.study.samples.Samples` says which penalties are rescaled.
        measure_test: Whether epochs report ``test_cost`` and ``test_accuracy`` too; both are shown and decide nothing.
        version: A name for this version of code that cannot be read (a notebook's, compiled code), so that another one
            is told apart; what can be read is told apart by itself.
        cost: How long an epoch of a trial takes, in any unit: a function of its parameters, a dict; ``"estimated"``, by
            the steps and operations that our networks take; or ``"measured"``, as long as its first epoch took: then a
            study that is resumed, or a trial that is replayed, is the same to the bit, but not a study that is run
            anew. With it the study goes by virtual time (docs/engine.md): a trial does not wait for those whose epochs
            take longer. None: all epochs count the same.
        lookback: How far decisions look back in virtual time, in mean costs of an epoch: a decision about a trial sees
            of the others what was due that long ago, so that a lane goes on while another is a little behind. 0: each
            sees all that is due by then, and lanes wait for it. It goes with ``cost`` (docs/engine.md).
        comparison: What is shown of the points, beside which published figures; it may change at any time.

    Raises:
        UserError: A value is invalid; the message names the parameter and the fix.

    Examples:
        >>> from hpsearch import Float, Study
        >>> def objective(trial):
        ...     return (trial["x"] - 1) ** 2
        >>> study = Study("parabola", objective=objective, space={"x": Float(0, 3, step=0.5)}, sampler="grid",
        ...               metric="value", direction="minimize")
        >>> study.run(tracking=False, quiet=True).best_trial.params
        {'x': 1.0}
    """

    name: str = field(metadata=may(fixed=True))
    model: Estimator | None = field(default=None, metadata=may(code=True, trains=True))
    objective: Callable[[Any], Any] | None = field(default=None, metadata=may(code=True, trains=True))
    space: Mapping[str, Dimension] | SpaceFunction | Sequence[Mapping[str, Any]] = field(
        default_factory=dict, metadata=may(extensible=True, code=True)
    )
    data: Data | None = field(default=None, metadata=may(fixed=True, settable=True, named=False, trains=True))
    metric: str | Sequence[str] | None = field(
        default=None, metadata=may(fixed=True, settable=True, trains=True, plain=True)
    )
    direction: Direction | Sequence[Direction] = field(
        default="maximize", metadata=may(fixed=True, settable=True, plain=True)
    )
    sampler: SamplerName | DeclaredSampler | BaseSampler | None = field(
        default=None, metadata=may(typed="NAME", extensible=True, code=True, settable=True)
    )
    pruner: PrunerName | DeclaredPruner | BasePruner | None = field(
        default=None, metadata=may(typed="NAME", extensible=True, code=True, settable=True)
    )
    n_trials: int | None = field(
        default=None, metadata=may(typed="N", settable=True, named=False, extends=True, whole=1)
    )
    epochs: int | None = field(
        default=None, metadata=may(typed="N", extensible=True, settable=True, trains=True, plain=True, whole=1)
    )
    lanes: int = field(default=8, metadata=may(typed="N", extensible=True, settable=True, whole=1))
    seed: int = field(default=0, metadata=may(typed="N", fixed=True, settable=True, trains=True, plain=True, whole=0))
    repeats: int = field(default=1, metadata=may(settable=True, trains=True, plain=True, whole=1))
    enqueue: Sequence[Mapping[str, Any]] = ()
    value: Counts = field(default="best", metadata=may(fixed=True, settable=True, plain=True))
    constraints: Sequence[Constraint] = field(default=(), metadata=may(code=True))
    scoring: Scoring | None = field(default=None, metadata=may(code=True, trains=True))
    cv: Any = field(default=None, metadata=may(fixed=True, settable=True, trains=True))
    groups: Any = field(default=None, metadata=may(fixed=True, trains=True))
    until: float | None = field(default=None, metadata=may(typed="METRIC=VALUE", limit=True, extends=True, number=True))
    no_improvement: int | None = field(default=None, metadata=may(typed="N", limit=True, extends=True, whole=1))
    budget: float | None = field(
        default=None, metadata=may(typed="N", limit=True, extends=True, number=True, positive=" epochs")
    )
    timeout: float | None = field(default=None, metadata=may(typed="TIME", number=True, positive=" seconds"))
    trial_timeout: float | None = field(
        default=None, metadata=may(typed="TIME", limit=True, extends=True, number=True, positive=" seconds")
    )
    trial_memory: float | None = field(
        default=None, metadata=may(typed="BYTES", limit=True, extends=True, number=True, positive=" bytes")
    )
    audit: float = field(default=0.0, metadata=may(extensible=True, settable=True))
    stages: Stages | None = field(default=None, metadata=may(typed="auto", fixed=True, settable=True, trains=True))
    confirm: int = field(
        default=0, metadata=may(typed="N", settable=True, named=False, extends=True, confirms=True, whole=0)
    )
    confirm_top: int = field(default=3, metadata=may(extends=True, confirms=True, whole=1))
    resource: ResourceName | Samples = field(default="auto", metadata=may(trains=True))
    measure_test: bool = field(default=False, metadata=may(trains=True))
    cost: Callable[[dict[str, Any]], float] | Literal["estimated", "measured"] | None = field(
        default=None, metadata=may(code=True, trains=True)
    )
    lookback: float = field(default=0.0, metadata=may(fixed=True, settable=True, number=True))
    comparison: Comparison | None = field(default=None, metadata=may(extends=True))
    threads: int = field(default=1, metadata=may(trains=True, plain=True, whole=1))
    version: str | None = field(default=None, metadata=may(code=True))
    duplicates: Literal["retrain", "skip", "reuse"] = field(
        default="retrain", metadata=may(extensible=True, settable=True, plain=True)
    )
    warm_start: WarmStart | str | Path | Any | Sequence[WarmStart | str | Path | Any] | None = field(
        default=None, metadata=may(extensible=True)
    )

    def __post_init__(self) -> None:
        check_study_name(self.name)
        try:
            for name, setting in SETTINGS.items():
                optional = getattr(type(self), name, None) is None  # by its default
                object.__setattr__(self, name, checked_number(name, getattr(self, name), setting, optional=optional))
            for check, reads in CHECKS.items():
                for name, value in check(*(getattr(self, field_name) for field_name in reads)).items():
                    object.__setattr__(self, name, value)
        except UserError as error:
            raise UserError(f"study {self.name!r}: {error}") from error

    @property
    def goal(self) -> Goal:
        """What the study is after."""
        return Goal.of({"metric": self.metric, "direction": self.direction, "value": self.value})

    @property
    def search_space(self) -> Space | SpaceFunction:
        """The space, a list of grids turned into what it searches."""
        assert callable(self.space) or isinstance(self.space, Mapping), "a list became dimensions when it was declared"
        return self.space

    @property
    def sources(self) -> tuple[WarmStart, ...]:
        """Where results that its samplers observe come from."""
        assert isinstance(self.warm_start, tuple), "they were settled when it was declared"
        return self.warm_start

    @property
    def dimensions(self) -> dict[str, Dimension]:
        """The space as a dict of dimensions; empty where it is a function."""
        return dict(self.space) if isinstance(self.space, Mapping) else {}


SETTINGS = settings(Study)
"""The properties of each field."""
