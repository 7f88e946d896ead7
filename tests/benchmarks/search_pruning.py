"""Where ASHA's rungs stand best in a search of some dozens of candidates, and how many candidates go side by side.

    python tests/benchmarks/search_pruning.py [--candidates 60] [--runs 25] [--kept build/search_pruning]

Random candidates are trained to their end, on five folds and on all rows with the held-out ones as a sixth: networks
for 20 epochs on digits, breast cancer and wine, SGDClassifier and HistGradientBoosting whole. Then searches are played
over these tables in random orders, by the rule of :class:`hpsearch.pruners.ASHA`: the cost is counted in whole
candidates, the winner is the best of those that were trained to their end. Printed are, as means over the tables,
differences to the same without pruning, in ten-thousandths: the winner's cross-validated and held-out score; what it
cost; and how many candidates were whole; for 50 candidates, and for the cost of 12 whole ones. In the last column: how
many times sooner a whole candidate was as good as the best of 30 random ones (median over runs, mean over tables).
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from search_tasks import data_sets, tasks
from sklearn.model_selection import StratifiedKFold, train_test_split

from hpsearch import StudySearchCV
from hpsearch.log.history import History
from hpsearch.pruners.asha import is_rung
from hpsearch.study.cross_validation import split_name

FOLDS, EPOCHS, BUDGET, TRIALS = 5, 20, 12, 50
KINDS = {"scaler + MLPClassifier": "epochs", "scaler + SGDClassifier": "folds", "HistGradientBoosting": "folds"}
RUNGS: dict[str, tuple[tuple[int, int] | None, ...]] = {
    "epochs": (None, (1, 4), (2, 2), (3, 3), (4, 3), (5, 2)),
    "folds": (None, (1, 4), (1, 2), (2, 2), (2, 3)),
}
"""First rung and reduction; None prunes nobody."""


@dataclass(frozen=True)
class Table:
    """Candidates that were trained to their end.

    Attributes:
        shown: What each had shown by each epoch, or fold, shape (n_candidates, n_epochs).
        held_out: What each scores on the held-out rows.
        last: Its cross-validated score if it is not stopped where it is best.
    """

    shown: Any
    held_out: Any
    last: Any


class Kept(StudySearchCV):
    """A search whose history is kept."""

    def _run(self, study: Any, dataset: Any) -> History:
        self.history_ = super()._run(study, dataset)
        return self.history_


def table(title: str, data: str, candidates: int, place: Path) -> Table:
    """Return a table, trained where it is not kept."""
    path = place / f"{title} {data} {candidates}.npy".replace(" ", "_")
    if not path.exists():
        task = tasks(EPOCHS)[title]
        X, y = data_sets(None)[data].load()
        train, test = train_test_split(np.arange(len(y)), test_size=0.3, stratify=y, random_state=0)
        folds = [(train[a], train[b]) for a, b in StratifiedKFold(FOLDS).split(X[train], y[train])]
        search = Kept(
            task.estimator,
            task.space,
            n_trials=candidates,
            pruner="none",
            sampler="random",
            random_state=0,
            cv=[*folds, (train, test)],
            refit=False,
        ).fit(X, y)
        metric = "val_accuracy" if KINDS[title] == "epochs" else "val_score"
        scores = np.zeros((candidates, EPOCHS, FOLDS + 1))
        for trial in search.history_.trials:
            for row in trial.rows:
                for fold in range(FOLDS + 1):
                    scores[trial.number, row.epoch - 1, fold] = row.metrics.get(split_name(fold, metric), 0.0)
        place.mkdir(parents=True, exist_ok=True)
        np.save(path, scores)
    scores = np.load(path)
    if KINDS[title] == "folds":
        each = np.array([np.diag(one) for one in scores[:, : FOLDS + 1]])  # fold k is what epoch k brought
        means = np.cumsum(each[:, :FOLDS], axis=1) / np.arange(1, FOLDS + 1)
        return Table(means, each[:, FOLDS], means[:, -1])
    means = scores[:, :, :FOLDS].mean(axis=2)
    return Table(
        np.maximum.accumulate(means, axis=1), scores[np.arange(candidates), means.argmax(axis=1), FOLDS], means[:, -1]
    )


def played(scores: Any, rungs: tuple[int, int] | None, lanes: int, trials: int) -> Iterator[tuple[int, int]]:
    """Yield the candidates that come to their end, each with the epochs that all have cost by then."""
    arrived: dict[int, list[tuple[float, int]]] = {}
    running: dict[int, int] = {}
    begun = cost = 0
    while True:
        while len(running) < lanes and begun < min(trials, len(scores)):
            running[begun] = 0
            begun += 1
        if not running:
            return
        for number in list(running):
            running[number] += 1
            cost += 1
            arrived.setdefault(running[number], []).append((-scores[number, running[number] - 1], number))
        for number, epoch in list(running.items()):
            if epoch == scores.shape[1]:
                yield number, cost
                del running[number]
            elif rungs is not None and is_rung(epoch, *rungs):
                rank = sorted(arrived[epoch]).index((-scores[number, epoch - 1], number))
                if rank >= max(len(arrived[epoch]) // rungs[1], 1):
                    del running[number]


def searched(
    table: Table, rungs: tuple[int, int] | None, lanes: int, trials: int, budget: float, seed: int
) -> list[float]:
    """Return the winner's two scores, what was spent in whole candidates, and how many were whole."""
    order = np.random.default_rng(seed).permutation(len(table.shown))
    scores = table.shown[order]
    epochs = table.shown.shape[1]
    ends = [(number, cost / epochs) for number, cost in played(scores, rungs, lanes, trials)]
    finished = [number for number, cost in ends if cost <= budget]
    if not finished:
        return [np.nan] * 4
    winner = max(finished, key=lambda number: (scores[number, -1], -number))
    return [scores[winner, -1], table.held_out[order][winner], min(ends[-1][1], budget), float(len(finished))]


