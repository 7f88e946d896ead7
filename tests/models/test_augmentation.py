import re

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from sklearn.datasets import load_digits

from hpsearch.models import MLPClassifier
from hpsearch.models.augmentation import AUGMENTATIONS, Augmentation, image_side
from hpsearch.models.training import augmented_images
from hpsearch.models.training.augmented_images import AugmentedImages, distort
from hpsearch.models.training.population import Member, Population, TrainingData, group_key


def images(n=40, side=9, seed=0):
    return np.random.default_rng(seed).random((n, side * side), np.float32)


def distorted(X, how, seed=0):
    out = np.empty_like(X)
    distort(X, how, image_side(X.shape[1]), np.random.default_rng(seed), out)
    return out


def test_an_elastic_field_is_scipys_gaussian_filter_of_uniform_noise_and_pixels_are_read_bilinearly():
    # The slow, obvious way: Simard's recipe image by image, with scipy.ndimage.
    side = 12
    how = Augmentation(elastic_sigma=1.7, elastic_alpha=8.0)
    X = images(5, side)
    noise = 2 * np.random.default_rng(3).random((2, 5, side, side), np.float32) - 1
    expected = []
    for i, image in enumerate(X.reshape(-1, side, side)):
        field = [8.0 * ndimage.gaussian_filter(noise[axis, i], 1.7, mode="constant") for axis in (0, 1)]
        positions = np.indices((side, side)) + field
        expected.append(ndimage.map_coordinates(image, positions, order=1, mode="grid-constant").ravel())
    np.testing.assert_allclose(distorted(X, how, 3), expected, atol=2e-5)


@pytest.mark.parametrize(
    ("how", "matrix"),
    [
        (Augmentation(rotation=30), lambda u: rotation(np.deg2rad(30 * u[0]))),
        (Augmentation(skew=0.5), lambda u: np.array([[1, 0], [0.5 * u[1], 1]])),
        (Augmentation(scale=0.3), lambda u: np.diag([1 + 0.3 * u[2], 1 + 0.3 * u[3]])),
        (Augmentation(translation=2), lambda u: np.eye(2)),
    ],
)
def test_affine_distortions_are_scipys_affine_transforms_about_the_middle(how, matrix):
    side = 11
    X = images(6, 11)
    draws = np.random.default_rng(5).uniform(-1, 1, (6, 6))
    middle = np.full(2, 5.0)
    expected = []
    for image, u in zip(X.reshape(-1, side, side), draws.T, strict=True):
        a = matrix(u)
        shift = middle - a @ middle + how.translation * u[4:]
        expected.append(ndimage.affine_transform(image, a, shift, order=1, mode="grid-constant").ravel())
    np.testing.assert_allclose(distorted(X, how, 5), expected, atol=2e-5)


