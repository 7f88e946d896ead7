"""What is said of a ladder: what its stages cost, how well they predict one another, and what confirmation found."""

from __future__ import annotations

import math

from hpsearch.judging import calibration, confirm
from hpsearch.judging.calibration import Calibration
from hpsearch.log import stages
from hpsearch.log.history import History
from hpsearch.report import words
from hpsearch.study.scaling import describe


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
    return [*lines, *calibration.describe(history), *history.notes, *confirm.describe(history)]


def live_lines(history: History) -> list[str]:
    """Return a line about each stage that is over or under way, as short as the live view needs it."""
    if len(stages.scales(history)) < 2:
        return []
    known = {each.stage: each for each in calibration.calibrate(history)}
    return [
        f"stage {stage.number}: {words.many(len(stage.trials), 'trial')}, {stage.full_epochs:.1f} full-problem epochs"
        + (f"; {rho_text(known[stage.number])} against the next" if stage.number in known else "")
        for stage in stages.stages(history)
        if stage.trials and stage.number <= history.full_stage
    ]


def final_lines(history: History, said: set[int]) -> list[str]:
    """Return the calibration of the stages for which it is final and was not said, and take note that it is."""
    final = [n for n in range(len(stages.scales(history)) - 1) if n not in said and calibration.settled(history, n)]
    said.update(final)
    return [line for each in calibration.calibrate(history) if each.stage in final for line in calibration.tell(each)]


def rho_text(each: Calibration) -> str:
    """Return ρ with its interval."""
    if math.isnan(each.rho):
        return f"ρ not known: {each.points} points in common"
    return f"ρ = {each.rho:.2f} [{each.rho_low:.2f}, {each.rho_high:.2f}], {each.points} points"
