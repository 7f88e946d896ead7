"""Freeze-thaw search: trials begin, are paused and go on where that promises most, and the log says why."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from searching import make_study

from hpsearch import Choice, Float, Int, Study
from hpsearch.errors import UserError
from hpsearch.log.catalogue import load_history
from hpsearch.log.history import History
from hpsearch.models.threads import limited
from hpsearch.report.bands import bands
from hpsearch.report.one_trial import turns
from hpsearch.report.origin import reason
from hpsearch.running.api import run
from hpsearch.samplers import FreezeThaw, build, curve_search
from hpsearch.samplers.curve_choice import Move
from hpsearch.samplers.curve_evidence import Curve
from hpsearch.samplers.curve_history import Curves, search_of
from hpsearch.samplers.curve_kernel import CurveKernel, prior
from hpsearch.samplers.curve_posterior import Fit
from hpsearch.samplers.curve_search import CurveSearch, Settings, fitted_at
from hpsearch.samplers.curve_startup import halved
from hpsearch.samplers.freeze_thaw_points import FreezeThawPoints

DECISIONS = Path(__file__).parents[2] / "fixtures" / "freeze_thaw" / "decisions.json"
EPOCHS = 9
SPACE = {"a": Float(0, 1), "b": Int(1, 8), "c": Choice(["x", "y"])}


def rise(a: float, b: int, c: str, epoch: int) -> float:
    top = 1 - (a - 0.7) ** 2 - 0.02 * abs(b - 5) - 0.1 * (c == "x")
    return top * (1 - 0.5 / epoch)


def climbing(trial: Any) -> Iterator[dict[str, float]]:
    """Rises to its end; some trainings diverge on the way."""
    for epoch in range(1, EPOCHS + 1):
        value = rise(**trial.params, epoch=epoch)
        yield {"score": math.nan if trial.params["a"] < 0.15 and epoch == 3 else value}


def falling(trial: Any) -> Iterator[dict[str, float]]:
    """The same upside down."""
    for reported in climbing(trial):
        yield {"score": -reported["score"]}


def declared(**settings: Any) -> Study:
    usual = {"objective": climbing, "space": SPACE, "metric": "score", "epochs": EPOCHS, "sampler": "freeze_thaw"}
    return Study(**{"name": "thaw", "n_trials": 24, "lanes": 3, "seed": 2, **usual, **settings})


def searched(root: Path, **settings: Any) -> History:
    return run(declared(**settings), root, tracking=False, quiet=True).history


def as_lines(history: History) -> list[str]:
    """All that a history says of its trials but the times; as texts, in which NaN is NaN."""
    return [
        repr((t.params, t.ask.evidence, t.ticks, t.rows.curve("score"), t.pauses, t.resumes, t.decision))
        for t in history.trials
    ]


def decisions(history: History) -> list[dict[str, Any]]:
    """What was decided of each trial, and by which numbers."""
    return [
        {
            "params": dict(trial.params),
            "until": [trial.ask.until, *(resume.until for resume in trial.resumes)],
            "ticks": list(trial.ticks),
            "improvement": [
                record.evidence.get("improvement", 0.0) for record in (trial.ask, *trial.resumes) if record.evidence
            ],
        }
        for trial in history.trials
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, History]:
    root = tmp_path_factory.mktemp("whole")
    return root, searched(root)


def test_trials_begin_are_paused_and_go_on(whole: tuple[Path, History]) -> None:
    history = whole[1]
    assert len(history.trials) == 24
    assert not history.unfinished
    gone_on = [trial for trial in history.trials if trial.resumes]
    assert len(gone_on) >= 4
    assert sum(trial.epoch for trial in history.trials) < 24 * EPOCHS * 0.7
    assert history.best is not None
    assert history.best.state == "COMPLETE"
    assert history.best.value is not None
    assert history.best.value > 0.9
    assert not any(trial.resumes for trial in history.trials if trial.state == "FAILED" and trial.epoch < 3)


def test_it_decides_as_it_did_when_logs_began_that_are_still_open(whole: tuple[Path, History]) -> None:
    """A log goes on with the decisions of the version that began it: made anew they are the same.

    ``python tests/hpsearch/samplers/test_freeze_thaw.py`` wrote the file.
    """
    recorded = json.loads(DECISIONS.read_text())
    now = decisions(whole[1])
    assert len(now) == len(recorded)
    for one, other in zip(now, recorded, strict=True):
        a = one["params"].pop("a")
        b = other["params"].pop("a")
        assert a == pytest.approx(b, rel=1e-9)
        assert {**one, "improvement": 0} == {**other, "improvement": 0}
        assert one["improvement"] == pytest.approx(other["improvement"], rel=1e-3)


def test_what_is_remembered_between_decisions_changes_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = declared(n_trials=16, lanes=4)
    forgetful = search_of(study, EPOCHS, Settings(), weighs=True)
    decide = CurveSearch.decide
    compared = []

    def alike(move: Move | None) -> tuple[Any, ...] | None:
        if move is None:
            return None
        of = move.curve.number if move.curve else move.point.units.tolist() if move.point else None
        return of, move.until, move.worth, move.facts

    def twice(self: CurveSearch, curves: Any, number: int, *, state: Any, **options: Any) -> Move | None:
        move = decide(self, curves, number, state=state, **options)
        compared.append((alike(move), alike(decide(forgetful, curves, number, **options))))
        return move

    monkeypatch.setattr(CurveSearch, "decide", twice)
    run(study, tmp_path, tracking=False, quiet=True)
    assert len([one for one, _ in compared if one and one[3]["why"] == "improvement"]) >= 10
    assert all(one == other for one, other in compared)


def test_the_log_says_why_each_began_and_went_on(whole: tuple[Path, History]) -> None:
    decided = [(t, r.until, r.evidence) for t in whole[1].trials for r in t.resumes]
    decided += [(t, t.ask.until, t.ask.evidence) for t in whole[1].trials]
    assert {evidence["why"] for _, _, evidence in decided} >= {"startup", "improvement"}
    for trial, until, evidence in decided:
        assert until == evidence["until"]
        if evidence["why"] != "improvement":
            continue
        assert evidence["improvement"] >= 0
        assert 0 < evidence["epochs"] <= evidence["expected_epochs"] <= EPOCHS
        assert evidence["band"][-1][0] == EPOCHS
        assert all(low <= middle <= high for _, low, middle, high in evidence["band"])
        assert trial.params["c"] in ("x", "y")


def test_a_band_covers_what_the_curve_then_showed(whole: tuple[Path, History]) -> None:
    inside = [
        low - 0.02 <= trial.rows.curve("score")[epoch - 1] <= high + 0.02
        for trial in whole[1].trials
        for resume in trial.resumes
        for epoch, low, _, high in resume.evidence.get("band", ())
        if epoch <= trial.epoch
    ]
    assert len(inside) > 5
    assert np.mean(inside) > 0.7


def test_the_report_draws_what_was_predicted_and_show_says_why(whole: tuple[Path, History]) -> None:
    figure = bands(whole[1])
    assert figure is not None
    assert figure.data
    begun = figure.data[-1]["name"]
    band = figure.data[0]
    assert begun.startswith("trial ")
    assert band["x"][-1] == EPOCHS
    went_on = next(trial for trial in whole[1].trials if any(r.evidence["why"] == "improvement" for r in trial.resumes))
    lines = turns(went_on)
    assert lines[0].startswith("began, to be trained to epoch ")
    assert any("score is expected to improve by" in line for line in lines)


def test_of_a_search_that_goes_on_it_is_said_why_trials_wait(whole: tuple[Path, History], tmp_path: Path) -> None:
    lines = (whole[0] / "studies" / "thaw" / "log.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "log.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    history = load_history(tmp_path)
    waiting = [trial for trial in history.trials if trial.state == "PAUSED"]
    assert waiting
    assert all(reason(trial).startswith(f"trained to epoch {trial.epoch}, as was decided") for trial in waiting)


def test_cut_anywhere_and_resumed_it_tells_the_same(whole: tuple[Path, History], tmp_path: Path) -> None:
    lines = (whole[0] / "studies" / "thaw" / "log.jsonl").read_bytes().splitlines(keepends=True)
    for share in (0.3, 0.8):
        root = tmp_path / str(share)
        folder = root / "studies" / "thaw"
        folder.mkdir(parents=True)
        (folder / "log.jsonl").write_bytes(b"".join(lines[: int(len(lines) * share)]))
        assert as_lines(searched(root)) == as_lines(whole[1])


@pytest.mark.slow
def test_two_workers_tell_the_same(whole: tuple[Path, History], tmp_path: Path) -> None:
    assert as_lines(run(declared(), tmp_path, tracking=False, quiet=True, workers=2).history) == as_lines(whole[1])


def test_a_finite_space_is_tried_once_and_each_point_is_paused_too(tmp_path: Path) -> None:
    space = {"a": Choice([0.3, 0.7]), "b": Int(1, 6), "c": Choice(["y"])}
    history = searched(tmp_path, space=space, n_trials=40, duplicates="skip")
    assert sorted(tuple(trial.params.values()) for trial in history.trials) == [
        (a, b, "y") for a in (0.3, 0.7) for b in range(1, 7)
    ]
    assert all(trial.ask.until is not None for trial in history.trials)
    assert any(trial.epoch < EPOCHS for trial in history.trials)


def test_to_minimize_is_to_maximize_upside_down(whole: tuple[Path, History], tmp_path: Path) -> None:
    mirrored = searched(tmp_path, objective=falling, direction="minimize")
    assert [t.params for t in mirrored.trials] == [t.params for t in whole[1].trials]
    assert [t.ticks for t in mirrored.trials] == [t.ticks for t in whole[1].trials]


def test_a_new_sampler_over_the_folded_log_decides_the_same(whole: tuple[Path, History]) -> None:
    history = load_history(whole[0] / "studies" / "thaw")
    one = build(declared())
    other = build(declared())
    assert isinstance(one, FreezeThawPoints)
    assert isinstance(other, FreezeThawPoints)
    assert one.ask(history, 24) == other.ask(history, 24)
    assert one.allotment == other.allotment
    assert one.resume(history, begins=True) == other.resume(history, begins=True)
    assert json.loads(json.dumps(one.allotment.evidence)) == one.allotment.evidence


def test_what_it_found_is_confirmed_by_whole_trials(whole: tuple[Path, History], tmp_path: Path) -> None:
    history = searched(tmp_path, confirm=2, confirm_top=2)
    search = [trial for trial in history.trials if trial.ask.stage == 0]
    confirming = [trial for trial in history.trials if trial.ask.stage == 1]
    assert [t.params for t in search] == [t.params for t in whole[1].trials]
    assert [t.ticks for t in search] == [t.ticks for t in whole[1].trials]
    assert [repr(t.resumes) for t in search] == [repr(t.resumes) for t in whole[1].trials]
    assert len(confirming) == 4
    assert {trial.epoch for trial in confirming} == {EPOCHS}
    assert not any(trial.pauses for trial in confirming)
    assert min(trial.ticks[0] for trial in confirming) > max(trial.ticks[-1] for trial in search)


def test_confirmation_is_asked_for_later_and_a_cut_log_goes_on_to_the_same(
    whole: tuple[Path, History], tmp_path: Path
) -> None:
    lines = (whole[0] / "studies" / "thaw" / "log.jsonl").read_bytes().splitlines(keepends=True)
    histories = []
    for index, share in enumerate((0.6, 1.0)):
        folder = tmp_path / str(index) / "studies" / "thaw"
        folder.mkdir(parents=True)
        (folder / "log.jsonl").write_bytes(b"".join(lines[: int(len(lines) * share)]))
        histories.append(as_lines(searched(tmp_path / str(index), confirm=2, confirm_top=2)))
    assert histories[0] == histories[1]
    assert histories[0][:24] == as_lines(whole[1])


REFUSED = {
    "pruner 'asha' beside it": ({"pruner": "asha"}, "decides itself how long each trial trains"),
    "a pruner of Optuna's": ({"pruner": __import__("optuna").pruners.NopPruner()}, "leave pruner= out"),
    "repeats": ({"repeats": 2}, "does not go with repeats="),
    "an audit": ({"audit": 0.1}, "does not go with audit="),
    "several metrics": ({"metric": ["score", "cost"], "direction": ["maximize", "minimize"]}, "takes one metric"),
    "trials of one epoch": ({"epochs": 1}, "these have one: take 'gp'"),
    "trials of unknown length": ({"epochs": None}, "say epochs="),
    "a space that is a function": ({"space": lambda trial: None}, "needs a space of dimensions"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_it_cannot_do_is_refused_in_a_line(what: str) -> None:
    settings, expected = REFUSED[what]
    with pytest.raises(UserError, match=expected) as caught:
        build(declared(**settings))
    assert "\n" not in str(caught.value)


def test_its_options_are_checked() -> None:
    for settings in ({"n_startup": 1}, {"explore": 1.5}, {"worthwhile": -1}, {"max_epochs": 1}):
        with pytest.raises(UserError):
            FreezeThaw(**settings)  # type: ignore[arg-type]
    assert isinstance(build(declared(sampler=FreezeThaw(max_epochs=9), epochs=None)), FreezeThawPoints)


def simulated(search: CurveSearch, value: Any, most: int, total: int, lanes: int = 1) -> list[Curve]:
    """A search over made-up losses, an epoch a lane and round, until its epochs are spent."""
    with limited():
        return _simulated(search, value, most, total, lanes)


def _simulated(search: CurveSearch, value: Any, most: int, total: int, lanes: int) -> list[Curve]:
    curves: list[Curve] = []
    busy: list[Curve] = []
    decided = n_epochs = 0
    while n_epochs < total:
        while len(busy) < lanes:
            move = search.decide(curves, decided, begins=True)
            assert move is not None
            decided += 1
            curve = move.curve
            if curve is None:
                assert move.point is not None
                curve = search.curve(len(curves), search.encoding.decode(move.point.units))
                curves.append(curve)
            curve.under_way = True
            curve.until = move.until
            busy.append(curve)
        for curve in list(busy):
            loss = value(curve.params, curve.epoch + 1)
            curve.losses.append(min([loss, *curve.losses[-1:]]))
            curve.order.append(n_epochs)
            n_epochs += 1
            if curve.epoch >= curve.until:
                curve.under_way = False
                busy.remove(curve)
            curve.over = curve.complete = curve.epoch >= most
    return curves


def deceptive(params: Any, epoch: int) -> float:
    """A broad valley, and a narrow one that goes deeper."""
    a = params["a"]
    b = params["b"]
    broad = 1.0 - 0.8 * math.exp(-((a - 0.25) ** 2 + (b - 0.3) ** 2) / 0.1)
    narrow = 1.0 - math.exp(-((a - 0.8) ** 2 + (b - 0.75) ** 2) / 0.01)
    return min(broad, narrow) + 0.3 / epoch


def plane(seed: int) -> Any:
    return make_study({"a": Float(0, 1), "b": Float(0, 1)}, epochs=9, seed=seed)


def collapsed(inputs: Any, target: Any) -> Fit:
    """A fit that holds every point for an island."""
    mean, _ = prior(inputs.codes.shape[1])
    width = inputs.codes.shape[1]
    return Fit(CurveKernel(mean - np.concatenate([np.full(width, 4.0), np.zeros(7)])), 0.0)


@pytest.mark.slow
@pytest.mark.parametrize("stuck", [False, True])
def test_it_gets_to_the_bottom_of_a_valley_also_where_its_lengths_collapse(
    monkeypatch: pytest.MonkeyPatch, stuck: bool
) -> None:
    if stuck:
        monkeypatch.setattr(curve_search, "fit", collapsed)
    best_losses = []
    for seed in range(3):
        curves = simulated(search_of(plane(seed), 9, Settings()), deceptive, 9, 50 * 9)
        best_losses.append(min(curve.loss for curve in curves))
    assert max(best_losses) < 0.2 + 0.3 / 9 + 0.02, best_losses  # the broad one's; the narrow one is a matter of luck


def test_while_nothing_improves_more_points_are_drawn_at_random() -> None:
    search = search_of(plane(0), 9, Settings(explore=0.1))
    shares = []
    for later in (0, 45, 9000):
        curve = search.curve(0, {"a": 0.5, "b": 0.5})
        curve.losses = [0.5] * (later + 1)
        curve.order = list(range(later + 1))
        shares.append(search._share([curve]))
    assert shares == [0.1, 0.2, 0.4]


def test_lanes_do_not_crowd_and_nothing_under_way_is_continued_twice() -> None:
    search = search_of(plane(1), 9, Settings())
    curves = simulated(search, deceptive, 9, 40, lanes=8)
    for curve in curves:
        curve.under_way = False
    moves = []
    for decided in range(8):
        move = search.decide(curves, 100 + decided, begins=True)
        assert move is not None
        curve = move.curve
        if curve is None:
            assert move.point is not None
            curve = search.curve(len(curves), search.encoding.decode(move.point.units))
            curves.append(curve)
        assert not curve.under_way
        curve.under_way = True
        curve.until = move.until
        moves.append(curve.number)
    assert len(set(moves)) == 8


def curves_of(epochs: Sequence[int]) -> list[Curve]:
    code = np.zeros(1)
    return [Curve(i, {}, code, code, 20, losses=[float(i)] * n, order=[0] * n) for i, n in enumerate(epochs)]


def test_the_first_curves_are_halved_until_one_is_whole() -> None:
    began = curves_of([1] * 8)
    order = []
    while True:
        move, done = halved(began)
        if done:
            break
        assert move is not None
        assert move.curve is not None
        order.append((move.curve.number, move.until))
        move.curve.losses += [float(move.curve.number)] * (move.until - move.curve.epoch)
        move.curve.over = move.curve.complete = move.curve.epoch == 20
    assert order == [(0, 3), (1, 3), (2, 3), (3, 3), (0, 9), (1, 9), (0, 20)]
    waiting = curves_of([1, 1, 1, 0])
    waiting[3].under_way = True
    assert halved(waiting) == (None, False)
    assert halved(curves_of([]))[1]


def test_other_lanes_ask_the_process_while_the_last_of_the_first_curves_is_trained_to_its_end() -> None:
    began = curves_of([12, 9, 3, 3, 1, 1, 1, 1])
    began[0].under_way = True
    began[0].until = 20
    assert halved(began) == (None, True)
    began = curves_of([4, 4, 3, 3, 1, 1, 1, 1])
    for curve in began[:2]:
        curve.under_way = True
        curve.until = 9
    assert halved(began) == (None, False)


def test_a_cheaper_epoch_is_preferred_where_points_promise_alike() -> None:
    study = plane(0)
    plain = search_of(study, 9, Settings(explore=0.0))
    curves = simulated(plain, lambda params, epoch: deceptive(params, epoch), 9, 70)
    dear = search_of(study, 9, Settings(explore=0.0))
    dear._cost = lambda params: 100.0 if params["a"] > 0.5 else 1.0
    for curve in curves:
        curve.cost = dear._cost(dict(curve.params))
    chosen = [dear.decide(curves, number, begins=True) for number in range(200, 206)]
    costs = [
        move.curve.cost if move.curve else move.point.cost for move in chosen if move and (move.curve or move.point)
    ]  # type: ignore[union-attr]
    assert np.mean(costs) < 30


def alike(trial: Any) -> Iterator[dict[str, float]]:
    """Is worth the same at any size."""
    for epoch in range(1, EPOCHS + 1):
        yield {"score": (1 - (trial.params["a"] - 0.7) ** 2) * (1 - 0.5 / epoch)}


def test_a_declared_cost_enters_the_choice_and_stands_in_the_log(tmp_path: Path) -> None:
    space = {"a": Float(0, 1), "size": Choice([1, 10])}
    dear = {"space": space, "objective": alike, "cost": lambda params: float(params["size"])}
    history = searched(tmp_path, n_trials=40, lanes=2, budget=110, **dear)
    chosen = [trial for trial in history.trials if trial.ask.evidence["why"] == "improvement"]
    spent = {size: sum(trial.epoch for trial in chosen if trial.params["size"] == size) for size in (1, 10)}
    assert spent[1] > 2 * spent[10], spent
    decided = [(t, e) for t in history.trials for e in (t.ask.evidence, *(r.evidence for r in t.resumes))]
    weighed = [(trial, evidence) for trial, evidence in decided if "cost" in evidence]
    assert weighed
    assert all(evidence["cost"] == trial.params["size"] for trial, evidence in weighed)


def test_a_cost_that_cannot_be_is_refused_in_a_line() -> None:
    search = search_of(declared(cost=lambda params: -1.0), EPOCHS, Settings(), weighs=True)
    with pytest.raises(UserError, match=r"cost: a positive number is wanted, not -1\.0"):
        search.curve(0, {"a": 0.5, "b": 2, "c": "x"})


def test_the_kernel_is_a_function_of_the_log() -> None:
    """Fitted when it was due, or again later from the first epochs: the same."""
    search = search_of(plane(3), 9, Settings())
    curves = simulated(search, deceptive, 9, 60)
    n_epochs = sum(curve.epoch for curve in curves)
    later = search_of(plane(3), 9, Settings())
    with limited():
        np.testing.assert_array_equal(later.model(curves).kernel.theta, search.model(curves).kernel.theta)
    assert fitted_at(n_epochs) <= n_epochs


def test_results_from_elsewhere_are_curves_too(whole: tuple[Path, History]) -> None:
    search = search_of(declared(), EPOCHS, Settings())
    history = searched_from(whole[0])
    curves = Curves(search, history.goal)
    curves.follow(history)
    elsewhere = [curve for curve in curves.all if curve.number < 0]
    assert elsewhere
    assert all(curve.over and curve.epoch <= EPOCHS for curve in elsewhere)
    assert min(curve.loss for curve in elsewhere) == pytest.approx(-float(whole[1].best.value or 0))  # type: ignore[union-attr]


def searched_from(root: Path) -> History:
    return run(declared(name="second", n_trials=4, warm_start="thaw"), root, tracking=False, quiet=True).history


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        text = ",\n".join(json.dumps(decision) for decision in decisions(searched(Path(folder))))
        DECISIONS.write_text(f"[\n{text}\n]\n")
