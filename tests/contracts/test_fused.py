"""A network trained beside others has the bits that it has alone, whoever they are and whatever becomes of them."""

import io

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from optimizers import going_along

from hpsearch.models.activations import ACTIVATIONS
from hpsearch.models.costs import HEADS
from hpsearch.models.early_stopping import EARLY_STOPPING
from hpsearch.models.initializers import INITIALIZERS
from hpsearch.models.optimizers import OPTIMIZERS
from hpsearch.models.parameters import DEFAULTS
from hpsearch.models.schedules import SCHEDULES
from hpsearch.models.training import stacks, training_pass
from hpsearch.models.training.members import OWN_PARAMETERS
from hpsearch.models.training.population import Member, Population, group_key

BASE = {"hidden_layer_sizes": (7,), "batch_size": 5, "max_epochs": 3}
SHARED = [
    *({"optimizer": o} for o in OPTIMIZERS),
    *({"activation": a} for a in ACTIVATIONS),
    *({"output": o, "cost": c} for o, c in HEADS),
    *({"early_stopping": e, "patience": 1} for e in EARLY_STOPPING),
    *({"lr_schedule": s, "patience": 1} for s in SCHEDULES),
    *({"weight_init": w} for w in INITIALIZERS),
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": (6, 5)},
    {"dtype": "float64"},
    {"batch_size": 1},
    {"batch_size": "all"},
    {"batch_norm": True},
    {"batch_norm": True, "activation": "tanh", "hidden_layer_sizes": (6, 5), "batch_size": 2},
    {"dropout": 0.5, "hidden_layer_sizes": (6, 5)},
    {"input_dropout": 0.2},
    {"dropout": 0.3, "input_dropout": 0.1, "batch_norm": True, "optimizer": "adam"},
    {"exact_train_metrics": True},
    *({"optimizer": o, "l1": 0.3, "max_norm": 1.5} for o in OPTIMIZERS),
]
# What may differ from lane to lane: lane 1 overflows, lane 2 decays by a negative factor, lane 5 hardly moves.
OWN_PARAMS = [
    {"learning_rate": 0.5, "l2": 0.1, "l1": 0.2},
    {"learning_rate": 1e6, "l2": 1e3},
    {"learning_rate": 3.0, "l2": 30.0},
    {"learning_rate": 0.2, "l2": 0.0, "max_norm": 1.0},
    {"learning_rate": 1.0, "l2": 0.0, "weight_init": "gaussian"},
    {"learning_rate": 1e-9, "l2": 5.0},
    {"learning_rate": 1e5, "l2": 0.0},
]


def test_every_layer_is_in_a_network_of_this_table(not_built):
    assert not_built(SHARED) == set()


def member(k, shared):
    own = dict(OWN_PARAMS[k % len(OWN_PARAMS)])
    if OPTIMIZERS[shared.get("optimizer", "sgd")].momentum:
        own["momentum"] = (0.9, 0.0, 0.5)[k % 3]
    for name in {"dropout", "input_dropout"} & shared.keys():
        own[name] = shared[name] * (1 - 0.1 * (k % 4))
        shared = {key: value for key, value in shared.items() if key != name}
    return Member(going_along({"optimizer": "sgd", **BASE, **own, **shared}), (11, k))


def data_for(shared, toy):
    output = shared.get("output", "sigmoid")
    return toy(n=83, d=9, m=31, dtype=shared.get("dtype", "float32"), output=output)


def train(members, data, epochs):
    """Return, for each member, the results of its epochs and its last state."""
    population = Population(members, data)
    results = [population.run_epoch((8, tick)) for tick in range(epochs)]
    return list(zip(zip(*results, strict=True), population.states(), strict=True))


def bits(outcome):
    """Flatten an outcome into bytes: one NaN (whose sign the hardware chooses) equals another, and −0 is not 0."""
    results, state = outcome
    numbers = [same_nan(np.array(list(r.metrics.values()))) for r in results]
    flags = [(r.finished, r.failure) for r in results]
    return numbers, flags, {name: (str(v.dtype), v.shape, same_nan(v)) for name, v in state.items()}


def same_nan(array):
    return np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes()


@pytest.mark.parametrize("shared", SHARED, ids=str)
def test_fused_equals_alone(shared, toy):
    data = data_for(shared, toy)
    alone = [bits(train([member(k, shared)], data, 3)[0]) for k in range(16)]
    for lanes in (1, 3, 8, 16):
        together = train([member(k, shared) for k in range(lanes)], data, 3)
        for k in range(lanes):
            assert bits(together[k]) == alone[k], f"lane {k} of {lanes}"


