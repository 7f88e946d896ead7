"""What is proposed for the next search, over planted studies."""

from __future__ import annotations

import math
from typing import Any

import pytest

from hpsearch import space as spaces
from hpsearch.judging.proposal import proposals, propose
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Header, Row, Tick
from hpsearch.space import Choice, Float, Int
from hpsearch.study.declared import Declaration

SETTLED = [3.0 * math.exp(-i) + 0.3 for i in range(12)]
CURVES = {
    "good": SETTLED,
    "leaps": [3.0 + (i % 2) for i in range(12)],
    "creeps": [3.0 * 0.99**i for i in range(12)],
    "falls": [3.0 * 0.9**i for i in range(12)],
    "overfits": [3.0 * 0.8**i for i in range(12)],
}
RISING = [1.0 - 0.1 * i if i < 4 else 0.6 + 0.05 * i for i in range(12)]
"""The validation cost of a trial that overfits."""


def reached(value: float, kind: str, epoch: int) -> float:
    """What a trial has at an epoch: one whose cost still falls at the end still gets better by then."""
    return value - 0.02 * (11 - epoch) if kind == "falls" else value


def study(space: dict[str, Any], trials: list[tuple[dict[str, Any], float, str]], **params: Any) -> History:
    """A study whose trials have these parameters, values and kinds of curve; and the model's parameters."""
    declaration = {"space": spaces.to_json(space), "model": {"params": {"batch_size": 10, **params}}}
    history = History(Goal("val_accuracy", "maximize"))
    history.apply(Header("made", "u", declaration, {}, {"sizes": {"train": 50_000}} if params else {}, 0.0))
    asks = tuple(Ask(i, i, params, i) for i, (params, _, _) in enumerate(trials))
    for epoch in range(12):
        rows = tuple(
            Row(
                i,
                i,
                epoch + 1,
                {"val_accuracy": reached(value, kind, epoch), "train_cost": CURVES[kind][epoch]}
                | ({"val_cost": RISING[epoch]} if kind == "overfits" else {}),
            )
            for i, (_, value, kind) in enumerate(trials)
        )
        ends = tuple(Decision(i, "complete", "done", "epochs") for i in range(len(trials))) if epoch == 11 else ()
        history.apply(Tick(epoch, 0.0, asks if epoch == 0 else (), rows, ends))
    return history


def test_a_range_that_the_good_ones_press_against_is_widened() -> None:
    space = {"learning_rate": Float(0.01, 10, log=True), "n": Int(1, 100), "c": Choice(["a", "b"])}
    trials = [({"learning_rate": 0.1, "n": 50, "c": "a"}, 0.5, "good")] * 12
    trials += [({"learning_rate": 9.0, "n": 99, "c": "a"}, 0.9, "good")] * 4
    assert propose(study(space, trials)) == [
        (
            "4 of 4 good trials lie at the upper edge of learning_rate: "
            "widen Float(0.01, 10, log=True) to Float(0.01, 30, log=True)"
        ),
        "4 of 4 good trials lie at the upper edge of n: widen Int(1, 100) to Int(1, 150)",
    ]


def test_the_part_of_a_range_that_fails_is_cut_off() -> None:
    space = {"learning_rate": Float(0.001, 100, log=True)}
    trials = [({"learning_rate": 0.5}, 0.9, "good")] * 6
    trials += [({"learning_rate": 20.0 + i}, 0.2, "leaps") for i in range(5)]
    trials += [({"learning_rate": 0.002}, 0.3, "creeps")] * 4
    assert propose(study(space, trials)) == [
        (
            "5 of 5 trials with learning_rate above 0.75 have too large a one, and no good one lies there, and 4 of 4 "
            "trials with learning_rate below 0.33 have too small a one, and no good one lies there: narrow "
            "Float(0.001, 100, log=True) to Float(0.33, 0.75, log=True)"
        )
    ]


