"""What a run is made of, settled before the study's log is begun: a mistake costs no trial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from hpsearch import ladder, pruners, samplers
from hpsearch.engine.clock import Clock
from hpsearch.engine.observer import StudyPlan
from hpsearch.engine.pace import MeasuredTime, Pace, Ticks, VirtualTime
from hpsearch.engine.stopping import Limits
from hpsearch.engine.warm import Warmth, bring
from hpsearch.errors import UserError
from hpsearch.ladder import Ladder
from hpsearch.log import catalogue
from hpsearch.log.history import History
from hpsearch.log.lines import header_at
from hpsearch.models import datasets
from hpsearch.objectives.base import Objective
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.costs import estimated
from hpsearch.objectives.staged import prepare
from hpsearch.objectives.surroundings import declared_threads, surrounded
from hpsearch.pruners.base import Pruner
from hpsearch.running import clocks
from hpsearch.running.options import Opening
from hpsearch.samplers.base import Sampler
from hpsearch.study import scaling
from hpsearch.study.checks import MEASURED
from hpsearch.study.declaration import CONFIRM, RULE, rule_of
from hpsearch.study.declared import Declaration
from hpsearch.study.study import Study
from hpsearch.study.unsaid import in_words, under
from hpsearch.study.warm_start import WarmStart

ANEW = (
    "cost='measured': what is known when follows from seconds in the log: resumed or replayed the study is the same "
    "to the bit, but run anew it may find other trials"
)
"""The notice of a study whose costs are measured."""


def pace_of(study: Study, dataset: datasets.Dataset | None, history: History) -> Pace:
    """Return the pace of a study: ticks, or virtual time by declared or measured costs.

    Args:
        study: The study.
        dataset: Its data, or None.
        history: The fold of its log.
    """
    if history.declaration.clock != "virtual":
        return Ticks()
    if study.cost == MEASURED:
        return MeasuredTime(history)
    cost = costed(study, dataset).cost
    assert cost is not None, "a study that goes by virtual time says what epochs cost"
    assert not isinstance(cost, str), "what estimates it has taken the place of its name"
    return VirtualTime(cost)


def costed(study: Study, dataset: datasets.Dataset | None) -> Study:
    """Return a study with a function in the place of ``cost="estimated"``; another one as it is."""
    estimates = isinstance(study.cost, str) and study.cost != MEASURED
    return replace(study, cost=partial(estimated, study, dataset)) if estimates else study


@dataclass(frozen=True)
class Plan:
    """Everything that a run is made of; each part is built once.

    Attributes:
        study: The declaration, with the limits of this run, the points to try first and stages that suit the data.
        dataset: Its data, or None.
        prepared: What its lanes run.
        sampler: Proposes points.
        pruner: Stops trials.
        limits: Where the run stops before its last trial.
        root: Where all state is.
        threads: Threads that BLAS and OpenMP may use where it trains, or None for as many as a process has.
    """

    study: Study
    dataset: datasets.Dataset | None
    prepared: Prepared
    sampler: Sampler
    pruner: Pruner
    limits: Limits
    root: Path
    threads: int | None = 1

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.root / "studies" / self.study.name

    @property
    def log(self) -> Path:
        """The study's log."""
        return self.folder / catalogue.LOG

    @property
    def notices(self) -> list[str]:
        """Lines for people: how the data were read, what looks wrong with them, and whether results depend on time."""
        measured = [ANEW] if self.study.cost == MEASURED else []
        if self.dataset is None:
            return measured
        return [*measured, *self.dataset.said, *(f"warning: {warning}" for warning in self.dataset.warnings)]

    @property
    def by_default(self) -> list[str]:
        """The defaults of a study that names no sampler or no pruner, in a line for people; else no line."""
        line = in_words(self.study)
        return [] if line is None else [line]

    @property
    def waits(self) -> bool:
        """Whether lanes wait for one another, as decisions about one trial depend on the results of others."""
        return self.sampler.reads_history or self.pruner.reads_history

    def objective(self) -> Objective:
        """Return a fresh objective that trains in this process."""
        return self.prepared.make(self.dataset)

    def following(self, history: History) -> Plan:
        """Return the plan as an open log has it: with the trials and the confirmation that the study was extended to.

        Args:
            history: The fold of the log, its header written.
        """
        declaration = history.declaration
        confirm = {key: getattr(declaration, key) for key in CONFIRM} if declaration.confirm else {}
        study = replace(self.study, n_trials=declaration.n_trials, **confirm)
        confirms = study.confirm and not self.study.confirm
        prepared = prepare(study, self.dataset, declaration.fingerprint) if confirms else self.prepared
        threads = declared_threads(declaration, history.header.environment if history.header else {})
        prepared = replace(prepared, make=partial(surrounded, prepared.make, threads))
        return replace(self, study=study, prepared=prepared, threads=threads)

    def pace(self, history: History) -> Pace:
        """Return the pace of the study, by the clock that its log names.

        Args:
            history: The fold of the log, its header written.
        """
        return pace_of(self.study, self.dataset, history)

    @property
    def clock(self) -> Callable[..., Clock]:
        """What makes the study's clock; see :func:`hpsearch.running.clocks.clock_of`."""
        return clocks.clock_of(self.study, self.prepared.epochs)

    def ladder(self, history: History) -> Ladder:
        """Return the ladder, which decides which trial begins next.

        Args:
            history: The fold of the log, its header written.
        """
        n_at_begin = Declaration.of(history.header.declaration).n_trials if history.header else None
        return ladder.build(
            self.study,
            n_at_begin,
            lambda history: self.limits.reached(history) is not None,
            self._n,
            sampler=self.sampler,
            epochs=None if self.study.model is None else self.prepared.epochs,
        )

    def overview(self, history: History, ladder: Ladder, *, resumed: bool, in_mlflow: bool) -> StudyPlan:
        """Return what is about to run, for an observer to show.

        Args:
            history: The study so far.
            ladder: Its ladder.
            resumed: Whether its log existed before.
            in_mlflow: Whether it is delivered to MLflow.
        """
        about = ""
        study = self.study
        data = self.dataset
        if data is not None:
            about = f"{data.name} ({len(data.y_train):,} train, {len(data.y_valid):,} valid)"
            if study.cv is not None:
                about = f"{data.name} ({len(data.y_train) + len(data.y_valid):,} rows, cross-validated)"
        total = None if ladder.total is None else ladder.total + len(history.retries)
        sampler, pruner = (
            named if isinstance(named, str) else type(named).__name__ for named in (study.sampler, study.pruner)
        )
        return StudyPlan(
            study.name,
            study.goal,
            total,
            self.prepared.epochs,
            study.lanes,
            sampler,
            pruner,
            about,
            self.root,
            resumed,
            in_mlflow,
        )

    @property
    def _n(self) -> int | None:
        return None if self.dataset is None else len(self.dataset.y_train)


