"""The preset for a table without a study file: a network, a space around it, and the study file that declares both."""

from __future__ import annotations

import re
from typing import Any

from hpsearch.models.datasets import Dataset
from hpsearch.study.table import Table

BATCH = 200
"""Rows in a mini-batch of the preset, or all rows of a training part that has fewer."""

TRIALS = 30

NETWORK = {
    "hidden_layer_sizes": (100,),
    "activation": "relu",
    "optimizer": "adam",
    "learning_rate": 0.001,
    "max_epochs": 200,
    "weight_init": "glorot",
}
"""ReLU, Adam with η = .001, one layer of 100, batches of 200, 200 epochs, no early stopping: level with scikit-learn's
default network on mixed tables, where held-out rows for early stopping cost more than they save. Glorot's rule starts a
wide layer over few columns with small weights; He's starts it √5 times larger at 25 columns, which 600 steps do not
unlearn: R² .85 instead of .92 on wage1, .945 instead of .958 on bwght (docs/tables.md)."""

CLASSIFIER = {"output": "softmax", "cost": "log_likelihood"}


def settings(n_train: int, *, classifies: bool) -> dict[str, Any]:
    """Return the preset's parameters of an MLPClassifier or an MLPRegressor.

    Args:
        n_train: Rows of the training part.
        classifies: Whether the target is one of classes.
    """
    batch = {"batch_size": BATCH if n_train >= BATCH else "all"}
    return {**NETWORK, **(CLASSIFIER if classifies else {}), **batch}


def name_of(dataset: Dataset, target: str | None) -> str:
    """Return what a study of a table is called: its file, and its target where that was named."""
    words = [dataset.name, *([target] if target else [])]
    safe = ["-".join(re.findall(r"[\w.]+", word)).strip(".-_") for word in words]
    return "-".join(word for word in safe if word) or "table"


def source(name: str, data: str, table: Table | None, dataset: Dataset) -> str:
    """Return a study file that searches the preset's network on some data.

    The preset itself is the first trial; the space around it is narrow enough for 30 trials.

    Args:
        name: The study's name.
        data: What was given as data: a name or a path.
        table: The table, where roles of columns were named.
        dataset: The data as they were read.
    """
    classifies, n = dataset.classes is not None, len(dataset.y_train)
    model = "MLPClassifier" if classifies else "MLPRegressor"
    params = settings(n, classifies=classifies)
    batches: list[Any] = [size for size in (32, 64, BATCH) if size < n] or ["all"]
    start = {
        "learning_rate": params["learning_rate"],
        "l2": 0.001,
        "dropout": 0.0,
        "hidden_layer_sizes": params["hidden_layer_sizes"],
        "batch_size": params["batch_size"] if params["batch_size"] in batches else batches[-1],
    }
    fixed = {name: value for name, value in params.items() if name not in start}
    remarks = "\n".join(f"# {line}" for line in dataset.said)
    data_argument = repr(data) if table is None else _table(data, table)
    imports = ["Choice", "Float", model, "Study", *(["Table"] if table is not None else [])]
    metric = "val_accuracy" if classifies else "val_r2"
    return f'''"""{name}: the preset for tables (docs/tables.md), and a search around it."""

from hpsearch import {", ".join(imports)}

{remarks}
study = Study(
    name={name!r},
    data={data_argument},
    model={model}({", ".join(f"{key}={value!r}" for key, value in fixed.items())}),
    space={{
        "learning_rate": Float(0.0003, 0.03, log=True),
        "l2": Float(0.001, 10.0, log=True),
        "dropout": Choice([0.0, 0.1, 0.25]),
        "hidden_layer_sizes": Choice([(50,), (100,), (200,), (100, 100)]),
        "batch_size": Choice({batches!r}),
    }},
    # The first trial is the preset itself.
    enqueue=[{start!r}],
    metric={metric!r},
    sampler="tpe",
    pruner="none",  # the first epochs of a small table say little about the last
    n_trials={TRIALS},
    seed=0,
)
'''


def _table(data: str, table: Table) -> str:
    described = {key: tuple(value) if isinstance(value, list) else value for key, value in table.to_json().items()}
    options = ", ".join(f"{key}={value!r}" for key, value in described.items() if key != "table")
    return f"Table({data!r}, {options})" if options else repr(data)
