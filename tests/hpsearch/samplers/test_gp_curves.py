"""What a pruned trial is to the process: evidence at its own epoch, in studies that were begun under this rule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from searching import Search, folded, make_study

from hpsearch.log.history import History
from hpsearch.log.records import Decision, Header
from hpsearch.pruners import ASHA, NoPruner
from hpsearch.samplers import build
from hpsearch.space import Choice, Float
from hpsearch.study.declaration import declare
from hpsearch.study.registry import RULES

EPOCHS = 20
SPACE = {"a": Float(0, 1)}


def rising(trial: int, params: Mapping[str, Any], epoch: int) -> float:
    """All curves rise alike; the best end, and lead from their first epoch on, near 0.8."""
    return (1 - (float(params["a"]) - 0.8) ** 2) * math.log(1 + epoch) / math.log(1 + EPOCHS)


def study(**settings: Any) -> Any:
    return make_study(SPACE, **{"sampler": "gp", "pruner": "asha", "epochs": EPOCHS, "seed": 1, **settings})


def observed(rules: Mapping[str, int]) -> History:
    """Sixteen points, of which those in the best region were stopped after their first epoch."""

    class Unlucky(NoPruner):
        def judge(self, history: History, arrivals: Any) -> Any:
            return [
                Decision(row.trial, "prune", "unlucky", "unlucky")
                for row in arrivals
                if 0.65 < history.trials[row.trial].params["a"] < 0.95
            ]

    declared = study()
    spread = build(make_study(SPACE, sampler="qmc", seed=1))
    live = Search(spread, Unlucky(), declared.goal, total=16, epochs=EPOCHS, curve=rising, fails=lambda *_: False)
    header = Header("made", "u", declare(declared), {"rules": dict(rules)}, {}, 0.0)
    live.history.apply(header)
    return live.run().history


def test_what_was_stopped_early_is_not_held_to_end_there() -> None:
    history = observed(RULES)
    assert 3 <= len(list(history.ended("PRUNED"))) <= 6
    proposed, unpruned = (build(study(pruner=pruner)).ask(history, 16)["a"] for pruner in ("asha", "none"))
    assert abs(proposed - 0.8) < 0.2
    assert abs(unpruned - 0.8) > abs(proposed - 0.8)


def test_a_study_goes_on_under_the_rule_that_it_began_with() -> None:
    for rules in ({}, {"chapter": 2}, {"gp": 1}):
        old = observed(rules)
        assert build(study()).ask(old, 16) == build(study(pruner="none")).ask(old, 16)
    assert build(study()).ask(observed(RULES), 16) != build(study(pruner="none")).ask(observed(RULES), 16)


@pytest.mark.parametrize("settings", [{"pruner": "none"}, {"epochs": None}, {"repeats": 2}])
def test_where_no_curve_stays_unfinished_nothing_changed(settings: dict[str, Any]) -> None:
    plain = build(study(pruner="none", **{name: value for name, value in settings.items() if name == "repeats"}))
    assert build(study(**settings)).ask(observed(RULES), 16) == plain.ask(observed(RULES), 16)


def test_an_answer_is_a_function_of_history_and_number() -> None:
    space = {"c": Choice(["x", "y"]), "a": Float(0, 1), "d": Float(0.01, 10, log=True, when={"c": "y"})}

    def curve(trial: int, params: Mapping[str, Any], epoch: int) -> float:
        return float(params["a"]) * epoch + float(params.get("d", 0.0)) / (1 + trial % 3)

    def built() -> Any:
        return build(make_study(space, sampler="gp", pruner="asha", epochs=6, seed=3))

    live = Search(built(), ASHA(reduction=2), total=24, curve=curve).run()
    for ticks, asks, point, params in live.asked[-12::3]:
        assert built().ask(folded(live, ticks, asks), point) == params
