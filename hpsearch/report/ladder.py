"""What is said of a ladder: what its stages cost, how well they predict one another, and what confirmation found."""

from __future__ import annotations

from hpsearch import calibration, confirm, stages
from hpsearch.history import History
from hpsearch.report import words
from hpsearch.scaling import describe


def stage_now(history: History) -> str:
    """Return in words which stage the newest trial is at; nothing for a flat study that is not confirming."""
    at = history.trials[-1].ask.stage if history.trials else 0
    known = stages.scales(history)
    if at >= len(known):
        return "confirming with fresh seeds" if at == len(known) else "testing with fresh seeds"
    return f"stage {at}/{len(known) - 1}: {describe(known[at])}" if len(known) > 1 else ""


def stage_lines(history: History) -> list[str]:
    """Return a few lines about the stages of a study; none for a flat one that is not confirmed."""
    known = stages.stages(history)
    lines = []
    if len(known) > 1:
        for stage in known:
            cost = f"{words.many(stage.epochs, 'epoch')}, {stage.full_epochs:.1f} of the full problem's"
            lines.append(f"stage {stage.number}: {words.many(len(stage.trials), 'trial')}, {cost} ({stage.words})")
        lines.append(f"the search took {stages.full_epochs(history):.1f} full-problem epochs")
    return [*lines, *calibration.describe(history), *confirm.describe(history)]
