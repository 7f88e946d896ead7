"""An honest winner: the best points of a search trained again with fresh seeds, and the best of them on the test set.

The best value that a search saw is the largest of many noisy ones, so it promises too much. Fresh seeds say by how much
(the optimism), and whether the winner can be told from the runner-up: seed for seed, both had the same initial weights
and the same order of the samples, so that a paired test compares them (Student's t on the differences).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Any

from hpsearch.judging import student
from hpsearch.log.history import History, Trial
from hpsearch.log.spread import Spread as Spread
from hpsearch.log.stages import full_epochs
from hpsearch.study.declared import Declaration

SIGNIFICANT = 0.05
"""Two points are told apart where the p-value of the paired test is below this."""


@dataclass(frozen=True)
class Candidate:
    """A point that was confirmed.

    Attributes:
        point: Its number.
        params: Its hyper-parameters.
        seen: The value that the search saw of it, the mean of its repeats.
        by_seed: What each fresh seed's trial reached, its best epoch; a failed one has none.
        failed: Fresh seeds with which it failed.
    """

    point: int
    params: dict[str, Any]
    seen: float
    by_seed: dict[int, float]
    failed: int

    @property
    def is_random(self) -> bool:
        """Whether its value depends on the seed at all."""
        return len(set(self.by_seed.values())) > 1

    @property
    def confirmed(self) -> Spread:
        """Its values, by seed."""
        return Spread(tuple(self.by_seed[seed] for seed in sorted(self.by_seed)))


@dataclass(frozen=True)
class Verdict:
    """What confirmation found.

    Attributes:
        candidates: Best first by mean; those that failed with a seed after those that never did.
        optimism: By how much the value that the search saw of the winner beats its confirmed mean.
        p_value: The p-value of the paired test between winner and runner-up, or None where there are fewer than two
            pairs, or no randomness.
        difference: Mean of (winner − runner-up) over the seeds, more being better, or None.
        test: Metrics on the test set by name, each at the winner's best validation epoch; empty before the test stage.
    """

    candidates: tuple[Candidate, ...]
    optimism: float
    p_value: float | None
    difference: float | None
    test: dict[str, Spread]

    @property
    def winner(self) -> Candidate:
        """The best by mean."""
        return self.candidates[0]

    @property
    def distinguishable(self) -> bool:
        """Whether the winner can be told from the runner-up; True where there is no runner-up."""
        return self.p_value is None or self.p_value < SIGNIFICANT


def candidates(history: History) -> list[Trial]:
    """Return the best trial of each point that is to be confirmed, best point first; none where none was asked for.

    A point that was trained several times (``repeats``) goes by the mean of its trials; see
    :mod:`hpsearch.log.points`. Points whose confirmation has begun stay, whatever would be chosen now.
    """
    if not history.declaration.confirm:
        return []
    begun = {trial.ask.point for trial in history.trials if trial.ask.stage == history.roles.confirm}
    chosen: list[tuple[bool, Trial]] = []
    for point in history.points():
        begun_trials = [trial for trial in point.trials if trial.ask.point in begun]
        chosen.append((not begun_trials, (begun_trials or point.trials)[0]))
    distinct: list[Trial] = []
    for _, trial in sorted(chosen, key=lambda candidate: candidate[0]):
        if len(distinct) < history.declaration.confirm_top and all(trial.params != other.params for other in distinct):
            distinct.append(trial)
    return distinct


def seen_of(history: History, trial: Trial) -> float:
    """Return what the search saw of a trial's point: the mean over the trials that count for it."""
    return next(p.mean for p in history.points() if any(counted is trial for counted in p.trials))


def winner(history: History) -> Trial | None:
    """Return the trial whose model is the study's: what ``best_trial`` gives.

    It is the best trial of the search; where points are repeated, the best one of the point with the best mean. Where
    points were confirmed with fresh seeds, it is of the trials that the winning point was tested with (or else
    confirmed) the one that is best on the validation set.
    """
    outcome = verdict(history)
    if outcome is None:
        return history.best
    for stage in (history.roles.test, history.roles.confirm):
        if trials := [trial for trial in history.ranked_at(stage) if trial.ask.point == outcome.winner.point]:
            return trials[0]
    return history.best


def tests(history: History) -> bool:
    """Return whether the winner is to be measured on the test set: there are one and a model."""
    sizes = (history.header.dataset.get("sizes") or {}) if history.header else {}
    return bool(history.declaration.model and sizes.get("test"))