def sooner(table: Table, rungs: tuple[int, int] | None, lanes: int, seed: int, candidates: int = 30) -> float:
    """Return how many times sooner a whole candidate is as good as the best of random ones without pruning."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(table.shown))
    others = rng.permutation(len(table.shown))[:candidates]
    target = table.last[others].max()
    scores = table.shown[order]
    hits = (cost for number, cost in played(scores, rungs, lanes, len(scores)) if scores[number, -1] >= target)
    return candidates * scores.shape[1] / next(hits, np.inf)


def main() -> None:
    """Train what is not kept, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=60)
    parser.add_argument("--runs", type=int, default=25)
    parser.add_argument("--kept", type=Path, default=Path("build/search_pruning"))
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    tables: dict[str, list[Table]] = {"epochs": [], "folds": []}
    for title, kind in KINDS.items():
        for data in ("digits", "breast cancer", "wine"):
            if data == "digits" and title == "HistGradientBoosting":
                continue  # a minute and more
            tables[kind].append(table(title, data, options.candidates, options.kept))
    for kind, tables_of_kind in tables.items():
        print(
            f"\nby {kind}; CV, held out, cost, whole\n\n| lanes | first rung, reduction | {TRIALS} candidates | "
            f"cost of {BUDGET} | sooner |\n|---|---|---|---|---|"
        )
        for lanes in (8, 4):
            base: list[Any] = []
            for rungs in RUNGS[kind]:
                cells = []
                for place, (trials, budget) in enumerate(((TRIALS, np.inf), (10**6, float(BUDGET)))):
                    runs = [
                        [searched(candidates, rungs, lanes, trials, budget, seed) for seed in range(options.runs)]
                        for candidates in tables_of_kind
                    ]
                    means = np.nanmean(np.array(runs), axis=1).mean(axis=0)
                    base += [means] if rungs is None else []
                    gain = 1e4 * (means - base[place])
                    cells.append(f"{gain[0]:+.0f}, {gain[1]:+.0f}, {means[2]:.1f}, {means[3]:.1f}")
                hits = [
                    np.median([sooner(candidates, rungs, lanes, seed) for seed in range(options.runs)])
                    for candidates in tables_of_kind
                ]
                name = "none" if rungs is None else f"{rungs[0]}, {rungs[1]}"
                print(f"| {lanes} | {name} | {cells[0]} | {cells[1]} | {np.mean(hits):.1f} |", flush=True)


if __name__ == "__main__":
    main()
