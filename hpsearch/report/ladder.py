"""What is said of a ladder: what its stages cost, how well they predict one another, and what confirmation found."""

from __future__ import annotations

from hpsearch import calibration, confirm, stages
from hpsearch.history import History
from hpsearch.report import words


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
