"""Is the shortcut to be trusted? How well each stage of a ladder ranks what the next one ranks.

The points that both stages trained are the promoted ones and a few drawn at random beside them. Spearman's ρ between
their ranks, and how many of the better third the stages have in common, each with a bootstrap interval over the points.
The points are few and half of them were chosen for being good, so intervals are wide: that is what is known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from hpsearch.log.history import History
from hpsearch.log.stages import scales
from hpsearch.study.scaling import scale_text

if TYPE_CHECKING:  # imported where it is used: looking at a study without stages needs no NumPy
    import numpy as np
    from numpy.typing import NDArray

    Array: TypeAlias = NDArray[np.float64]

TRUSTED = 0.5
"""A stage whose ρ is below this misleads."""

SAMPLES = 1_000
"""Bootstrap samples."""

PAIRS = 2_000_000
"""Pairs of points that are compared at a time: this bounds the memory."""

INTERVAL = (2.5, 97.5)
"""Percentiles."""

FEWEST = 4
"""With fewer points nothing is said."""


@dataclass(frozen=True)
class Calibration:
    """How a stage ranks in comparison with the next.

    Attributes:
        stage: The stage; the other is ``stage + 1``.
        words: What it is.
        points: How many points both trained.
        rho: Spearman's ρ, or NaN where one stage ranks all of them equal or there are too few.
        rho_low: Lower end of its interval.
        rho_high: Upper end.
        k: How many points are the better third.
        overlap: Which fraction of them the stages have in common; chance alone gives k/points.
        overlap_low: Lower end of its interval.
        overlap_high: Upper end.
    """

    stage: int
    words: str
    points: int
    rho: float
    rho_low: float
    rho_high: float
    k: int
    overlap: float
    overlap_low: float
    overlap_high: float

    @property
    def numbers(self) -> dict[str, float]:
        """What was measured, by name, where it is a number."""
        named = ("rho", "rho_low", "rho_high", "overlap", "overlap_low", "overlap_high")
        return {name: value for name in named if math.isfinite(value := getattr(self, name))}

    @property
    def misleads(self) -> bool:
        """Whether what was measured speaks against the shortcut."""
        return self.rho < TRUSTED

    @property
    def surely_misleads(self) -> bool:
        """Whether it does so whichever points had been drawn: the whole interval is below the threshold."""
        return self.rho_high < TRUSTED


def compare(history: History, stage: int) -> Calibration | None:
    """Return the calibration of one stage, or None where the next one shares no points with it yet."""
    import numpy as np

    small, large = _losses(history, stage), _losses(history, stage + 1)
    shared = [point for point in small if point in large]
    if not shared:
        return None
    a, b = np.array([small[p] for p in shared]), np.array([large[p] for p in shared])
    rng = np.random.default_rng((history.declaration.seed, stage))
    return _compare(stage, scale_text(scales(history)[stage]), a, b, rng)


def calibrate(history: History) -> list[Calibration]:
    """Return the calibration of every stage that the next one shares points with."""
    calibrations = (compare(history, stage) for stage in range(len(scales(history)) - 1))
    return [calibration for calibration in calibrations if calibration is not None]


def settled(history: History, stage: int) -> bool:
    """Return whether a stage's calibration is final: the next one has points of it, and all of them have ended."""
    own = {trial.ask.point for trial in history.trials if trial.ask.stage == stage}
    shared = [trial for trial in history.trials if trial.ask.stage == stage + 1 and trial.ask.point in own]
    return bool(shared) and all(trial.decision is not None for trial in shared)


def spearman(a: Array, b: Array) -> float:
    """Return Spearman's ρ of two arrays of shape (n,), ties at their mean rank; NaN where one is constant."""
    return float(_correlations(a[None], b[None])[0])


def overlap(a: Array, b: Array, k: int) -> float:
    """Return which fraction of the k lowest of a are among the k lowest of b; ties go to the lower index."""
    import numpy as np

    best_of_a, best_of_b = np.argsort(a, kind="stable")[:k], np.argsort(b, kind="stable")[:k]
    return len(np.intersect1d(best_of_a, best_of_b)) / k


