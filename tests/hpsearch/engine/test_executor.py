"""Any crew brings what one process brings: whoever joins, dies, dawdles or works twice, at whatever tick."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Any

import numpy as np
import pytest
from crews import ChaoticCrew, jumping
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

from hpsearch.engine.crew import Answer
from hpsearch.engine.executor import DEATHS, LOSSES, Executor
from hpsearch.engine.remote import Bench, Job
from hpsearch.errors import UserError
from hpsearch.log.records import Ask, Row
from hpsearch.models import MLPClassifier
from hpsearch.models.datasets import Dataset
from hpsearch.models.datasets.dataset import as_part, assemble
from hpsearch.objectives.base import Objective, Start
from hpsearch.objectives.function import FunctionObjective, UserTrial
from hpsearch.objectives.mlp import MLPPopulation
from hpsearch.objectives.pipeline import PipelinePopulation
from hpsearch.objectives.portable import Maker, pack
from hpsearch.objectives.scores import Scores
from hpsearch.objectives.sklearn import SklearnObjective
from hpsearch.objectives.staged import StagedObjective, StageTraining
from hpsearch.objectives.transformers import Behind
from hpsearch.study.scaling import Scale

EPOCHS = 5


def table() -> Dataset:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)).astype(np.float32)
    y = (X[:, 0] + 0.3 * rng.normal(size=60) > 0).astype(np.int64) + (X[:, 1] > 0.8)
    parts = [as_part(X[a:b], y[a:b], "toy") for a, b in ((0, 40), (40, 50), (50, 60))]
    return assemble("toy", "memory", *parts)


DATA = table()

NETWORK = MLPClassifier(hidden_layer_sizes=(3,), batch_size=4).get_params()
SHAPES: list[dict[str, Any]] = [
    {"hidden_layer_sizes": (3,), "learning_rate": 0.5},
    {"hidden_layer_sizes": (3,), "learning_rate": 2.0},
    {"hidden_layer_sizes": (5,), "batch_size": 8},
    {"hidden_layer_sizes": (2, 2), "dropout": 0.3, "optimizer": "momentum"},
    {"hidden_layer_sizes": (3,), "dtype": "float64", "early_stopping": "patience", "patience": 2},
    {"hidden_layer_sizes": (3,), "max_epochs": 3, "l2": 1.0},
    {"hidden_layer_sizes": (4,), "optimizer": "adam", "batch_norm": True},
    {"learning_rate": -1.0},
]


def networks(data: Any, params: dict[str, Any] = NETWORK, **said: Any) -> MLPPopulation:
    return MLPPopulation(params, data, 1, EPOCHS, **said)


def staged(data: Any) -> Objective:
    steps = [StageTraining(Scale(train=20), networks), StageTraining(Scale(), networks)]
    steps += [
        StageTraining(Scale(), networks, confirms=True),
        StageTraining(Scale(), networks, confirms=True, tests=True),
    ]
    return StagedObjective(steps, data, 1, EPOCHS)


def pipelines(data: Any) -> Objective:
    return PipelinePopulation(Behind(make_pipeline(PCA(random_state=0), MLPClassifier(**NETWORK))), data, 1, EPOCHS)


def partial_fits(data: Any) -> Objective:
    return SklearnObjective(Behind(SGDClassifier()), data, 1, EPOCHS, "epochs", Scores("classifier", {}))


def whole_fits(data: Any) -> Objective:
    return SklearnObjective(Behind(DecisionTreeClassifier()), data, 1, 3, "samples", Scores("classifier", {}))


def climb(trial: UserTrial) -> Iterator[dict[str, float]]:
    value = trial["x"]
    for _ in range(int(trial["epochs"])):
        value += float(trial.rng.random())
        if value > 6:
            raise ValueError("too high")
        yield {"score": value}


def square(trial: UserTrial) -> float:
    return float(trial["x"] ** 2)


@dataclass(frozen=True)
class Kind:
    """A kind of objective: what makes it, the points of its trials, their stages, and how many plans are tried."""

    make: Callable[[Any], Objective]
    points: Sequence[dict[str, Any]]
    stages: Sequence[int] = (0,)
    examples: int = 6


X = [{"x": float(x), "epochs": 2 + x % 4} for x in range(6)]
KINDS = {
    "networks": Kind(networks, SHAPES, examples=25),
    "staged": Kind(staged, SHAPES[:6], (0, 1, 2, 3), examples=12),
    "pipelines": Kind(
        pipelines,
        [
            {"pca__n_components": 2, "mlpclassifier__learning_rate": 1.0},
            {"pca__n_components": 3, "mlpclassifier__hidden_layer_sizes": (4,)},
            {"pca__n_components": 3},
            {"pca__n_components": 99},
        ],
    ),
    "partial_fit": Kind(partial_fits, [{"alpha": 1e-4}, {"alpha": 1e-2}, {"alpha": -1.0}]),
    "fit": Kind(whole_fits, [{"max_depth": 1}, {"max_depth": 3}, {"max_depth": -3}]),
    "generators": Kind(partial(lambda make, data: make(), lambda: FunctionObjective(climb, "score", 1)), X),
    "functions": Kind(partial(lambda make, data: make(), lambda: FunctionObjective(square, "score", 1)), X),
}


@dataclass(frozen=True)
class Plan:
    """A study without a sampler: which trials begin at each tick, and after which epoch a trial is stopped."""

    begins: list[list[tuple[int, int, int]]]  # by tick: (point, stage, repeat) of each trial
    stops: list[int]  # by trial, cyclic


plans = st.builds(
    Plan,
    st.lists(
        st.lists(st.tuples(st.integers(0, 7), st.integers(0, 3), st.integers(0, 1)), max_size=2), min_size=1, max_size=5
    ),
    st.lists(st.integers(1, 2 * EPOCHS), min_size=1, max_size=5),
)


def follow(plan: Plan, kind: Kind, objective: Objective) -> list[tuple[Any, ...]]:
    """Run a plan as the clock does, and return all rows without their seconds."""
    story: list[tuple[Any, ...]] = []
    going: dict[int, int] = {}
    number = tick = 0
    while going or tick < len(plan.begins):
        for point, stage, repeat in plan.begins[tick] if tick < len(plan.begins) else []:
            params = kind.points[point % len(kind.points)]
            which = kind.stages[stage % len(kind.stages)]
            objective.start(Start(Ask(number, number % 8, params, number, repeat, which)))
            going[number] = plan.stops[number % len(plan.stops)]
            number += 1
        rows = objective.advance(sorted(going), tick) if going else []
        for row in rows:
            story.append((tick, *_content(row)))
            going[row.trial] -= 1
            if row.finished or row.failure is not None or going[row.trial] == 0:
                del going[row.trial]
                objective.stop(row.trial)
        tick += 1
    return story


def _content(row: Row) -> tuple[Any, ...]:
    metrics = tuple((name, repr(value)) for name, value in row.metrics.items())
    return row.trial, row.lane, row.epoch, metrics, row.finished, row.failure


def spread(kind: Kind, rng: Random, notices: list[str], **said: Any) -> Executor:
    crew = ChaoticCrew(kind.make, DATA, rng)
    return Executor(crew, "toy", EPOCHS, notices.append, verify=True, now=jumping(rng), **said)


@pytest.mark.parametrize("many", [pytest.param(1, id="few"), pytest.param(25, id="many", marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_a_chaotic_crew_brings_what_one_process_brings(kind: Kind, many: int) -> None:
    @settings(max_examples=many * kind.examples, suppress_health_check=list(HealthCheck))
    @given(plan=plans, rng=st.randoms(use_true_random=False), ahead=st.sampled_from([1, 1, 3]))
    def holds(plan: Plan, rng: Random, ahead: int) -> None:
        assert follow(plan, kind, spread(kind, rng, [], ahead=ahead)) == follow(plan, kind, kind.make(DATA))

    holds()


def test_a_trial_that_comes_back_to_an_objective_trains_the_state_it_is_given() -> None:
    """Three epochs on A, three on B, three on A again are epochs 1 to 9 of one curve."""
    alone, a, b = networks(DATA), networks(DATA), networks(DATA)
    ask = Ask(0, 0, {"max_epochs": 9, "hidden_layer_sizes": (3,)}, 0)
    alone.start(Start(ask))
    expected = [_content(alone.advance([0], tick)[0]) for tick in range(9)]
    brought: list[tuple[Any, ...]] = []
    start, tick = Start(ask), 0
    for objective in (a, b, a):
        objective.start(start)
        for _ in range(3):
            brought.append(_content(objective.advance([0], tick)[0]))
            tick += 1
        (start,) = objective.states()
        objective.stop(0)
    assert [row[2] for row in brought] == list(range(1, 10))
    assert brought == expected
    assert a.states() == b.states() == []


class OneAnswer:
    """A crew of one worker that gives the answers it is told, whatever it is asked."""

    def __init__(self, make: Callable[[int, Job], Answer]) -> None:
        self.make = make
        self.came: list[Answer] = []

    def workers(self) -> list[str]:
        return ["w"]

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        self.came.append(self.make(errand, job))

    def answers(self, seconds: float) -> list[Answer]:
        came, self.came = self.came, []
        return came

    def end(self, worker: str) -> None: ...

    def forget(self, name: str) -> None: ...


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        (Row(0, 0, 2, {"score": 1.0}), "trial 0: epoch 2 came where epoch 1 was due"),
        (Row(0, 0, 0, {"score": 1.0}), "trial 0: epoch 0 came where epoch 1 was due"),
        (Row(5, 0, 1, {"score": 1.0}), "trial 5: it was brought by a worker that does not have it"),
    ],
)
def test_what_is_not_a_trials_next_epoch_is_refused_in_one_line(brought: Row, said: str) -> None:
    from hpsearch.engine.remote import Report

    crew = OneAnswer(lambda errand, job: Answer(errand, Report({0: [brought]}, [], {})))
    executor = Executor(crew, "toy", EPOCHS, pytest.fail)
    executor.start(Start(Ask(0, 0, {}, 0)))
    with pytest.raises(UserError, match=said) as caught:
        executor.advance([0], 0)
    assert "\n" not in str(caught.value)


def test_a_state_that_is_not_what_its_last_owner_had_is_refused() -> None:
    kind = KINDS["networks"]
    crew = ChaoticCrew(kind.make, DATA, Random(0), calm=0)
    executor = Executor(crew, "toy", EPOCHS, pytest.fail, verify=True, now=jumping(Random(1)))
    executor.start(Start(Ask(0, 0, {"max_epochs": 9}, 0)))
    for tick in range(4):
        executor.advance([0], tick)
    placed = executor._trials[0]
    saved = placed.saves[-1]
    assert saved.state is not None
    other = {name: value + (1e-6 if value.dtype.kind == "f" else 0) for name, value in saved.state.items()}
    placed.saves = [replace(saved, state=other)]
    placed.resident, placed.worker = False, None
    with pytest.raises(UserError, match="taken up by another worker"):
        executor.advance([0], 4)


def test_a_trial_over_which_worker_after_worker_dies_fails_and_no_other() -> None:
    def make(errand: int, job: Job) -> Answer:
        numbers = [each.start.ask.trial for each in job.starts] + list(job.residents)
        if 1 in numbers:
            return Answer(errand, lost="died")
        return Answer(errand, _report(job, numbers))

    def _report(job: Job, numbers: list[int]) -> Any:
        from hpsearch.engine.remote import Report

        done = {each.start.ask.trial: each.epoch for each in job.starts} | dict(job.residents)
        return Report({job.ticks[0]: [Row(n, n, done[n] + 1, {"score": 1.0}) for n in numbers]}, [], {})

    notices: list[str] = []
    executor = Executor(OneAnswer(make), "toy", EPOCHS, notices.append)
    for number in range(3):
        executor.start(Start(Ask(number, number, {}, number)))
    rows = executor.advance([0, 1, 2], 0)
    assert [row.failure for row in rows] == [None, "its worker died, and again with nothing else on it", None]
    assert len(notices) == LOSSES


class Unlucky:
    """A crew of one worker at a time, which is killed from outside over each of the first jobs with trial 1."""

    def __init__(self, maker: Maker, kills: int) -> None:
        self._maker, self._kills = pack(maker), kills
        self._bench, self._number = Bench(), 0
        self._came: list[Answer] = []
        self.apart = 0

    def workers(self) -> list[str]:
        return [f"w{self._number}"]

    def send(self, errand: int, worker: str, name: str, job: Job) -> None:
        self.apart += job.apart
        if self._kills and 1 in [each.start.ask.trial for each in job.starts] + list(job.residents):
            self._kills -= 1
            self.forget("")
            self._bench, self._number = Bench(), self._number + 1
            self._came.append(Answer(errand, lost="was lost"))
        else:
            self._came.append(Answer(errand, self._bench.serve(name, self._maker, DATA, job)))

    def answers(self, seconds: float) -> list[Answer]:
        came, self._came = self._came, []
        return came

    def end(self, worker: str) -> None: ...

    def forget(self, name: str) -> None:
        self._bench.forget(name)


@pytest.mark.parametrize("kind", ["networks", "generators"])
def test_a_trial_whose_workers_others_kill_again_and_again_is_not_blamed(kind: str) -> None:
    make, plan = KINDS[kind].make, Plan([[(0, 0, 0), (1, 0, 0), (2, 0, 0)], [], [(3, 0, 0)]], [9])
    crew = Unlucky(make, 2 * DEATHS)
    with Executor(crew, "toy", EPOCHS, lambda text: None, verify=True) as executor:
        assert follow(plan, KINDS[kind], executor) == follow(plan, KINDS[kind], make(DATA))
    assert crew.apart == DEATHS + 1, "lost as often in a child, which then brought its epoch"


def test_a_trial_that_ends_its_process_is_found_out_in_a_child_of_its_worker() -> None:
    def deadly(trial: UserTrial) -> Iterator[float]:
        yield 1.0
        if trial.number == 1:
            os._exit(7)
        yield 2.0

    make = partial(lambda make, data: make(), lambda: FunctionObjective(deadly, "score", 1))
    with Executor(Unlucky(make, 0), "toy", EPOCHS, lambda text: None) as executor:
        for number in range(3):
            executor.start(Start(Ask(number, number, {}, number)))
        executor.advance([0, 1, 2], 0)
        for placed in executor._trials.values():  # over each the worker has died: it would be this process
            placed.deaths, placed.resident = DEATHS, False
        rows = executor.advance([0, 1, 2], 1)
    assert [row.failure for row in rows] == [None, "its process ended (exit code 7) while it trained", None]
