"""Networks in safetensors files: what is written comes back, and PyTorch reads the same network."""

import json

import numpy as np
import pytest
from chains import CHAINS
from docstrings import examples_of, failures
from sklearn.exceptions import NotFittedError

from hpsearch import (
    Conv2D,
    Dense,
    MLPClassifier,
    MLPRegressor,
    NetworkClassifier,
    NetworkRegressor,
    load_safetensors,
    save_safetensors,
)
from hpsearch.models.estimators import safetensors_file
from hpsearch.models.layers import BatchNorm, MaxPool2D

library = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed: it is an extra")

RNG = np.random.default_rng(0)
X = RNG.random((60, 64))
WORDS = np.array(["a", "b", "c"])[RNG.integers(3, size=60)]
SHARED = {"max_epochs": 2, "random_state": 0}

MODELS = {
    "dense": MLPClassifier((5, 4), activation="tanh", **SHARED),
    "batch norm, float64, averaged": MLPClassifier((5,), batch_norm=True, dtype="float64", ema=0.9, **SHARED),
    "regressor": MLPRegressor((5,), optimizer="momentum", **SHARED),
    "early stopping": MLPClassifier((4,), early_stopping="patience", **SHARED),
    "two targets": NetworkRegressor([Conv2D(3, 3), Dense(4)], **SHARED),
    **{
        name: NetworkClassifier(CHAINS[name], **SHARED)
        for name in ("spatial batch norm", "group norm", "layer norm", "residual", "no layers")
    },
}


def fitted(name):
    model = MODELS[name]
    if name == "two targets":
        return model.fit(X, X[:, :2])
    return model.fit(X, X[:, 0] if name == "regressor" else WORDS)


@pytest.mark.parametrize("name", MODELS)
def test_what_is_written_comes_back_and_predicts_the_same_bits(name, tmp_path):
    model = fitted(name)
    save_safetensors(model, tmp_path / "model.safetensors")
    loaded = load_safetensors(tmp_path / "model.safetensors")
    assert type(loaded) is type(model)
    assert repr(loaded) == repr(model)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    if hasattr(model, "predict_proba"):
        np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
        assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.history_ == model.history_
    loaded.partial_fit(X, model.predict(X)) if name != "early stopping" else None  # and can be trained further


def test_pytorch_reads_the_file_as_its_own(tmp_path):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: it is a peer to compare with, not a need")
    load_file = pytest.importorskip("safetensors.torch").load_file
    nn = torch.nn
    layers = [Conv2D(3, 3, activation="identity"), BatchNorm(), MaxPool2D(2), Dense(4)]
    model = NetworkClassifier(layers, **SHARED).fit(X, WORDS)
    theirs = nn.Sequential(
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(27, 4),
        nn.ReLU(),
        nn.Linear(4, 3),
    ).eval()
    save_safetensors(model, tmp_path / "model.safetensors", theirs.state_dict())
    theirs.load_state_dict(load_file(tmp_path / "model.safetensors"))
    with torch.no_grad():
        out = theirs(torch.from_numpy(X.astype(np.float32)).reshape(-1, 1, 8, 8)).softmax(1).numpy()
    np.testing.assert_allclose(model.predict_proba(X), out, atol=1e-5)


def test_a_file_of_others_gives_its_weights_to_a_network_of_the_same_layers(tmp_path):
    first, second = (MLPClassifier((5,), max_epochs=1, random_state=seed).fit(X, WORDS) for seed in (0, 1))
    arrays = {"l1.weight": first.coefs_[0].T, "l1.bias": first.intercepts_[0]}
    arrays |= {"l2.weight": first.coefs_[1].T, "l2.bias": first.intercepts_[1]}
    library.save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, tmp_path / "theirs")
    with pytest.raises(ValueError, match="does not say what network it is"):
        load_safetensors(tmp_path / "theirs")
    assert load_safetensors(tmp_path / "theirs", second) is second
    np.testing.assert_array_equal(second.predict_proba(X), first.predict_proba(X))


def test_the_order_of_layers_is_asked_for_where_names_do_not_tell_it(tmp_path):
    first, second = (MLPClassifier((5,), max_epochs=1, random_state=seed).fit(X, WORDS) for seed in (0, 1))
    names = ["inner.weight", "inner.bias", "after.weight", "after.bias"]
    save_safetensors(first, tmp_path / "ours", names)
    np.testing.assert_array_equal(load_safetensors(tmp_path / "ours").predict_proba(X), first.predict_proba(X))
    library.save_file(library.load_file(tmp_path / "ours"), tmp_path / "theirs")
    with pytest.raises(ValueError, match="does not say the order of its arrays: give names="):
        load_safetensors(tmp_path / "theirs", second)
    load_safetensors(tmp_path / "theirs", second, names)
    np.testing.assert_array_equal(second.predict_proba(X), first.predict_proba(X))
    with pytest.raises(ValueError, match=r"holds after\.bias, .*, not other"):
        load_safetensors(tmp_path / "theirs", second, ["other"])


def test_what_is_no_such_file_is_said_in_a_line(tmp_path):
    with pytest.raises(NotFittedError):
        save_safetensors(MLPClassifier(), tmp_path / "model")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(ValueError, match="is no safetensors file, or damaged"):
        load_safetensors(tmp_path / "text")
    with pytest.raises(FileNotFoundError):
        load_safetensors(tmp_path / "nothing")
    model = MLPClassifier((5,), max_epochs=1, random_state=0).fit(X, WORDS)
    with pytest.raises(ValueError, match="has 1 arrays"):
        save_safetensors(model, tmp_path / "model", ["weight"])
    save_safetensors(model, tmp_path / "model")
    arrays = library.load_file(tmp_path / "model")
    library.save_file(arrays, tmp_path / "other", {"hpsearch": "{}"})
    with pytest.raises(ValueError, match="other' is a damaged model"):
        load_safetensors(tmp_path / "other")
    header = {"hpsearch": _metadata(tmp_path / "model")}
    library.save_file({**arrays, "0.bias": np.full_like(arrays["0.bias"], np.nan)}, tmp_path / "nan", header)
    with pytest.raises(ValueError, match="holds NaN or an infinity"):
        load_safetensors(tmp_path / "nan")
    library.save_file({**arrays, "0.bias": np.zeros(7, np.float32)}, tmp_path / "wide", header)
    with pytest.raises(ValueError, match=r"0.bias has shape \(7,\); here it is \(5,\)"):
        load_safetensors(tmp_path / "wide")


def _metadata(path):
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()["hpsearch"]
    assert json.loads(metadata)["class"] == "MLPClassifier"
    return metadata


def test_the_examples_give_what_they_show():
    tests = examples_of(safetensors_file)
    assert tests
    assert not list(failures(tests))
