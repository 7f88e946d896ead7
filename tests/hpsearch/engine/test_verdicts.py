"""How a trial ends by the rules that hold whatever others do, tried in their order."""

from __future__ import annotations

import math
from typing import Any

import pytest
from toys import GOAL, Adaptive

from hpsearch.engine.stopping import Limits
from hpsearch.engine.verdicts import verdicts
from hpsearch.ladder.base import Flat
from hpsearch.log.history import History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.pruners import NoPruner

LIMITS = Limits(trial_timeout=60.0)
GOOD: dict[str, Any] = {"metrics": {"score": 0.5}}


def decided(epochs: int = 3, **row: Any) -> Decision | None:
    """What is decided about a trial that brings a second row, one of an epoch of ten seconds where nothing is said."""
    history = History(GOAL)
    history.begin(Ask(0, 0, {}, 0))
    second = Row(0, 0, 2, **{"seconds": 10.0, **GOOD, **row})
    for tick, arrived in enumerate((Row(0, 0, 1, {"score": 0.4}), second)):
        history.arrive(Tick(tick, 0.0, (), (arrived,), ()))
    found = verdicts(history, [second], Flat(Adaptive(), None), NoPruner(), LIMITS, epochs)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("row", "action", "rule", "reason"),
    [
        ({"finished": True}, "complete", "early_stopping", "stopped early after epoch 2"),
        ({"finished": True, "epochs": 2}, "complete", "epochs", "all 2 epochs done"),
        ({"seconds": 61.0}, "fail", "timeout", "trained for 61.0 s, longer than trial_timeout=60 s"),
        ({"refusal": "too large"}, "prune", "refused", "too large"),
        ({"metrics": {}, "failure": "boom", "rule": "memory"}, "fail", "memory", "boom"),
        ({"metrics": {"score": math.nan}}, "complete", "failure", "score is nan at epoch 2; it counts with epoch 1"),
    ],
)
def test_a_trial_ends_by_the_rule_that_its_row_meets(row: dict[str, Any], action: str, rule: str, reason: str) -> None:
    decision = decided(**row)
    assert decision is not None
    assert (decision.action, decision.rule, decision.reason) == (action, rule, reason)


def test_a_trial_that_meets_no_rule_goes_on() -> None:
    assert decided() is None


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"finished": True, "failure": "boom", "seconds": 61.0, "rule": "memory"}, "memory"),
        ({"finished": True, "seconds": 61.0}, "early_stopping"),
        ({"refusal": "too large", "finished": True, "seconds": 61.0}, "refused"),
    ],
)
def test_of_several_rules_the_first_decides(row: dict[str, Any], rule: str) -> None:
    decision = decided(**row)
    assert decision is not None
    assert decision.rule == rule
