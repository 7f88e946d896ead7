import io
import json
import re

import numpy as np
import pytest
from optimizers import going_along
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from hpsearch import models
from hpsearch.models import Augmentation, MLPClassifier, MLPRegressor
from hpsearch.models.optimizers import OPTIMIZERS


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:200] / 16, y[:200]


MODELS = [
    MLPClassifier(),
    MLPClassifier(hidden_layer_sizes=()),
    MLPClassifier(
        hidden_layer_sizes=[7, 5], output="softmax", cost="log_likelihood", activation="relu", dtype="float64"
    ),
    MLPClassifier(batch_norm=True, dropout=0.2, input_dropout=0.1, max_norm=2.0, l1=0.1, augmentation="elastic"),
    MLPClassifier(early_stopping="growing", lr_schedule="plateau", patience=2, learning_rate=np.float64(0.25)),
    MLPClassifier(augmentation=Augmentation(rotation=3.0), image_shape=(8, 8), class_weight={3: 2.0}),
    MLPClassifier(random_state=np.random.RandomState(3), batch_size="all"),
    *(MLPRegressor(**going_along({"optimizer": name, "lr_schedule": "cosine"})) for name in OPTIMIZERS),
]


def fitted(model, digits):
    params = {} if model.random_state is not None else {"random_state": 0}
    return model.set_params(max_epochs=3, **params).fit(*digits)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: str(model).partition(" at 0x")[0])
