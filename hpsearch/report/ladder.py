"""A ladder in words: what its stages cost, how well they predict one another, and what confirmation found."""

from __future__ import annotations

import math

from hpsearch.judging import calibration, confirm
from hpsearch.judging.calibration import Calibration
from hpsearch.log import stages
from hpsearch.log.history import History
from hpsearch.report import words
from hpsearch.study.scaling import scale_text


def current_stage(history: History) -> str:
    """Return in words which stage the newest trial is at; empty for a study of one stage that is not confirming."""
    stage = history.trials[-1].ask.stage if history.trials else 0
    scales = stages.scales(history)
    if stage >= len(scales):
        return "confirming with fresh seeds" if stage == len(scales) else "testing with fresh seeds"
    return f"stage {stage}/{len(scales) - 1}: {scale_text(scales[stage])}" if len(scales) > 1 else ""


def stage_lines(history: History) -> list[str]:
    """Return a few lines about the stages of a study; none for a study of one stage that is not confirmed."""
    all_stages = stages.stages(history)
    lines = []
    if len(all_stages) > 1:
        for stage in all_stages:
            cost = f"{words.many(stage.epochs, 'epoch')}, {stage.full_epochs:.1f} of the full problem's"
            lines.append(f"stage {stage.number}: {words.many(len(stage.trials), 'trial')}, {cost} ({stage.words})")
        lines.append(f"the search took {stages.full_epochs(history):.1f} full-problem epochs")
    return [*lines, *calibration.calibration_lines(history), *history.notes, *confirm.confirmation_lines(history)]


def live_lines(history: History) -> list[str]:
    """Return a line about each stage that is over or under way, as short as the live view needs it."""
    if len(stages.scales(history)) < 2:
        return []
    agreement_of = {agreement.stage: agreement for agreement in calibration.calibrate(history)}
    return [
        f"stage {stage.number}: {words.many(len(stage.trials), 'trial')}, {stage.full_epochs:.1f} full-problem epochs"
        + (f"; {rho_text(agreement_of[stage.number])} against the next" if stage.number in agreement_of else "")
        for stage in stages.stages(history)
        if stage.trials and stage.number <= history.full_stage
    ]


def final_lines(history: History, announced: set[int]) -> list[str]:
    """Return the calibration of the stages whose calibration has become final since the last call.

    Args:
        history: The study.
        announced: Stages whose calibration was returned before; those that are returned now are added.
    """
    settled = [
        stage
        for stage in range(len(stages.scales(history)) - 1)
        if stage not in announced and calibration.settled(history, stage)
    ]
    announced.update(settled)
    return [
        line
        for measured in calibration.calibrate(history)
        if measured.stage in settled
        for line in calibration.tell(measured)
    ]


def rho_text(agreement: Calibration) -> str:
    """Return Spearman's ρ with its interval and the number of points, as text."""
    if math.isnan(agreement.rho):
        return f"ρ not known: {agreement.points} points in common"
    return f"ρ = {agreement.rho:.2f} [{agreement.rho_low:.2f}, {agreement.rho_high:.2f}], {agreement.points} points"
