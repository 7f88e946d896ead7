"""How well each stage of a ladder ranks the points that the next one ranks: whether it is a shortcut to be trusted.

The points that both stages trained are the promoted ones and a few drawn at random beside them. What is measured is
Spearman's ρ between their ranks, and how many of the better third the stages have in common, each with a bootstrap
interval over the points. The points are few, and half of them were chosen for being good, so the intervals are wide.
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
"""With fewer points nothing is measured."""


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
        """What was measured, by name; values that are not finite are left out."""
        names = ("rho", "rho_low", "rho_high", "overlap", "overlap_low", "overlap_high")
        return {name: value for name in names if math.isfinite(value := getattr(self, name))}

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

    small = _losses(history, stage)
    large = _losses(history, stage + 1)
    shared = [point for point in small if point in large]
    if not shared:
        return None
    a = np.array([small[point] for point in shared])
    b = np.array([large[point] for point in shared])
    rng = np.random.default_rng((history.declaration.seed, stage))
    return _compare(stage, scale_text(scales(history)[stage]), a, b, rng)


def calibrate(history: History) -> list[Calibration]:
    """Return the calibration of every stage that the next one shares points with."""
    calibrations = (compare(history, stage) for stage in range(len(scales(history)) - 1))
    return [calibration for calibration in calibrations if calibration is not None]


def settled(history: History, stage: int) -> bool:
    """Return whether a stage's calibration is final: the next one has points of it, and all of them have ended."""
    stage_points = {trial.ask.point for trial in history.trials if trial.ask.stage == stage}
    shared = [trial for trial in history.trials if trial.ask.stage == stage + 1 and trial.ask.point in stage_points]
    return bool(shared) and all(trial.decision is not None for trial in shared)


def spearman(a: Array, b: Array) -> float:
    """Return Spearman's ρ of two arrays of shape (n,), ties at their mean rank; NaN where one is constant."""
    return float(_correlations(a[None], b[None])[0])


def overlap(a: Array, b: Array, k: int) -> float:
    """Return which fraction of the k lowest of a are among the k lowest of b; ties go to the lower index."""
    import numpy as np

    best_of_a = np.argsort(a, kind="stable")[:k]
    best_of_b = np.argsort(b, kind="stable")[:k]
    return len(np.intersect1d(best_of_a, best_of_b)) / k


def calibration_lines(history: History) -> list[str]:
    """Return the calibration in words, a line a stage and one more where it misleads."""
    return [line for calibration in calibrate(history) for line in tell(calibration)]


def tell(calibration: Calibration) -> list[str]:
    """Return the calibration of a stage in a line, and another where it misleads."""
    head = f"stage {calibration.stage} ({calibration.words}) against stage {calibration.stage + 1}:"
    if math.isnan(calibration.rho):
        return [f"{head} {calibration.points} points in common, too few or too equal to compare"]
    rho = f"ρ = {calibration.rho:.2f} [{calibration.rho_low:.2f}, {calibration.rho_high:.2f}]"
    share = f"{calibration.overlap:.0%} [{calibration.overlap_low:.0%}, {calibration.overlap_high:.0%}]"
    common = f"{share} of the best {calibration.k} in common (chance: {calibration.k / calibration.points:.0%})"
    lines = [f"{head} {rho}, {common}, {calibration.points} points"]
    if calibration.misleads:
        verb = "misleads" if calibration.surely_misleads else "may mislead"
        doubt = "" if calibration.surely_misleads else ", though with so few points it need not be so"
        lines.append(
            f"  this shortcut {verb} here: what ranks well with {calibration.words} need not rank well at the next "
            f"stage (ρ below {TRUSTED}{doubt}); make the stage larger or leave it out"
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
    batches = np.array_split(drawn, max(1, SAMPLES * n * n // PAIRS))
    rhos = np.concatenate([_correlations(a[batch], b[batch]) for batch in batches])
    rhos = rhos[np.isfinite(rhos)]  # a sample that drew one point only has no ranks
    overlaps = np.concatenate([_overlaps(a[batch], b[batch], k) for batch in batches])
    rho_low, rho_high = np.percentile(rhos, INTERVAL) if len(rhos) else (math.nan, math.nan)
    overlap_low, overlap_high = np.percentile(overlaps, INTERVAL)
    return Calibration(
        stage=stage,
        words=words,
        points=n,
        rho=spearman(a, b),
        rho_low=float(rho_low),
        rho_high=float(rho_high),
        k=k,
        overlap=overlap(a, b, k),
        overlap_low=float(overlap_low),
        overlap_high=float(overlap_high),
    )


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
