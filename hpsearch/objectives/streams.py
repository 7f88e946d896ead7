"""The random streams of everything that trains: entropies, as tuples of integers that NumPy seeds a generator with.

Randomness has two owners. A trial owns its network: initial weights, dropout, an estimator's ``random_state``. The
clock owns the order of the samples, which trials that run side by side share. Where points are confirmed, the seed that
they are compared under owns both. Every result depends on these numbers: they never change.
"""

from __future__ import annotations

from hpsearch.log.records import Ask

Entropy = tuple[int, ...]

NETWORK, DATA, CONFIRM = 1, 2, 3
TRANSFORMERS = 3


def of_trial(seed: int, ask: Ask, *, by_seed: bool = False) -> Entropy:
    """Return what a trial's own randomness comes from.

    Args:
        seed: The study's seed.
        ask: The trial.
        by_seed: Whether its repeat, a fresh seed, owns it, as where points are confirmed.
    """
    return (seed, CONFIRM, ask.stage, ask.repeat) if by_seed else (seed, NETWORK, ask.key)


def of_order(seed: int, ask: Ask, tick: int, done: int, *, by_seed: bool = False) -> Entropy:
    """Return what the order of the samples in an epoch comes from.

    Args:
        seed: The study's seed.
        ask: A trial that is trained.
        tick: The tick, by which all trials of a stage and repeat share the order.
        done: Epochs that the trial has done, by which it goes where its seed owns the order.
        by_seed: Whether it does.
    """
    return (seed, CONFIRM, ask.stage, ask.repeat, done) if by_seed else (seed, DATA, ask.stage, ask.repeat, tick)


def of_parts(seed: int, stage: int, repeat: int) -> Entropy:
    """Return what growing parts of the training samples come from; the same for all trials."""
    return (seed, DATA, stage, repeat)


def of_transformers(seed: int) -> Entropy:
    """Return what the steps before an estimator take theirs from: the study's seed alone, as trials share them."""
    return (seed, TRANSFORMERS)


def of_function(seed: int, ask: Ask) -> Entropy:
    """Return what a user's function is given: a stream per trial."""
    return (seed, ask.key)
