"""Measures what each pruner saves and what it costs, on learning curves of real training.

A hundred random points (learning rate, λ) of the network of studies/eta_lambda.py train on digits, 30 epochs each, all
of them to the end. These curves are then replayed: a round draws 64 of the points in random order and runs them in
eight lanes under each pruner, by the same rules as the engine's clock. The goal of a round is the validation accuracy
that random search without pruning ends with; what counts is after how many epochs, over all lanes, a pruner is there,
or is but one validation image short of it. All prune the same 64 trials: what one saves could pay for more of them.
Intervals are 95 % bootstraps over rounds.

    python tests/benchmarks/pruning_quality.py [--quick]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from hpsearch import Float, MLPClassifier, Study, pruners, samplers
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.models.datasets import Dataset, load
from hpsearch.objectives.base import Start
from hpsearch.objectives.build import prepare

POINTS, EPOCHS, LANES, TRIALS = 100, 30, 8, 64
NAMES = ("none", "median", "asha", "hyperband", "patient", "first_epoch")


def record(study: Study, data: Dataset) -> np.ndarray:
    """Return the validation accuracy per point and epoch, shape (POINTS, EPOCHS); NaN from a failure on."""
    objective = prepare(study, data).make(data)
    sampler = samplers.build(study)
    history = History(study.goal)
    for point in range(POINTS):
        objective.start(Start(Ask(point, 0, sampler.ask(history, point), point)))
    curves = np.full((POINTS, EPOCHS), np.nan)
    alive = list(range(POINTS))
    for epoch in range(EPOCHS):
        rows = objective.advance(alive, epoch)
        for row in rows:
            curves[row.trial, epoch] = row.metrics.get(study.metric, np.nan)
        alive = [row.trial for row in rows if row.failure is None]
    return curves


def replay(study: Study, curves: np.ndarray) -> tuple[np.ndarray, int]:
    """Run curves of shape (trials, epochs), in this order, in eight lanes.

    Returns:
        The best accuracy after each epoch trained, over all lanes; and how many trials were trained to the end.
    """
    pruner = pruners.build(study, EPOCHS)
    history = History(study.goal)
    best: list[float] = []
    n_whole = 0
    top = -np.inf
    while True:
        busy = {trial.ask.lane for trial in history.running()}
        asks = []
        for lane in sorted(set(range(LANES)) - busy):
            if (number := len(history.trials)) < len(curves):
                asks.append(Ask(number, lane, {}, number))
                history.begin(asks[-1])
        running = sorted(history.running(), key=lambda trial: trial.ask.lane)
        if not running:
            return np.array(best), n_whole
        rows = [row_of(trial.number, trial.ask.lane, trial.epoch + 1, curves) for trial in running]
        tick = Tick(history.tick + 1, 0.0, tuple(asks), tuple(rows), ())
        history.arrive(tick)
        ends = [Decision(row.trial, "fail", row.failure, "failure") for row in rows if row.failure]
        ends += [Decision(row.trial, "complete", "done", "epochs") for row in rows if row.finished]
        n_whole += sum(row.finished for row in rows)
        ends += pruner.judge(history, [row for row in rows if not row.finished and not row.failure])
        history.decide(Tick(tick.tick, 0.0, (), (), tuple(ends)))
        for row in rows:
            top = max(top, row.metrics[study.metric]) if row.metrics else top
            best.append(top)


def row_of(trial: int, lane: int, epoch: int, curves: np.ndarray) -> Row:
    """Return what a recorded trial brought at an epoch."""
    value = float(curves[trial, epoch - 1])
    if np.isnan(value):
        return Row(trial, lane, epoch, {}, failure="diverged")
    return Row(trial, lane, epoch, {"val_accuracy": value}, finished=epoch == EPOCHS)


def epochs_to(best: np.ndarray, goal: float) -> float:
    """Return after how many epochs the best reaches a goal; infinity where it never does."""
    arrived = np.flatnonzero(best >= goal)
    return arrived[0] + 1.0 if len(arrived) else np.inf


def interval(values: np.ndarray, digits: int, statistic: str = "mean") -> str:
    """Return the mean or the median with its bootstrap interval."""
    rng = np.random.default_rng(0)
    picks = values[rng.integers(len(values), size=(2000, len(values)))]
    statistics = getattr(np, statistic)(picks, axis=1)
    # Of an even number of rounds, half of which never arrive, the median is neither: take a round's own number.
    low, high = np.quantile(statistics, (0.025, 0.975), method="nearest")
    return f"{getattr(np, statistic)(values):.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def main() -> None:
    """Print a markdown table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five rounds")
    rounds = 5 if parser.parse_args().quick else 100
    space = {"learning_rate": Float(0.01, 10, log=True), "l2": Float(0.01, 100, log=True)}
    studies = {
        name: Study(
            "pruning",
            model=MLPClassifier(hidden_layer_sizes=(30,), max_epochs=EPOCHS),
            space=space,
            data="digits",
            sampler="random",
            pruner=name,
            lanes=LANES,
        )
        for name in NAMES
    }
    start = time.perf_counter()
    data = load("digits")
    assert data.y_valid is not None, "digits come with a validation set"
    image = 1 / len(data.y_valid)
    curves = record(studies["none"], data)
    taken = time.perf_counter() - start
    print(f"recorded {POINTS} curves of {EPOCHS} epochs in {taken:.0f} s")
    print(f"best accuracy {np.nanmax(curves):.4f}, one image {image:.4f}")
    trained: dict[str, list[int]] = {name: [] for name in NAMES}
    reached: dict[str, list[float]] = {name: [] for name in NAMES}
    nearly: dict[str, list[float]] = {name: [] for name in NAMES}
    lost: dict[str, list[float]] = {name: [] for name in NAMES}
    wholes: dict[str, list[int]] = {name: [] for name in NAMES}
    for number in range(rounds):
        order = np.random.default_rng((0, number)).permutation(POINTS)[:TRIALS]
        goal = np.nanmax(curves[order])
        for name, study in studies.items():
            best, n_whole = replay(study, curves[order])
            trained[name].append(len(best))
            reached[name].append(epochs_to(best, goal))
            nearly[name].append(epochs_to(best, goal - 1.5 * image))  # half an image against rounding
            lost[name].append(100 * (goal - best[-1]))
            wholes[name].append(n_whole)
    print(f"\n{rounds} rounds of {TRIALS} trials in {LANES} lanes; epochs are summed over the lanes\n")
    print("| pruner | epochs in all | trained to the end | reaches the goal | epochs to it, median ", end="")
    print("| comes within an image | epochs to that, median | points lost |")
    print("|---|---|---|---|---|---|---|---|")
    for name in NAMES:
        cells = [f"{np.mean(trained[name]):.0f}", f"{np.mean(wholes[name]):.1f}"]
        for arrivals in (reached[name], nearly[name]):
            cells += [f"{100 * np.isfinite(arrivals).mean():.0f} %", interval(np.array(arrivals), 0, "median")]
        print(f"| {name} | {' | '.join(cells)} | {interval(np.array(lost[name]), 2)} |")


if __name__ == "__main__":
    main()