def with_run_options(study: Study, root: Path, limits: Limits, opening: Opening) -> Warmth:
    """Return the study with the limits of this run in place of its own, and its results from elsewhere.

    Raises:
        UserError: There is no such source, or a limit is invalid.
    """
    study = replace(study, **limits.by_name())
    start_from = opening.start_from
    sources = (
        [] if start_from is None else [start_from] if isinstance(start_from, str | WarmStart) else list(start_from)
    )
    if opening.first and not sources:
        raise UserError("--first N goes with --from: it says how many of its best points are tried first")
    if sources:
        searched = {name: value for name, value in opening.earlier.items() if name in study.dimensions}
        warm_starts = [
            source if isinstance(source, WarmStart) else WarmStart(source, searched, opening.first if index == 0 else 0)
            for index, source in enumerate(sources)
        ]
        study = replace(study, warm_start=[*study.sources, *warm_starts])
    return bring(study, root)


def settle(study: Study, root: Path, opening: Opening) -> Plan:
    """Return the plan of a study whose log is not open yet.

    Args:
        study: The study with the options of this run.
        root: Where all state is.
        opening: How its log is begun or taken up.

    Raises:
        UserError: The data cannot be loaded, or the parts of the study do not go together.
    """
    log = root / "studies" / study.name / catalogue.LOG
    header = header_at(log)
    study = under(study, None if header is None else header.rules)
    study, dataset = loaded(study, log)
    begun = not opening.extend and log.is_file()
    if not (opening.yes or begun):
        samplers.check_size(study)
    prepared = prepare(study, dataset, RULE if header is None else rule_of(header.declaration))
    study = settled_value(study, prepared)
    sampler = samplers.build(costed(study, dataset), None if study.model is None else prepared.epochs)
    plan = Plan(study, dataset, prepared, sampler, pruners.build(study, prepared.epochs), Limits.of(study), root)
    ladder.check(study, plan._n)
    clocks.check(study, sampler, plan.pruner)
    if opening.retry_failed and (study.stages is not None or study.confirm):
        raise UserError(f"study {study.name!r}: --retry-failed goes with neither stages nor confirmation")
    return plan


def settled_value(study: Study, prepared: Prepared) -> Study:
    """Return a study whose trials can win only once they are complete, where their epochs are folds."""
    return replace(study, value="complete") if prepared.by_fold else study


def loaded(study: Study, log: Path) -> tuple[Study, datasets.Dataset | None]:
    """Return the study with its stages settled, and its data, read by the rules of its log where it has one."""
    if study.data is None:
        return study, None
    from hpsearch.tables import door  # imports pandas and scikit-learn, which a study without data does not need

    if study.cv is not None:
        from hpsearch.tables.folds import load

        dataset = load(study.data, study.model, study.cv, study.groups, study.seed, door.reader_of(log))
    else:
        dataset = door.load(study.data, study.model, reader=door.reader_of(log))
    if study.stages is None:
        return study, dataset
    try:
        return replace(study, stages=scaling.settle(study.stages, dataset, study.seed)), dataset
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error
