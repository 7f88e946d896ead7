"""The random streams of everything that trains: entropies, tuples of integers with which NumPy seeds a generator.

Randomness has two owners. A trial owns that of its network: initial weights, dropout, an estimator's ``random_state``.
The clock owns the order of the samples, which trials that run side by side share. Where points are confirmed, the fresh
seed under which they are compared owns both. Every result depends on these numbers: they must never change.
"""

from __future__ import annotations

from hpsearch.log.records import Ask

Entropy = tuple[int, ...]

NETWORK, DATA, CONFIRM = 1, 2, 3
TRANSFORMERS = 3


def of_trial(seed: int, ask: Ask, *, by_seed: bool = False) -> Entropy:
    """Return the entropy of a trial's own randomness.

    Args:
        seed: The study's seed.
        ask: The trial.
        by_seed: Whether its repeat, a fresh seed, owns it, as where points are confirmed.
    """
    return (seed, CONFIRM, ask.stage, ask.repeat) if by_seed else (seed, NETWORK, ask.key)


def of_order(seed: int, ask: Ask, tick: int, epochs_done: int, *, by_seed: bool = False) -> Entropy:
    """Return the entropy of the order of the samples in an epoch.

    Args:
        seed: The study's seed.
        ask: A trial that is trained.
        tick: The tick, by which all trials of a stage and repeat share the order.
        epochs_done: Epochs that the trial has done, which take the tick's place where its seed owns the order.
        by_seed: Whether its seed owns the order, as where points are confirmed.
    """
    return (seed, CONFIRM, ask.stage, ask.repeat, epochs_done) if by_seed else (seed, DATA, ask.stage, ask.repeat, tick)


def of_parts(seed: int, stage: int, repeat: int) -> Entropy:
    """Return the entropy of growing parts of the training samples; the same for all trials."""
    return (seed, DATA, stage, repeat)


def of_transformers(seed: int) -> Entropy:
    """Return the entropy of the steps before an estimator: of the study's seed alone, as trials share these steps."""
    return (seed, TRANSFORMERS)


def of_function(seed: int, ask: Ask) -> Entropy:
    """Return the entropy that a user's function is given, one for each trial."""
    return (seed, ask.key)