def calibration_lines(history: History) -> list[str]:
    """Return the calibration in words, a line a stage and one more where it misleads."""
    return [line for calibration in calibrate(history) for line in tell(calibration)]


def tell(measured: Calibration) -> list[str]:
    """Return the calibration of a stage in a line, and another where it misleads."""
    head = f"stage {measured.stage} ({measured.words}) against stage {measured.stage + 1}:"
    if math.isnan(measured.rho):
        return [f"{head} {measured.points} points in common, too few or too equal to compare"]
    rho = f"ρ = {measured.rho:.2f} [{measured.rho_low:.2f}, {measured.rho_high:.2f}]"
    share = f"{measured.overlap:.0%} [{measured.overlap_low:.0%}, {measured.overlap_high:.0%}]"
    common = f"{share} of the best {measured.k} in common (chance: {measured.k / measured.points:.0%})"
    lines = [f"{head} {rho}, {common}, {measured.points} points"]
    if measured.misleads:
        verb, doubt = ("may mislead", ", though with so few points it need not be so")
        if measured.surely_misleads:
            verb, doubt = "misleads", ""
        lines.append(
            f"  this shortcut {verb} here: what ranks well with {measured.words} need not rank well at the next stage "
            f"(ρ below {TRUSTED}{doubt}); make the stage larger or leave it out"
        )
    return lines


def _losses(history: History, stage: int) -> dict[int, float]:
    """Return each point's mean best value at a stage, turned so that smaller is better; failed ones are the worst."""
    values: dict[int, list[float]] = {}
    for trial in history.trials:
        if trial.ask.stage == stage and trial.decision is not None:
            bad = trial.state == "FAILED" or trial.value is None
            loss = math.inf if bad or trial.value is None else history.goal.loss(trial.value)
            values.setdefault(trial.ask.point, []).append(loss)
    return {point: sum(losses) / len(losses) for point, losses in values.items()}


def _compare(stage: int, words: str, a: Array, b: Array, rng: np.random.Generator) -> Calibration:
    import numpy as np

    n = len(a)
    k = max(1, round(n / 3))
    if n < FEWEST:
        return Calibration(stage, words, n, math.nan, math.nan, math.nan, k, math.nan, math.nan, math.nan)
    drawn = rng.integers(n, size=(SAMPLES, n))
    parts = np.array_split(drawn, max(1, SAMPLES * n * n // PAIRS))
    rhos = np.concatenate([_correlations(a[part], b[part]) for part in parts])
    rhos = rhos[np.isfinite(rhos)]  # a sample that drew one point only has no ranks
    overlaps = np.concatenate([_overlaps(a[part], b[part], k) for part in parts])
    low, high = np.percentile(rhos, INTERVAL) if len(rhos) else (math.nan, math.nan)
    o_low, o_high = np.percentile(overlaps, INTERVAL)
    ends = (float(low), float(high))
    return Calibration(stage, words, n, spearman(a, b), *ends, k, overlap(a, b, k), float(o_low), float(o_high))


def _ranks(values: Array) -> Array:
    """Return ranks from 1 along the last axis, ties at their mean rank."""
    from scipy.stats import rankdata  # slow to import

    ranks: Array = rankdata(values, axis=-1)
    return ranks


def _correlations(a: Array, b: Array) -> Array:
    """Return Spearman's ρ of each row of two arrays of shape (m, n), shape (m,); NaN where one is constant."""
    import numpy as np

    x, y = _ranks(a), _ranks(b)
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    scale = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    rhos: Array = np.where(scale > 0, (x * y).sum(-1) / np.where(scale > 0, scale, 1.0), np.nan)
    return rhos


def _overlaps(a: Array, b: Array, k: int) -> Array:
    """Return :func:`overlap` of each row of two arrays of shape (m, n), shape (m,)."""
    import numpy as np

    best_of_a, best_of_b = (np.argsort(values, axis=-1, kind="stable")[:, :k] for values in (a, b))
    shared: Array = (best_of_a[:, :, None] == best_of_b[:, None, :]).any(-1).mean(-1)
    return shared
