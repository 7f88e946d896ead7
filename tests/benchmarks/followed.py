"""What becomes of advice that is followed: remedies for a trial, and proposals for the next search.

A remedy is followed by training the trial as it was and with the change. A proposal is followed by searching once more:
the search that got it was faulty on purpose, in one thing, and both searches have as many trials, spread evenly. Both
are paired by seed, five seeds each, of which none is one that the advice was given on; what is better by more than two
standard errors helped.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from labelled import GOOD_SETTINGS, IMAGES, problem, settings, trained
from scipy.special import stdtrit
from scipy.stats.qmc import Sobol

from hpsearch.judging.compared import diagnoses
from hpsearch.judging.proposal import Proposal, proposals
from hpsearch.judging.remedy import remedy
from hpsearch.log.history import History, Trial
from hpsearch.models.datasets.dataset import Dataset
from hpsearch.space import Dimension, Float

SEEDS, TRIALS, EPOCHS = 5, 12, 60

ADVISED = (0, 100)
"""Seeds of the searches that get advice."""


@dataclass(frozen=True)
class Followed:
    """An advice that was followed.

    Attributes:
        kind: What was the matter.
        text: What was advised.
        gain: What it brought, in points, the mean over the seeds.
        error: Its standard error.
    """

    kind: str
    text: str
    gain: float
    error: float

    @classmethod
    def of(cls, kind: str, text: str, before: list[float], after: list[float]) -> Followed:
        """Return what paired values, by seed, say."""
        pairs = [100 * (b - a) for a, b in zip(before, after, strict=True)]
        return cls(kind, text, statistics.fmean(pairs), statistics.stdev(pairs) / math.sqrt(len(pairs)))

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval of the mean, by Student's t."""
        return float(stdtrit(SEEDS - 1, 0.975)) * self.error

    @property
    def helped(self) -> bool:
        """Whether it did."""
        return self.gain > 2 * self.error

    @property
    def harmed(self) -> bool:
        """Whether it made things worse, as surely."""
        return self.gain < -2 * self.error


class Kept:
    """Numbers that are computed once, kept in a folder where there is one.

    Args:
        root: The folder, or None.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root

    def __call__(self, key: tuple[object, ...], compute: Callable[[], list[float]]) -> list[float]:
        """Return the numbers of a key."""
        if self._root is None:
            return compute()
        file = self._root / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.json"
        if not file.exists():
            self._root.mkdir(parents=True, exist_ok=True)
            numbers = compute()
            unfinished = file.with_suffix(".partial")
            unfinished.write_text(json.dumps(numbers))
            unfinished.replace(file)
        found: list[float] = json.loads(file.read_text())
        return found


def remedies(name: str, most: int, kept: Kept) -> list[Followed]:
    """Follow the remedies for a data set's trials, evenly picked where there are more than so many."""
    dataset, found = problem(name), list[tuple[Trial, str, dict[str, Any]]]()
    history = trained(name, dataset, [params for _, params in settings(name)])
    for trial, said in zip(history.trials, diagnoses(history).values(), strict=True):
        change = remedy(history, trial, said)
        if change is not None and change.params:
            found.append((trial, said.label, change.params))
    found = found[:: max(math.ceil(len(found) / most), 1)]
    given = [params for trial, _, change in found for params in (trial.params, {**trial.params, **change})]

    def values(seed: int) -> list[float]:
        return [value_of(trial) for trial in trained(name, dataset, given, seed).trials]

    by_seed = [kept((name, given, 1 + seed), partial(values, 1 + seed)) for seed in range(SEEDS)]
    return [
        Followed.of(
            label,
            f"{_short(trial.params)} with {_short(change)}",
            [seed[2 * i] for seed in by_seed],
            [seed[2 * i + 1] for seed in by_seed],
        )
        for i, (trial, label, change) in enumerate(found)
    ]