def verdict(history: History) -> Verdict | None:
    """Return what confirmation found, or None while it has not trained all that it needs to."""
    chosen = candidates(history)
    seeds = history.declaration.confirm
    if not chosen:
        return None
    trial_of = _by_seed(history, history.roles.confirm)
    confirmed = []
    for trial in chosen:
        by_seed = [trial_of.get((trial.ask.point, seed)) for seed in range(seeds)]
        if any(confirming is None or confirming.decision is None for confirming in by_seed):
            return None
        values = {
            seed: confirming.value
            for seed, confirming in enumerate(by_seed)
            if confirming is not None and confirming.state != "FAILED" and confirming.value is not None
        }
        confirmed.append(Candidate(trial.ask.point, trial.params, seen_of(history, trial), values, seeds - len(values)))
    confirmed = [candidate for candidate in confirmed if candidate.by_seed]
    if not confirmed:
        return None
    goal = history.goal

    def rank(candidate: Candidate) -> tuple[int, float, int]:
        return candidate.failed, goal.loss(candidate.confirmed.mean), candidate.point

    ordered = tuple(sorted(confirmed, key=rank))
    winner = ordered[0]
    p_value = None
    difference = None
    if len(ordered) > 1:
        rival = ordered[1].by_seed
        pairs = [goal.loss(rival[s]) - goal.loss(value) for s, value in winner.by_seed.items() if s in rival]
        if len(pairs) > 1:
            difference = statistics.fmean(pairs)
            p_value = student.paired_test(pairs)[1] if ordered[0].is_random or ordered[1].is_random else None
    optimism = goal.loss(winner.confirmed.mean) - goal.loss(winner.seen)
    return Verdict(ordered, optimism, p_value, difference, _test(history, winner.point, history.roles.test))


def most_trials(declaration: Declaration, search: int | None) -> int | None:
    """Return how many trials a study has at most: those of its search, and those that confirm and test."""
    if search is None or not declaration.confirm:
        return search
    return search + declaration.confirm * (declaration.confirm_top + 1)


def expected(history: History, most: int | None) -> int | None:
    """Return how many trials a study has in all, as far as can be said now.

    Args:
        history: The study.
        most: How many it has at most, or None where there is no end.
    """
    declared = history.declaration
    seeds, searches = declared.confirm, history.roles.searches
    if most is None or not seeds:
        return most
    search = most - seeds * (declared.confirm_top + 1)
    begun = sum(1 for trial in history.trials if searches(trial.ask.stage))
    running = any(searches(trial.ask.stage) for trial in history.unfinished)
    over = not running and (begun >= search or any(not searches(t.ask.stage) for t in history.trials))
    top = len(candidates(history)) if over else declared.confirm_top
    return (begun if over else search) + seeds * (top + (1 if top and tests(history) else 0))


def confirmation_lines(history: History) -> list[str]:
    """Return what confirmation found, a line each; nothing where there is nothing to say yet."""
    outcome = verdict(history)
    if outcome is None:
        return []
    metric = history.goal.metric
    winner = outcome.winner
    seeds = len(winner.by_seed)
    seen = f"the search had seen {winner.seen:.4f} (optimism {outcome.optimism:+.4f})"
    over = f"{seeds} seeds (± 95 % interval)" if seeds > 1 else f"{seeds} seeds"
    lines = [f"confirmed: point {winner.point} with {metric} {_spread(winner.confirmed)} over {over}; {seen}"]
    if outcome.p_value is not None and outcome.difference is not None:
        rival = outcome.candidates[1]
        words = "distinguishable from" if outcome.distinguishable else "not distinguishable from"
        lines.append(
            f"           {words} the runner-up, point {rival.point} with {_spread(rival.confirmed)} "
            f"(difference {abs(outcome.difference):.4f}, paired p = {outcome.p_value:.2g})"
        )
    if seeds > 1 and not winner.is_random:
        lines.append(
            "           every seed gives the same value: the model has no randomness that fresh seeds could show"
        )
    if winner.failed:
        lines.append(f"           it failed with {winner.failed} of the seeds")
    if outcome.test:
        words = ", ".join(f"{name} {_spread(spread)}" for name, spread in sorted(outcome.test.items()))
        lines.append(f"test set:  {words}, over other fresh seeds, each at its best validation epoch")
    return lines


def cost(history: History) -> tuple[float, int]:
    """Return what the search and what confirming and testing cost, in epochs of the full problem."""
    later = sum(trial.epoch for trial in history.trials if not history.roles.searches(trial.ask.stage))
    return full_epochs(history), later


def _spread(spread: Spread) -> str:
    return f"{spread.mean:.4f}" if math.isnan(spread.half) else f"{spread.mean:.4f} ± {spread.half:.4f}"


def _by_seed(history: History, stage: int) -> dict[tuple[int, int], Trial]:
    return {(t.ask.point, t.ask.repeat): t for t in history.trials if t.ask.stage == stage}


def _test(history: History, point: int, stage: int) -> dict[str, Spread]:
    by_seed = sorted(_by_seed(history, stage).items(), key=lambda item: item[0])
    trials = [trial for (trial_point, _), trial in by_seed if trial_point == point]
    if not trials or any(trial.decision is None for trial in trials):
        return {}
    rows = [t.rows[t.best_epoch - 1] for t in trials if t.state != "FAILED" and t.best_epoch is not None]
    names = sorted({name for row in rows for name in row.metrics if name.startswith("test_")})
    return {name: Spread(tuple(row.metrics[name] for row in rows if name in row.metrics)) for name in names}
