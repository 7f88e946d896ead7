"""A chain of layers in a study: dimensions within layers, conditional ones, chains by name; fused, resumed, kept."""

import numpy as np
import pytest

from hpsearch import (
    Choice,
    Conv2D,
    Dense,
    Dropout,
    Float,
    Int,
    MaxPool2D,
    NetworkClassifier,
    NetworkRegressor,
    Study,
    UserError,
)
from hpsearch.study.declaration import declare, identity

RNG = np.random.default_rng(0)
X = RNG.random((90, 36))
X[np.arange(90), np.arange(90) % 3] += 1
DATA = X, np.arange(90) % 3


def study(layers, space, model=NetworkClassifier, data=DATA, **options):
    arguments = {"sampler": "random", "pruner": "none", "n_trials": 4, "lanes": 4, **options}
    return Study("chains", model=model(layers, max_epochs=2), space=space, data=data, **arguments)


def run(declared, root):
    return declared.run(root=root, quiet=True, tracking=False)


def test_a_dimension_within_a_layer_is_a_dimension_of_the_space(tmp_path):
    declared = study([Conv2D(Int(2, 4), 3), MaxPool2D(2), Dense(Choice([5, 9])), Dropout(Float(0.1, 0.5))], {})
    assert list(declared.space) == ["layers__0__filters", "layers__2__units", "layers__3__rate"]
    assert declared.model.layers[0] == Conv2D(2, 3)
    result = run(declared, tmp_path)
    assert set(result.trials["state"]) == {"COMPLETE"}
    best = result.best_trial.params
    assert list(result.model.layers) == [
        Conv2D(best["layers__0__filters"], 3),
        MaxPool2D(2),
        Dense(best["layers__2__units"]),
        Dropout(best["layers__3__rate"]),
    ]
    assert result.model.predict(X).shape == (90,)


def test_dimensions_within_layers_have_conditions_and_join_those_of_the_space(tmp_path):
    layers = [Conv2D(3, 3, padding=Choice([0, 1], when={"learning_rate": 0.01})), MaxPool2D(2)]
    declared = study(layers, {"learning_rate": Choice([0.01, 0.1])})
    assert list(declared.space) == ["learning_rate", "layers__0__padding"]
    trials = run(declared, tmp_path).trials
    assert set(trials["state"]) == {"COMPLETE"}
    assert (trials["params.layers__0__padding"].isna() == (trials["params.learning_rate"] == 0.1)).all()


def test_whole_chains_are_options_by_name_with_dimensions_of_their_own(tmp_path):
    chains = {"wide": [Dense(12)], "deep": [Conv2D(3, 3), MaxPool2D(2), Dense(6)]}
    space = {
        "layers": Choice(chains),
        "layers__2__units": Int(4, 8, when={"layers": "deep"}),
        "l2": Float(0.01, 1, log=True),
    }
    declared = study([Dense(3)], space, n_trials=6)
    result = run(declared, tmp_path)
    assert set(result.trials["state"]) == {"COMPLETE"}
    assert set(result.trials["params.layers"]) == {"wide", "deep"}
    assert identity(declare(declared)) == identity(declare(study([Dense(3)], space, n_trials=6)))
    other = {**space, "layers": Choice({**chains, "wide": [Dense(13)]})}
    assert identity(declare(declared)) != identity(declare(study([Dense(3)], other, n_trials=6)))


def test_fused_lanes_and_single_ones_give_the_same_curves(tmp_path):
    space = {"learning_rate": Float(0.001, 0.1, log=True), "layers__1__rate": Float(0.1, 0.5)}
    runs = [run(study([Conv2D(3, 3), Dropout(0.2)], space, lanes=1, sampler="qmc"), tmp_path / str(n)) for n in (1, 2)]
    assert runs[0].curves.equals(runs[1].curves)


@pytest.mark.parametrize(
    ("layers", "space", "message"),
    [
        ([Conv2D(3, Int(3, 9))], {}, "layers__0__kernel_size=9"),
        ([Dense(3)], {"layers__0__filters": [1, 2]}, "has no parameter 'layers__0__filters'"),
        ([Dense(3)], {"layers": Choice({"a": [Dense(3)], "b": [Dense(0)]})}, "layers='b'"),
    ],
    ids=str,
)
def test_a_chain_that_cannot_be_built_is_named_before_the_first_trial(layers, space, message, tmp_path):
    with pytest.raises(UserError, match=message):
        run(study(layers, space), tmp_path)


def test_a_regressor_and_a_pipeline_train_fused(tmp_path):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler

    numbers = X, X[:, 0] * 2 - 1
    result = run(study([Dense(Int(4, 8))], {}, model=NetworkRegressor, data=numbers, metric="val_r2"), tmp_path / "r")
    assert isinstance(result.model, NetworkRegressor)
    pipeline = make_pipeline(MinMaxScaler(), NetworkClassifier([Conv2D(Int(2, 4), 3), MaxPool2D(2)], max_epochs=2))
    declared = Study("piped", model=pipeline, space={}, data=DATA, sampler="random", n_trials=2)
    assert list(declared.space) == ["networkclassifier__layers__0__filters"]
    assert set(run(declared, tmp_path / "p").trials["state"]) <= {"COMPLETE", "PRUNED"}
