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
    "overfits a little": [3.0 * 0.8**i for i in range(12)],
}
VALIDATION = {
    "overfits": [1.0 - 0.1 * i if i < 4 else 0.6 + 0.05 * i for i in range(12)],
    "overfits a little": [1.0 - 0.1 * i if i < 4 else 0.6 + 0.025 * i for i in range(12)],
}
"""The validation costs of trials that overfit."""


def reached(value: float, kind: str, epoch: int) -> float:
    """What a trial has at an epoch: one whose cost still falls at the end still gets better by then."""
    return value - 0.02 * (11 - epoch) if kind == "falls" else value


def study(
    space: dict[str, Any],
    trials: list[tuple[dict[str, Any], float, str]],
    saturation: float | None = None,
    **params: Any,
) -> History:
    """A study of trials with these parameters, values, kinds of curve and saturation; the model's parameters."""
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
                | ({} if saturation is None else {"saturation": saturation})
                | ({"val_cost": VALIDATION[kind][epoch]} if kind in VALIDATION else {}),
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
            "all trials within noise of the best (4) lie near the upper end of learning_rate: "
            "widen Float(0.01, 10, log=True) to Float(0.01, 30, log=True)"
        ),
        "all trials within noise of the best (4) lie near the upper end of n: widen Int(1, 100) to Int(1, 150)",
    ]


def test_good_trials_near_an_end_call_for_more_only_where_the_others_are_worse_by_more_than_chance() -> None:
    space = {"x": Float(-10.0, 10.0), "y": Float(-10.0, 10.0)}
    places = [-9.0, -7.0, -5.0, -3.0, -1.0, 1.0, 3.0, 5.0, 7.0, 9.0]
    rising = [({"x": x, "y": places[3 * i % 10]}, 0.5 + 0.04 * x, "good") for i, x in enumerate(places)]
    (proposal,) = proposals(study(space, rising))
    assert list(proposal.dimensions) == ["x"], "what says nothing is left alone"
    level = [({"x": x, "y": places[3 * i % 10]}, 0.9, "good") for i, x in enumerate(places)]
    assert proposals(study(space, level)) == []
    lucky = [({"x": x, "y": 0.5}, 0.9 if x == 9.0 else 0.3 + 0.1 * (i % 2), "good") for i, x in enumerate(places)]
    assert proposals(study(space, lucky)) == [], "the best lies at an end by chance in one study of five"


def test_diagnoses_that_all_call_for_more_open_an_end_and_one_against_them_closes_it() -> None:
    space = {"learning_rate": Float(0.001, 1.0, log=True)}
    low = [({"learning_rate": 0.001 * 1.7**i}, 0.3, "creeps") for i in range(9)]
    best = [({"learning_rate": 0.5 + 0.1 * i}, 0.9, "good") for i in range(4)]
    (proposal,) = proposals(study(space, [*low, *best]))
    assert proposal.text.startswith(
        "all trials within noise of the best (4) lie near the upper end of learning_rate, and "
    )
    assert proposal.dimensions == {"learning_rate": Float(0.19, 3, log=True)}
    against = [({"learning_rate": 0.999}, 0.2, "leaps")] * 2
    assert proposals(study(space, [*low, *best, *against])) == [], "they are no reason to widen, and too few to narrow"


def test_whoever_fits_better_than_the_good_ones_is_not_held_up_by_its_learning_rate() -> None:
    space = {"learning_rate": Float(0.001, 1.0, log=True)}
    lucky = [({"learning_rate": 0.001}, 0.9, "creeps")]
    others = [({"learning_rate": 0.01 * 1.5**i}, 0.4, "good") for i in range(10)]
    assert proposals(study(space, [*lucky, *others])) == [], "a lower η would fit still worse"


def test_what_is_too_much_of_two_things_says_of_neither_that_it_is_the_cause() -> None:
    space = {"learning_rate": Float(0.01, 100, log=True), "l2": Float(0.1, 100, log=True)}
    good = [({"learning_rate": 0.5, "l2": 0.2 + 0.01 * i}, 0.9 if i < 2 else 0.8, "good") for i in range(4)]
    both = [({"learning_rate": 5.0 + i, "l2": 30.0 + i}, 0.2, "leaps") for i in range(8)]
    assert proposals(study(space, [*good, *both])) == []
    one = [({"learning_rate": 5.0 + i, "l2": 0.2}, 0.2, "leaps") for i in range(8)]
    (proposal,) = proposals(study(space, [*good, *one]))
    assert list(proposal.dimensions) == ["learning_rate"]


def mostly_in_vain(*, good: int) -> list[tuple[dict[str, Any], float, str]]:
    """A search of 15 trials, of which so many are about as good as the best, and 9 have an η of the wrong size."""
    best = [({"learning_rate": 0.5}, 0.9, "good")] * good
    fair = [({"learning_rate": 0.6}, 0.8, "good")] * (6 - good)
    large = [({"learning_rate": 20.0 + i}, 0.2, "leaps") for i in range(5)]
    return best + fair + large + [({"learning_rate": 0.002}, 0.3, "creeps")] * 4


def test_the_part_of_a_range_that_fails_is_cut_off() -> None:
    space = {"learning_rate": Float(0.001, 100, log=True)}
    assert propose(study(space, mostly_in_vain(good=2))) == [
        (
            "5 of 5 trials with learning_rate above 3.5 have too large a one, and no good one lies there, and 4 of 4 "
            "trials with learning_rate below 0.032 have too small a one, and no good one lies there: narrow "
            "Float(0.001, 100, log=True) to Float(0.032, 3.5, log=True)"
        )
    ]