@dataclass(frozen=True)
class Search:
    """A search: what it searches, and the model's parameters."""

    space: Mapping[str, Dimension]
    params: Mapping[str, Any]

    def with_(self, proposal: Proposal) -> Search:
        """Return the search that a proposal is for."""
        longer = {} if proposal.epochs is None else {"max_epochs": proposal.epochs}
        return Search({**self.space, **proposal.dimensions}, {**self.params, **proposal.params, **longer})

    def run(self, name: str, dataset: Dataset, seed: int) -> History:
        """Return its trials: points spread evenly, the first of a scrambled Sobol sequence (the sampler `qmc`)."""
        unit = Sobol(len(self.space), rng=np.random.default_rng((zlib.crc32(name.encode()), seed))).random(16)[:TRIALS]
        given = [
            {key: placed(dim, place) for (key, dim), place in zip(self.space.items(), point, strict=True)}
            for point in unit
        ]
        return trained(name, dataset, given, seed, self.space, **self.params)


def faulty(name: str) -> Iterator[tuple[str, Search]]:
    """Yield searches that are wrong in one thing each, with what that is."""
    good = GOOD_SETTINGS[name]
    epochs = min(good.epochs, EPOCHS)
    rate = Float(good.rate / 5, good.rate * 2, log=True)
    decay = Float(good.l2 / 10, good.l2 * 3, log=True)
    own = {"max_epochs": epochs}
    yield "η too low", Search({"learning_rate": Float(good.rate / 500, good.rate / 20, log=True), "l2": decay}, own)
    high = good.rate * good.too_much
    yield "η too high", Search({"learning_rate": Float(high / 3, high * 20, log=True), "l2": decay}, own)
    yield "η too wide", Search({"learning_rate": Float(good.rate * 1e-4, good.rate * 1e4, log=True), "l2": decay}, own)
    yield "λ too high", Search({"learning_rate": rate, "l2": Float(good.l2 * 20, good.l2 * 2000, log=True)}, own)
    few = max(3, round(0.06 * epochs))
    yield "too few epochs", Search({"learning_rate": rate, "l2": decay}, {"max_epochs": few})
    yield "no λ", Search({"learning_rate": rate}, {"max_epochs": 3 * epochs, "l2": 0.0})
    if name in IMAGES:
        slow = {"weight_init": "gaussian", "cost": "quadratic", "max_epochs": max(5, epochs // 3)}
        yield "saturated at the start", Search({"learning_rate": rate, "l2": decay}, slow)


def searches(name: str, kept: Kept) -> Iterator[tuple[str, Followed | None]]:
    """Follow each `try:` line that a faulty search gets, from two seeds; yields the fault too where there is none."""
    dataset = problem(name)

    def reached(search: Search) -> list[float]:
        key = (name, sorted(search.space.items()), sorted(search.params.items()), TRIALS)
        return [
            kept((*key, 1 + seed), lambda: [best(search.run(name, dataset, 1 + seed))])[0]  # noqa: B023 - called at once
            for seed in range(SEEDS)
        ]

    for fault, search in faulty(name):
        for seed in ADVISED:
            given = proposals(search.run(name, dataset, seed))
            if not given:
                yield fault, None
            for proposal in given:
                yield fault, Followed.of(fault, proposal.text, reached(search), reached(search.with_(proposal)))


def placed(dim: Dimension, place: float) -> float:
    """Return the value of a range at a place between 0 and 1."""
    assert isinstance(dim, Float), "faulty searches search numbers"
    if dim.log:
        return float(dim.low * (dim.high / dim.low) ** place)
    return float(dim.low + (dim.high - dim.low) * place)


def best(history: History) -> float:
    """Return the best value of a search."""
    ranked = history.ranked()
    return value_of(ranked[0]) if ranked else 0.0


def value_of(trial: Trial) -> float:
    """Return a trial's value; 0, as good as guessing a mean, where it has none or one below that."""
    return max(trial.value or 0.0, 0.0)


def _short(params: Mapping[str, Any]) -> str:
    return " ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}" for name, value in params.items()
    )