def rotation(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


@examples(20)
@given(
    amounts=st.tuples(st.floats(0, 180), st.floats(0, 50), st.floats(0, 3), st.floats(0, 0.99), st.floats(0, 200)),
    side=st.integers(1, 13),
    dtype=st.sampled_from([np.float32, np.float64]),
)
def test_distorted_pixels_are_mixtures_of_pixels_and_background(amounts, side, dtype):
    X = images(7, side).astype(dtype) + 1
    how = Augmentation(*amounts[:4], elastic_sigma=1.0, elastic_alpha=amounts[4])
    out = distorted(X, how)
    assert out.dtype == dtype
    assert np.isfinite(out).all()
    assert out.min() >= 0
    assert out.max() <= X.max() * (1 + 1e-6)


def test_no_amounts_change_nothing():
    np.testing.assert_array_equal(distorted(images(), Augmentation()), images())


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_named_distortions_are_as_strong_on_small_images_as_on_large_ones(name):
    # A blob in the middle is moved by the same fraction of the side.
    moved = []
    for side in (14, 28, 56):
        at = np.indices((side, side)) - (side - 1) / 2
        blob = np.exp(-(at**2).sum(0) / (2 * (side / 8) ** 2)).astype(np.float32)
        out = distorted(np.tile(blob.ravel(), (800, 1)), AUGMENTATIONS[name](side))
        moved.append(np.abs(out - blob.ravel()).mean() / blob.mean())
    np.testing.assert_allclose(moved, moved[1], rtol=0.12)
    assert moved[1] > 0.05


def test_the_whole_block_and_part_of_a_block_are_distorted(monkeypatch):
    monkeypatch.setattr(augmented_images, "BLOCK_PIXELS", 3 * 81)
    X = np.tile(images(1), (8, 1))
    out = distorted(X, AUGMENTATIONS["elastic"](9))
    assert len(np.unique(out, axis=0)) == 8


def test_each_epoch_has_distortions_of_its_own_that_its_seed_gives():
    shared = AugmentedImages(images(), "elastic")
    first = shared.draw((0, 1)).copy()
    second = shared.draw((0, 2)).copy()
    assert not np.array_equal(first, second)
    assert shared.draw((0, 1)) is shared.images
    np.testing.assert_array_equal(shared.images, first)


def training_data(n=60):
    X, y = load_digits(return_X_y=True)
    return TrainingData.from_arrays(X[:n] / 16, y[:n], 10, X[n : 2 * n] / 16, y[n : 2 * n])


def states(params, n=2, neighbours=()):
    members = [Member({**params, **more}, (k,)) for k, more in enumerate([{}, *neighbours])]
    population = Population(members, training_data())
    for tick in range(n):
        population.run_epoch((9, tick))
    return population.states()[0]


@pytest.mark.parametrize(
    "how", ["affine_elastic", "elastic", Augmentation(rotation=5.0, elastic_alpha=2.0, elastic_sigma=1.0)]
)
def test_a_lane_beside_others_has_the_bits_that_it_has_alone(how):
    params = {"augmentation": how, "hidden_layer_sizes": (5,)}
    alone = states(params)
    beside = states(params, neighbours=[{"learning_rate": 0.1}, {"l2": 1.0}])
    plain = states({"hidden_layer_sizes": (5,)})
    for name in ("W0", "b0", "W1", "b1"):
        np.testing.assert_array_equal(alone[name], beside[name])
    assert not np.array_equal(alone["W0"], plain["W0"])


def test_populations_on_the_same_data_share_one_buffer_and_other_data_has_its_own():
    data = training_data()
    other = training_data()
    first, second = (Population([Member({"augmentation": "affine", "batch_size": b}, (0,))], data) for b in (5, 10))
    third = Population([Member({"augmentation": "affine"}, (0,))], other)
    first.run_epoch((1,))
    drawn = first._augmented.images.copy()
    third.run_epoch((2,))
    assert first._augmented is second._augmented is not third._augmented
    np.testing.assert_array_equal(first._augmented.images, drawn)


def test_lanes_with_different_distortions_do_not_train_in_one_population():
    data = training_data()
    keys = {group_key({"augmentation": a}, data) for a in (None, "affine", "elastic", Augmentation(rotation=1.0))}
    assert len(keys) == 4


def test_the_originals_and_the_validation_data_stay_as_they_are():
    data = training_data()
    before = data.X_train.copy(), data.X_valid.copy()
    Population([Member({"augmentation": "elastic"}, (0,))], data).run_epoch((0,))
    np.testing.assert_array_equal(data.X_train, before[0])
    np.testing.assert_array_equal(data.X_valid, before[1])


def test_augmentation_helps_where_data_is_scarce():
    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    train = order[:300]
    test = order[300:]
    params = {"hidden_layer_sizes": (60,), "max_epochs": 200, "random_state": 0}
    plain, affine, elastic = (
        MLPClassifier(augmentation=how, **params).fit(X[train] / 16, y[train]).score(X[test] / 16, y[test])
        for how in (None, "affine", "elastic")
    )
    assert affine > plain + 0.003
    assert elastic > plain + 0.003


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"augmentation": "elastik"}, "augmentation='elastik' is unknown (did you mean 'elastic'?)"),
        ({"augmentation": "zzz"}, "augmentation='zzz' is unknown (known: affine, affine_elastic, elastic)"),
        ({"augmentation": 3}, "augmentation=3 must be None, 'affine', 'elastic' or an Augmentation"),
        ({"augmentation": "affine", "image_shape": (4, 16)}, "image_shape=(4, 16) is not square"),
        (
            {"augmentation": "affine", "image_shape": (7, 7)},
            "X has 64 features, but image_shape=(7, 7) is expecting 49",
        ),
        ({"image_shape": 8}, "image_shape=8 must be two positive integers"),
        ({"image_shape": (8, 0)}, "image_shape=(8, 0) must be two positive integers"),
    ],
)
def test_bad_augmentations_are_refused_before_any_training(params, message):
    X, y = load_digits(return_X_y=True)
    with pytest.raises(ValueError, match=re.escape(message)):
        MLPClassifier(**params).fit(X, y)


def test_features_that_are_no_square_image_are_refused():
    with pytest.raises(ValueError, match="X has 63 features, which is no square: augmentation needs square images"):
        MLPClassifier(augmentation="affine").fit(np.zeros((4, 63)), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("amounts", "message"),
    [
        ({"rotation": -1.0}, "rotation=-1.0 must be a number ≥ 0"),
        ({"translation": float("nan")}, "translation=nan must be"),
        ({"skew": "1"}, "skew='1' must be"),
        ({"scale": 1.0}, "scale=1.0 must be below 1"),
        ({"elastic_sigma": 0.0}, "elastic_sigma=0 must be positive"),
    ],
)
def test_bad_amounts_are_refused(amounts, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**amounts)