def test_a_range_is_not_narrowed_where_good_trials_are_many_or_few_were_in_vain() -> None:
    space = {"learning_rate": Float(0.001, 100, log=True)}
    assert propose(study(space, mostly_in_vain(good=3))) == [], "there are enough of them"
    more = [({"learning_rate": 0.6}, 0.8, "good")] * 6
    assert propose(study(space, [*mostly_in_vain(good=2), *more])) == [], "not half of the trials were in vain"


def test_what_was_not_tried_between_good_and_bad_is_halved_and_never_cut_close_to_the_good_ones() -> None:
    space = {"learning_rate": Float(0.001, 100, log=True)}
    near = [({"learning_rate": 0.6 + 0.01 * i}, 0.2, "leaps") for i in range(8)]
    good = [*[({"learning_rate": 0.5}, 0.9, "good")] * 2, *[({"learning_rate": 0.5}, 0.8, "good")] * 4]
    assert proposals(study(space, [*good, *near])) == [], "so close to the good ones a cut would be a guess"
    far = [({"learning_rate": 50.0}, 0.2, "leaps")] * 8
    (proposal,) = proposals(study(space, [*good, *far]))
    assert proposal.dimensions == {"learning_rate": Float(0.001, 5, log=True)}, "midway on a logarithmic scale"


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
    middle = dim.low + dim.high >> 1 if isinstance(dim, Int) else (dim.low + dim.high) / 2
    lines = propose(study({"x": dim}, [({"x": value}, 0.9, "good")] * 8 + [({"x": middle}, 0.5, "good")] * 8))
    assert [line.rpartition(" to ")[2] for line in lines] == ([] if wider is None else [wider])


def test_parameters_of_a_pipelines_parts_go_by_scikit_learns_names() -> None:
    inner = {"class": "MLPClassifier", "params": {"l2": 1.0}}
    declaration = Declaration(
        model={"class": "Pipeline", "params": {"steps": [["mlp", inner]], "verbose": False}}
    ).model_params
    assert declaration["mlp__l2"] == 1.0


def test_good_trials_that_overfit_are_told_which_lambda_to_search() -> None:
    trials = [({"learning_rate": 0.5}, 0.9, "overfits")] * 8
    space = {"learning_rate": Float(0.01, 10, log=True)}
    (proposal,) = proposals(study(space, trials, l2=0.0))
    assert proposal.dimensions == {"l2": Float(0.5, 500, log=True)}, "λ = 5 of the chapter's 50,000 images lies within"
    assert "their validation cost rose by 57%" in proposal.expected
    searched = [({"learning_rate": 0.5, "l2": 0.1}, 0.9, "overfits")] * 8
    assert proposals(study({**space, "l2": Float(0.0, 1.0)}, searched)) == [], "its range is judged as others are"
    little = [({"learning_rate": 0.5}, 0.9, "overfits a little")] * 8
    assert proposals(study(space, little, l2=0.0)) == [], "the best epoch is as good without"
    (bare,) = proposals(study(space, trials))
    assert bare.dimensions == {}, "a model without λ"
    assert bare.text.endswith("regularise more, or let them stop early")


def test_saturated_neurons_call_for_another_start_or_cost_where_the_model_has_not_got_it() -> None:
    trials = [({"learning_rate": 0.5}, 0.9 - 0.05 * i, "creeps") for i in range(8)]
    space = {"learning_rate": Float(0.01, 10, log=True)}
    poor = {"weight_init": "gaussian", "cost": "quadratic"}
    (proposal,) = proposals(study(space, trials, 0.8, **poor))
    assert proposal.params == {"weight_init": "scaled", "cost": "cross_entropy"}
    (half,) = proposals(study(space, trials, 0.8, **{**poor, "cost": "cross_entropy"}))
    assert half.params == {"weight_init": "scaled"}
    assert half.text.endswith("trials have saturated neurons: weight_init='scaled'")
    assert proposals(study(space, trials, 0.8, weight_init="scaled", cost="cross_entropy")) == []


def test_what_a_proposal_may_bring_is_said_with_the_numbers_of_the_log() -> None:
    space = {"learning_rate": Float(0.01, 10, log=True)}
    low = [({"learning_rate": 0.1}, 0.5, "good")] * 12
    (wide,) = proposals(study(space, [*low, *[({"learning_rate": 9.0}, 0.9, "good")] * 4]))
    assert (
        wide.expected == "the median val_accuracy is 0.9 near that end and 0.5 elsewhere; beyond it nothing was tried"
    )
    assert wide.dimensions == {"learning_rate": Float(0.01, 30, log=True)}
    leaping = [({"learning_rate": 8.0}, 0.2, "leaps")] * 8
    good = [({"learning_rate": 0.5}, value, "good") for value in (0.9, 0.9, 0.8, 0.8)]
    (narrow,) = proposals(study(space, [*good, *leaping]))
    assert narrow.expected == "96 of 144 epochs were spent there, and would be free for the rest"
    (longer,) = proposals(study(space, [({"learning_rate": 0.5}, 0.9, "falls")] * 8))
    assert longer.epochs == 24
    assert "still got better by 0.06" in longer.expected
