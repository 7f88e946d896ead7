"""The stages of a study as its log tells them: what each was, what it trained, what it cost."""

from __future__ import annotations

from dataclasses import dataclass

from hpsearch.log.history import History, Trial
from hpsearch.study.scaling import Scale, scale_text


@dataclass(frozen=True)
class Stage:
    """One stage of a study.

    Attributes:
        number: From 0; the search's stages come first, then those that confirm and test.
        words: What it is, for people.
        share: What an epoch of it costs in epochs of the full problem: its share of the training samples, n'/n. Smaller
            networks, images and validation parts cost less still, or more where a small stage validates on many
            samples; that is not counted.
        trials: Its trials, by number.
    """

    number: int
    words: str
    share: float
    trials: tuple[Trial, ...]

    @property
    def epochs(self) -> int:
        """Epochs trained; those of trials that have the result of another one were not."""
        return sum(trial.epoch for trial in self.trials if trial.ask.reuses is None)

    @property
    def full_epochs(self) -> float:
        """Epochs of the full problem that these epochs cost."""
        return self.epochs * self.share


def scales(history: History) -> list[Scale]:
    """Return the search's stages; a flat study has one, the full problem."""
    return list(history.declaration.scales)


def stages(history: History) -> list[Stage]:
    """Return the stages that a study has or had trials in, and all of its search."""
    search_scales = scales(history)
    n = (history.header.dataset.get("sizes") or {}).get("train") if history.header else None
    by_number: dict[int, list[Trial]] = {number: [] for number in range(len(search_scales))}
    for trial in history.trials:
        by_number.setdefault(trial.ask.stage, []).append(trial)
    roles = history.roles
    extra = {roles.confirm: "confirm: fresh seeds", roles.test: "test: other fresh seeds"}
    in_order = []
    for number, trials in sorted(by_number.items()):
        scale = search_scales[number] if number < len(search_scales) else Scale()
        share = scale.train / n if scale.train is not None and n else 1.0
        in_order.append(Stage(number, extra.get(number) or scale_text(scale), share, tuple(trials)))
    return in_order


def planned_trials(history: History, default: int) -> int | None:
    """Return how many trials the search is to have, as it or its stages declare; None where neither does.

    Args:
        history: The study.
        default: How many a staged study has that does not say it.
    """
    declared = history.declaration.n_trials
    counts = [scale.trials for scale in scales(history)]
    if declared is not None or len(counts) < 2:
        return declared
    return default if None in counts else sum(count or 0 for count in counts)


def full_epochs(history: History) -> float:
    """Return what the search cost, in epochs of the full problem; without what confirmed and tested its result."""
    return sum(stage.full_epochs for stage in stages(history) if history.roles.searches(stage.number))