@pytest.mark.parametrize("hidden", [30, 100])
@pytest.mark.parametrize("lanes", [3, 8, 16])
def test_fused_equals_alone_at_the_sizes_of_mnist(hidden, lanes, toy):
    data = toy(n=403, d=784, n_classes=10, m=120, dtype="float32")
    shared = {"hidden_layer_sizes": (hidden,), "batch_size": 10}
    together = train([member(k, shared) for k in range(lanes)], data, 2)
    for k in range(lanes):
        assert bits(together[k]) == bits(train([member(k, shared)], data, 2)[0])


@given(
    neighbour_params=st.lists(st.sampled_from(OWN_PARAMS), min_size=2, max_size=6),
    position=st.integers(0, 5),
    n=st.integers(5, 40),
)
@examples(12)
def test_neither_place_nor_neighbours_nor_sizes_matter(neighbour_params, position, n, toy):
    data = toy(n=n, d=4, dtype="float32")
    probe = Member({**BASE, "learning_rate": 0.7, "l2": 0.3}, (1, 2, 3))
    neighbours = [Member({**BASE, **o}, (4, k)) for k, o in enumerate(neighbour_params)]
    alone = bits(train([Member(probe.params, probe.seed)], data, 2)[0])
    position = min(position, len(neighbour_params))
    assert bits(train([*neighbours[:position], probe, *neighbours[position:]], data, 2)[position]) == alone


@pytest.mark.parametrize(
    "constant", [(stacks, "CHUNK_BYTES"), (training_pass, "SUPERBATCH_BYTES"), (training_pass, "SUPERBATCH_STEPS")]
)
@pytest.mark.parametrize(
    "shared", [{}, {"dropout": 0.4, "input_dropout": 0.2, "batch_norm": True, "optimizer": "adam"}]
)
def test_cache_blocking_is_invisible(constant, shared, toy, monkeypatch):
    data = toy(n=83, d=9, m=31, dtype="float32")
    before = [bits(outcome)[2] for outcome in train([member(k, shared) for k in range(8)], data, 2)]
    monkeypatch.setattr(*constant, 1)
    assert [bits(outcome)[2] for outcome in train([member(k, shared) for k in range(8)], data, 2)] == before


@pytest.mark.parametrize("shared", SHARED, ids=str)
def test_a_network_goes_on_from_a_saved_state_after_its_neighbours_have_left(shared, toy):
    data = data_for(shared, toy)
    alone = bits(train([member(3, shared)], data, 4)[0])

    members = [member(k, shared) for k in range(5)]
    population = Population(members, data)
    first_run = [population.run_epoch((8, tick))[3] for tick in range(2)]
    file = io.BytesIO()
    np.savez(file, **population.states()[3])
    file.seek(0)
    with np.load(file, allow_pickle=False) as saved:
        state = {name: saved[name] for name in saved.files}
    moved = Member(members[3].params, members[3].seed, members[3].epoch, state)
    others = Population([moved, member(9, shared)], data)
    second = [others.run_epoch((8, tick))[0] for tick in (2, 3)]
    assert bits(((*first_run, *second), others.states()[0])) == alone


@pytest.mark.parametrize("shared", SHARED, ids=str)
def test_a_population_takes_in_other_members_without_a_trace_of_the_former(shared, toy):
    data = data_for(shared, toy)
    population = Population([member(k, shared) for k in range(4)], data)
    population.run_epoch((8, 99))
    others = [member(k, shared) for k in (5, 2, 6, 0)]
    population.replace(others)
    results = [population.run_epoch((8, tick)) for tick in range(2)]
    got = list(zip(zip(*results, strict=True), population.states(), strict=True))
    for outcome, k in zip(got, (5, 2, 6, 0), strict=True):
        assert bits(outcome) == bits(train([member(k, shared)], data, 2)[0])
    with pytest.raises(ValueError, match="one group"):
        population.replace(others[:3])


def test_states_are_copies(toy):
    population = Population([member(0, {})], toy(dtype="float32"))
    state = population.states()[0]
    before = state["W0"].copy()
    population.run_epoch((0,))
    np.testing.assert_array_equal(state["W0"], before)
    assert not np.array_equal(population.states()[0]["W0"], before)


def test_only_members_of_one_group_share_a_population(toy):
    data = toy(dtype="float32")
    wide = {**BASE, "hidden_layer_sizes": (8,)}
    narrow = BASE
    assert group_key(wide, data) != group_key(narrow, data)
    assert group_key({**BASE, "learning_rate": 9.0, "l2": 1.0}, data) == group_key(BASE, data)
    with pytest.raises(ValueError, match="one group"):
        Population([Member(wide, (0,)), Member(narrow, (1,))], data)


def test_what_shapes_the_program_is_nobodys_own():
    shapes = {"hidden_layer_sizes", "activation", "output", "cost", "optimizer", "batch_norm", "augmentation", "dtype"}
    assert shapes | OWN_PARAMETERS <= DEFAULTS.keys()
    assert not shapes & OWN_PARAMETERS
