"""What no network can be built from is found before the first trial, and named."""

import re

import numpy as np
import pytest

from hpsearch import Choice, Conv2D, Dense, Float, GroupNorm, Int, MLPClassifier, NetworkClassifier, Study, UserError
from hpsearch.models.parameters import resolve_params

RNG = np.random.default_rng(0)
DATA = RNG.random((60, 4)), RNG.integers(2, size=60)


def study(space, model=None, **options):
    model = model or MLPClassifier((4,), max_epochs=2)
    return Study("combinations", model=model, space=space, data=DATA, sampler="random", n_trials=4, **options)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        (
            {"output": Choice(["sigmoid", "softmax"]), "cost": Choice(["cross_entropy", "quadratic"])},
            "output='softmax', cost='cross_entropy': output='softmax' does not go with",
        ),
        ({"optimizer": Choice(["sgd", "momentum"]), "momentum": Float(0, 0.9)}, "optimizer='sgd', momentum=0.9"),
        ({"batch_norm": Choice([False, True]), "batch_size": Int(1, 64)}, "batch_norm=True, batch_size=1"),
        (
            {"output": Choice(["softmax", "linear"]), "label_smoothing": Float(0, 0.2)},
            "output='linear', label_smoothing",
        ),
        (
            {"output": Choice(["softmax", "linear"]), "optimizer": Choice(["sgd", "hessian_free"])},
            "output='linear', optimizer='hessian_free': optimizer='hessian_free' needs a cost with curvature",
        ),
        ({"optimizer": Choice(["sgd", "hessian_free"]), "clip_norm": Float(0.1, 1)}, "optimizer='hessian_free'"),
        (
            {"l2": Float(0, 1), "learning_rate": Float(0.1, 1), "optimizer": Choice(["sgd", "lbfgs"])},
            "learning_rate=0.1, optimizer='lbfgs': learning_rate=0.1 does not go with optimizer='lbfgs'",
        ),
        ({"optimizer": Choice(["lbfgs", "adam"]), "batch_size": Choice([32, "all"])}, "batch_size=32"),
        ({"activation": Choice(["relu", "rleu"])}, "activation='rleu': activation='rleu' is unknown"),
        ({"l2": Float(-1, 1)}, "l2=-1.0"),
    ],
    ids=str,
)
def test_a_combination_that_cannot_be_built_is_refused_before_the_first_trial(space, message, tmp_path):
    with pytest.raises(UserError, match=re.escape(message)):
        study(space).run(root=tmp_path, quiet=True, tracking=False)
    assert not list(tmp_path.glob("studies/*/log.jsonl"))


@pytest.mark.parametrize(
    ("space", "options"),
    [
        ({"output": Choice(["sigmoid", "softmax", "tanh"])}, {}),
        ({"optimizer": Choice(["sgd", "adam"]), "momentum": Float(0, 0.9, when={"optimizer": "adam"})}, {}),
        (
            {
                "optimizer": Choice(["lbfgs", "adam"]),
                "l2": Float(0, 1),
                "learning_rate": Float(0.001, 0.1, log=True, when={"optimizer": "adam"}),
            },
            {},
        ),
        (
            {"batch_norm": Choice([False, True]), "batch_size": Int(1, 64)},
            {"constraints": [lambda p: p["batch_size"] > 1 or not p["batch_norm"]]},
        ),
    ],
    ids=["output", "when", "lbfgs", "constraint"],
)
def test_what_goes_together_trains(space, options, tmp_path):
    result = study(space, **options).run(root=tmp_path, quiet=True, tracking=False)
    assert set(result.trials["state"]) <= {"COMPLETE", "PRUNED"}


def test_of_a_list_of_points_only_those_are_looked_at(tmp_path):
    grids = [{"output": ["softmax"], "cost": ["log_likelihood"]}, {"output": ["sigmoid"], "cost": ["cross_entropy"]}]
    listed = Study("listed", model=MLPClassifier((4,), max_epochs=2), space=grids, data=DATA)
    assert len(listed.run(root=tmp_path, quiet=True, tracking=False).trials) == 2


def test_a_log_of_version_0_1_has_one_patience_for_both_rules():
    from hpsearch.log.records import Ask
    from hpsearch.objectives.base import Start
    from hpsearch.objectives.build import prepare
    from hpsearch.tables import door

    both = MLPClassifier((4,), max_epochs=2, early_stopping="patience", lr_schedule="plateau", patience=9)
    waits = {}
    for rule in (1, 2):
        declared = study({"output": Choice(["softmax"]), "cost": Choice(["cross_entropy"])} if rule == 1 else {}, both)
        dataset = door.load_as(DATA, both, None)
        objective = prepare(declared, dataset, rule).make(dataset)
        objective.start(Start(Ask(0, 0, {}, 0)))
        waits[rule] = resolve_params(objective._members[0].params)["lr_patience"]
    assert waits == {1: 9, 2: 3}


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([Conv2D(3, 3)], r"study 'table': model: .*filters of 3×3 do not fit into an image of 1×1 pixels"),
        (
            [Dense(8), GroupNorm(Choice([2, 3]))],
            r"with layers__1__groups=3: .*8 channels come in, which 3 groups do not divide",
        ),
    ],
    ids=["declared", "searched"],
)
def test_a_chain_that_does_not_suit_a_tables_columns_is_refused_before_the_first_trial(layers, message, tmp_path):
    rows = "".join(f"{i % 7},{'xy'[i % 2]},{i % 3 % 2}\n" for i in range(60))
    (tmp_path / "table.csv").write_text("number,word,label\n" + rows)
    model = NetworkClassifier(layers, max_epochs=1)
    table = Study("table", model=model, space={"l2": Float(0, 1)}, data=str(tmp_path / "table.csv"), n_trials=2)
    with pytest.raises(UserError, match=message):
        table.run(tmp_path / "runs", quiet=True, tracking=False)
    assert not (tmp_path / "runs" / "studies" / "table").exists()