def test_good_trials_that_still_learn_are_to_train_longer() -> None:
    trials = [({"learning_rate": 0.5}, 0.9, "falls")] * 8
    (line,) = propose(study({"learning_rate": Float(0.01, 10, log=True)}, trials))
    assert line == "4 of 4 good trials have not converged: train longer, --epochs 24"


def test_a_good_search_needs_no_proposal_and_a_short_one_gets_none() -> None:
    space = {"learning_rate": Float(0.01, 10, log=True)}
    assert propose(study(space, [({"learning_rate": 0.5}, 0.9, "good")] * 16)) == []
    assert propose(study(space, [({"learning_rate": 10.0}, 0.9, "good")] * 7)) == []


@pytest.mark.parametrize(
    ("dim", "value", "wider"),
    [
        (Float(0.0, 0.5), 0.5, "Float(0, 0.75)"),
        (Float(0.5, 1.0), 1.0, None),
        (Float(0.0, 10.0), 0.0, None),
        (Float(-1.0, 1.0), -1.0, "Float(-2, 1)"),
        (Int(1, 64, log=True), 1, None),
        (Float(1.0, 9.0, step=2.0), 9.0, "Float(1, 13, step=2)"),
    ],
)
def test_a_wider_range_stays_sensible(dim: Any, value: float, wider: str | None) -> None:
    lines = propose(study({"x": dim}, [({"x": value}, 0.9, "good")] * 8))
    assert [line.rpartition(" to ")[2] for line in lines] == ([] if wider is None else [wider])


def test_parameters_of_a_pipelines_parts_go_by_scikit_learns_names() -> None:
    inner = {"class": "MLPClassifier", "params": {"l2": 1.0}}
    found = Declaration(
        model={"class": "Pipeline", "params": {"steps": [["mlp", inner]], "verbose": False}}
    ).model_params
    assert found["mlp__l2"] == 1.0


def test_good_trials_that_overfit_are_told_which_lambda_to_search() -> None:
    trials = [({"learning_rate": 0.5}, 0.9, "overfits")] * 8
    space = {"learning_rate": Float(0.01, 10, log=True)}
    (found,) = proposals(study(space, trials, l2=0.0))
    assert found.dimensions == {"l2": Float(0.5, 500, log=True)}, "λ = 5 of the chapter's 50,000 images lies within"
    assert "their validation cost rose by 57%" in found.expected
    searched = [({"learning_rate": 0.5, "l2": 0.1}, 0.9, "overfits")] * 8
    wider = proposals(study({**space, "l2": Float(0.0, 1.0)}, searched))
    assert wider[-1].dimensions == {"l2": Float(0.0, 10.0)}
    (bare,) = proposals(study(space, trials))
    assert bare.dimensions == {}, "a model without λ"
    assert bare.text.endswith("regularise more, or let them stop early")


def test_what_a_proposal_may_bring_is_said_with_the_numbers_of_the_log() -> None:
    space = {"learning_rate": Float(0.01, 10, log=True)}
    low = [({"learning_rate": 0.1}, 0.5, "good")] * 12
    (wide,) = proposals(study(space, [*low, *[({"learning_rate": 9.0}, 0.9, "good")] * 4]))
    assert wide.expected == "the median val_accuracy is 0.9 at that edge and 0.5 elsewhere; beyond it nothing was tried"
    assert wide.dimensions == {"learning_rate": Float(0.01, 30, log=True)}
    leaping = [({"learning_rate": 8.0}, 0.2, "leaps")] * 5
    (narrow,) = proposals(study(space, [*[({"learning_rate": 0.5}, 0.9, "good")] * 6, *leaping]))
    assert narrow.expected == "5 of 11 trials were spent there, and would be free for the rest"
    (longer,) = proposals(study(space, [({"learning_rate": 0.5}, 0.9, "falls")] * 8))
    assert longer.epochs == 24
    assert "still got better by 0.06" in longer.expected
