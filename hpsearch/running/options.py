"""How a study is run: what ``study.run`` and ``hpsearch run`` take beside the study, as typed values.

:class:`RunOptions` holds the names that people type; :class:`Options` sorts them into what belongs together. An option
more is a line in each of the two: the name with its type there, the field with what it does here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict, cast

from hpsearch.engine import dask_client
from hpsearch.engine.changing import Wish
from hpsearch.engine.observer import Observer, Silent
from hpsearch.engine.stopping import Limits
from hpsearch.errors import UserError, did_you_mean
from hpsearch.running.callbacks import Callback, checked
from hpsearch.running.winner import register_as
from hpsearch.study.warm_start import WarmStart
from hpsearch.tracking import installed
from hpsearch.tracking.process import Delivery, NoDelivery

if TYPE_CHECKING:
    from typing import Unpack


class RunOptions(TypedDict, total=False):
    """The options of a run by name; all may be left out.

    What each does is said where it belongs: :class:`~hpsearch.engine.stopping.Limits`, :class:`Place`,
    :class:`Opening`, :class:`Outlet` and :class:`View`.
    """

    timeout: float | None
    until: float | None
    no_improvement: int | None
    budget: float | None
    trial_timeout: float | None
    trial_memory: float | None
    workers: int | Literal["auto"]
    scheduler: str | None
    verify: bool
    start_from: str | WarmStart | Sequence[str | WarmStart] | None
    first: int
    extend: bool
    earlier: Mapping[str, Any]
    fix: Mapping[str, Any]
    retry_failed: bool
    same: bool
    new_version: bool
    yes: bool
    study_file: Path | None
    git_diff: bool
    tracking: bool
    tracking_uri: str | None
    model: bool
    register: str | None
    delivery: Delivery | NoDelivery | None
    wait: bool
    quiet: bool
    observer: Observer | None
    callbacks: Sequence[Callback]
    refit: bool | None


AUTO: Literal["auto"] = "auto"
"""As many workers as pay."""


@dataclass(frozen=True)
class Place:
    """Where trials train; it never changes what a study finds.

    Attributes:
        workers: Processes that train; 1 trains in this one. ``"auto"``: in this one at first, and in as many as there
            are cores and lanes once that pays; a user's own function always in this one.
        scheduler: Address of a Dask scheduler whose workers train, instead.
        verify: Compare a digest of every state that one worker takes over from another.

    Raises:
        UserError: There can be no such number of workers, or a scheduler is named and Dask is not installed.
    """

    workers: int | Literal["auto"] = AUTO
    scheduler: str | None = None
    verify: bool = False

    def __post_init__(self) -> None:
        is_count = isinstance(self.workers, int) and not isinstance(self.workers, bool) and self.workers > 0
        if not is_count and self.workers != AUTO:
            raise UserError(f"workers is a number from 1, or {AUTO!r}; not {self.workers!r}")
        if self.scheduler is not None and not dask_client.is_installed():
            raise UserError(dask_client.MISSING)

    def size(self, lanes: int, threads: int | None) -> int:
        """Return how many processes train at most.

        Args:
            lanes: Trials that train at a time.
            threads: BLAS threads of each process, or None where it has as many as there are cores.
        """
        if self.workers != AUTO:
            return self.workers
        if threads is None or lanes == 1:
            return 1
        from joblib import cpu_count  # knows of affinities and containers; slow to import

        cores: int = cpu_count()
        return max(1, min(lanes, cores // threads))


@dataclass(frozen=True)
class Opening:
    """How a study's log is begun, or taken up where it exists.

    Attributes:
        start_from: Where results come from that samplers observe, beside what the study declares; see
            :class:`~hpsearch.study.warm_start.WarmStart`.
        first: How many of the best points of the first of these sources are tried first.
        extend: Go on with a study whose space, sampler, pruner, lanes or epochs have changed since it was begun.
        earlier: Values that earlier trials, and points from elsewhere, had in dimensions which are new; by default
            those of the model.
        fix: Parameters that have one value from now on.
        retry_failed: Try every trial that failed once more: the same point, with another start of the network. Code
            that has changed is taken to mend what failed, and nothing else.
        same: Go on with a study whose code has changed: it computes what it did before.
        new_version: Go on with a study that has changed, in a new version: earlier trials stay in the log and decide
            nothing any more.
        yes: Run a grid of more points than a million.
        study_file: The file that declares the study, kept beside its log.
        git_diff: Take down how the files of the repository around it differ from its commit.
    """

    start_from: str | WarmStart | Sequence[str | WarmStart] | None = None
    first: int = 0
    extend: bool = False
    earlier: Mapping[str, Any] = field(default_factory=dict)
    fix: Mapping[str, Any] = field(default_factory=dict)
    retry_failed: bool = False
    same: bool = False
    new_version: bool = False
    yes: bool = False
    study_file: Path | None = None
    git_diff: bool = True

    @property
    def wish(self) -> Wish:
        """How a study that exists is to be resumed.

        Raises:
            UserError: Two of the options exclude each other.
        """
        return Wish(self.extend, self.retry_failed, self.earlier, self.fix, self.same, self.new_version)


@dataclass(frozen=True)
class Outlet:
    """What is delivered of a study to MLflow.

    Attributes:
        tracking: Deliver trials and curves to MLflow.
        tracking_uri: MLflow's store; by default MLFLOW_TRACKING_URI, else a sqlite store in the root.
        model: Log the winner's model in MLflow.
        register: Put it into MLflow's model registry, as ``NAME`` or ``NAME@ALIAS`` (by default ``champion``).
        refit: Whether ``result.model`` is the winner trained once more on training and validation rows; None: where the
            rows were divided by hpsearch. MLflow gets the model that was scored.
        delivery: A delivery to MLflow whose process runs already, for that root and URI.
        wait: Whether to wait at the end until trials and curves are in MLflow; else a process of its own goes on.

    Raises:
        UserError: A model is to be registered that does not reach MLflow, or under no possible name.
    """

    tracking: bool = True
    tracking_uri: str | None = None
    model: bool = True
    register: str | None = None
    delivery: Delivery | NoDelivery | None = None
    refit: bool | None = None
    wait: bool = True

    @property
    def delivers(self) -> bool:
        """Whether anything is delivered to MLflow: tracking is on, and MLflow is installed."""
        return self.tracking and installed.is_installed()

    @property
    def waits(self) -> bool:
        """Whether the run ends after its delivery: a model that is to be registered is waited for."""
        return self.tracking and (self.wait or self.register is not None)

    def __post_init__(self) -> None:
        if self.register is None:
            return
        if not (self.tracking and self.model):
            raise UserError("a model is registered in MLflow: leave out what keeps it from there")
        register_as(self.register)

    def open(self, root: Path) -> Delivery | NoDelivery:
        """Return the delivery, to be entered before the data are loaded; without tracking it delivers nothing."""
        if not self.tracking:
            return NoDelivery()
        return self.delivery or installed.delivery(self.tracking_uri, root, self.register)


@dataclass(frozen=True)
class View:
    """How a run is shown, and whom it calls.

    Attributes:
        quiet: Show nothing while it runs.
        observer: Shows the run; by default a live view in a terminal or a notebook, else plain lines.
        callbacks: Functions of the study and a trial, called once the trial has ended, in the order of the log and in
            the process that runs the study; what one raises ends the run.

    Raises:
        UserError: Something among the callbacks is no function.
    """

    quiet: bool = False
    observer: Observer | None = None
    callbacks: Sequence[Callback] = ()

    def __post_init__(self) -> None:
        checked(self.callbacks)

    def open(self) -> Observer:
        """Return the observer that shows the run."""
        if self.observer is not None or self.quiet:
            return self.observer or Silent()
        from hpsearch.report.live import live_view

        return live_view()


@dataclass(frozen=True)
class Options:
    """The options of a run, sorted.

    Attributes:
        limits: Where the run stops; what is given here replaces the study's own.
        place: Where trials train.
        opening: How the log is begun or taken up.
        outlet: What reaches MLflow.
        view: How the run is shown.
    """

    limits: Limits = field(default_factory=Limits)
    place: Place = field(default_factory=Place)
    opening: Opening = field(default_factory=Opening)
    outlet: Outlet = field(default_factory=Outlet)
    view: View = field(default_factory=View)

    @classmethod
    def of(cls, **options: Unpack[RunOptions]) -> Options:
        """Return options that are given by name, sorted.

        Raises:
            TypeError: There is no such option.
            UserError: Two of them exclude each other.
        """
        by_name = cast("Mapping[str, Any]", options)
        for name in by_name:
            if name not in RunOptions.__annotations__:
                hint = did_you_mean(name, RunOptions.__annotations__)
                raise TypeError(f"run() got an unexpected keyword argument {name!r}{hint}")
        return cls(*(_sorted(group, by_name) for group in GROUPS))


GROUPS = (Limits, Place, Opening, Outlet, View)
"""What options are sorted into, in the order of the fields of :class:`Options`."""


def _sorted(group: type[Any], by_name: Mapping[str, Any]) -> Any:
    return group(**{option.name: by_name[option.name] for option in fields(group) if option.name in by_name})