def test_a_loaded_model_is_the_saved_one_bit_for_bit(model, digits, tmp_path):
    X = digits[0]
    model = fitted(model, digits)
    model.save(tmp_path / "model.npz")
    loaded = models.load(tmp_path / "model.npz")
    assert type(loaded) is type(model)
    for name, value in model.get_params().items():
        if isinstance(value, np.random.RandomState):
            assert loaded.random_state.randint(2**31) == value.randint(2**31)
        else:
            assert getattr(loaded, name) == value
            assert type(getattr(loaded, name)) is (float if isinstance(value, np.floating) else type(value))
    assert loaded.history_ == model.history_
    assert (loaded.n_iter_, loaded.best_epoch_) == (model.n_iter_, model.best_epoch_)
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for ours, theirs in zip(loaded.coefs_ + loaded.intercepts_, model.coefs_ + model.intercepts_, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_loaded_model_trains_on_where_the_saved_one_stopped(optimizer, digits, tmp_path):
    model = fitted(MLPClassifier(**going_along({"optimizer": optimizer, "dropout": 0.1})), digits)
    model.save(tmp_path / "model.npz")
    loaded = models.load(tmp_path / "model.npz")
    for estimator in (model, loaded):
        estimator.partial_fit(*digits)
    np.testing.assert_array_equal(loaded.predict_proba(digits[0]), model.predict_proba(digits[0]))


def test_labels_that_are_words_several_labels_and_names_of_features_survive(digits, tmp_path):
    import pandas as pd

    X, y = digits
    words = np.array([f"d{digit}" for digit in y], dtype=object)
    table = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    several = (y[:, None] % np.array([2, 3])) == 0
    for data, target in ((table, words), (X, words.astype(str)), (X, several.astype(int)), (X, y > 4)):
        model = MLPClassifier(max_epochs=2, random_state=0).fit(data, target)
        model.save(tmp_path / "model.npz")
        loaded = models.load(tmp_path / "model.npz")
        assert loaded.classes_.dtype == model.classes_.dtype
        np.testing.assert_array_equal(loaded.predict(data), model.predict(data))
        assert getattr(loaded, "feature_names_in_", [None])[0] == getattr(model, "feature_names_in_", [None])[0]


def test_a_file_needs_no_pickle_and_keeps_the_name_it_is_given(digits, tmp_path):
    path = tmp_path / "model"
    fitted(MLPClassifier(), digits).save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    with np.load(path, allow_pickle=False) as archive:
        header = json.loads(archive["header"].tobytes())
        assert {archive[name].dtype.kind for name in archive.files} <= set("fiuU")
    assert header["format"] == "hpsearch-model"
    assert header["version"] == 1


def test_a_save_that_fails_leaves_the_old_file_alone(digits, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    model = fitted(MLPClassifier(), digits)
    model.save(path)
    before = path.read_bytes()

    def full(*args, **kwargs):
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OSError, match="No space left"):
        model.save(path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_what_is_not_fitted_or_not_plain_is_not_saved(digits, tmp_path):
    with pytest.raises(NotFittedError):
        MLPClassifier().save(tmp_path / "model.npz")

    class Mine(MLPClassifier):
        pass

    with pytest.raises(ValueError, match="Mine cannot be saved"):
        fitted(Mine(), digits).save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def rewritten(path, change):
    """Change the header and the arrays of a saved model."""
    with np.load(path) as archive:
        arrays = {name: archive[name] for name in archive.files}
    header = json.loads(arrays["header"].tobytes())
    change(header, arrays)
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(path, **arrays)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, a: h.update(version=2), "has version 2 of the format; this hpsearch reads 1"),
        (lambda h, a: h.update(format="x"), "is no model that hpsearch saved"),
        (lambda h, a: h.update({"class": "Evil"}), "damaged model: 'Evil'"),
        (lambda h, a: h["params"].update(l2=-1), "damaged model: l2=-1 must be"),
        (
            lambda h, a: h["params"].update(hidden_layer_sizes={"tuple": [31]}),
            "W0 is float32(30, 64), not float32(31, 64)",
        ),
        (lambda h, a: h["params"].update(l2={"odd": 1}), "a parameter is written as {'odd': 1}"),
        (lambda h, a: h["params"].update(unheard_of=1), "unheard_of"),
        (lambda h, a: h["fitted"].update(n_iter_="3"), "n_iter_='3' is no int"),
        (lambda h, a: h["fitted"].pop("_seed"), "_seed"),
        (lambda h, a: a.pop("state.b1"), "its arrays are"),
        (lambda h, a: a.update({"state.W9": np.ones(3)}), "its arrays are"),
        (
            lambda h, a: a.update({"state.W0": a["state.W0"].astype(float)}),
            "W0 is float64(30, 64), not float32(30, 64)",
        ),
        (lambda h, a: a.update({"state.W0": a["state.W0"] * np.nan}), "W0 is not finite"),
        (lambda h, a: a.update(classes_=a["classes_"][:3]), "W1 is float32(10, 30), not float32(3, 30)"),
    ],
)
def test_a_changed_file_is_refused_with_what_is_wrong(change, message, digits, tmp_path):
    path = tmp_path / "model.npz"
    fitted(MLPClassifier(), digits).save(path)
    rewritten(path, change)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        models.load(path)
    assert "model.npz" in str(caught.value)


def test_a_cut_or_foreign_file_is_refused(digits, tmp_path):
    path = tmp_path / "model.npz"
    fitted(MLPClassifier(), digits).save(path)
    whole = path.read_bytes()
    foreign = io.BytesIO()
    np.savez(foreign, a=np.ones(3))
    broken = bytearray(whole)
    broken[whole.index(b"state.W0") + 400] ^= 1
    for content in (whole[: len(whole) // 2], b"", b"not a model", foreign.getvalue(), bytes(broken)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="model"):
            models.load(path)
    with pytest.raises(FileNotFoundError):
        models.load(tmp_path / "nowhere.npz")


def test_a_pickle_inside_is_not_opened(digits, tmp_path):
    path = tmp_path / "model.npz"
    fitted(MLPClassifier(), digits).save(path)
    rewritten(path, lambda h, a: a.update(classes_=np.array([{}], dtype=object)))
    with pytest.raises(ValueError, match="is no model, or damaged"):
        models.load(path)
