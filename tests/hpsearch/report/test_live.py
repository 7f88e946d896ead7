from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import logs
import pytest
from rich.console import Console

from hpsearch.engine.observer import Observer, StudyPlan
from hpsearch.log.history import Goal, History
from hpsearch.log.records import Ask, Decision, Row, Tick
from hpsearch.report import live, terminal
from hpsearch.report.live import LiveView, PlainView, Progress

GOAL = Goal("val_accuracy", "maximize")


def plan(n_trials: int | None = 4, epochs: int = 3, lanes: int = 4, root: str = "mlruns") -> StudyPlan:
    return StudyPlan(
        "eta_lambda", GOAL, n_trials, epochs, lanes, "tpe", "asha", "digits (1,078 train)", Path(root), False
    )


class Wall:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def play(view: Observer, ticks: list[Tick], wall: Wall, seconds: float = 10.0, **settings: int) -> History:
    """Show a study whose ticks take this many seconds each."""
    history = History.fold([logs.header()], GOAL)
    view.begin(history, plan(**settings))
    for tick in ticks:
        history.apply(tick)
        wall.now += seconds
        view.tick(history, tick)
    view.end(history)
    return history


def climbing(n: int) -> Iterator[Tick]:
    """A trial that gets better at every tick."""
    for i in range(n):
        asks = (Ask(0, 0, {"learning_rate": 0.5}, 0),) if i == 0 else ()
        yield Tick(i, float(i), asks, (Row(0, 0, i + 1, {"val_accuracy": i / n}),), ())


def test_plain_lines_tell_of_incumbents_and_of_progress(capsys: pytest.CaptureFixture[str]) -> None:
    wall = Wall()
    play(PlainView(clock=wall), logs.ticks(), wall)
    lines = capsys.readouterr().out.splitlines()
    halfway = "2 of 4 trials ended (0 complete, 1 pruned, 1 failed, 2 running)"
    assert lines[:6] == [
        "eta_lambda: 4 trials of up to 3 epochs on digits (1,078 train); tpe, asha, 4 lanes",
        "10 s: trial 3 leads with val_accuracy 0.7000 at epoch 1 (learning_rate=0.5 sizes=[30,10])",
        "1 of 4 trials ended (0 complete, 1 pruned, 3 running); 4 epochs, 0.40 epochs/s, 10 s gone, about 15 s left",
        "20 s: trial 3 leads with val_accuracy 0.9000 at epoch 2 (learning_rate=0.5 sizes=[30,10])",
        f"{halfway}; 7 epochs, 0.35 epochs/s, 20 s gone, about 6 s left",
        "4 of 4 trials ended (2 complete, 1 pruned, 1 failed); 9 epochs, 0.25 epochs/s, 30 s gone, about 0 s left",
    ]


def test_the_first_tick_is_on_the_screen_at_once_and_the_rest_in_measure(capsys: pytest.CaptureFixture[str]) -> None:
    wall = Wall()
    history = History.fold([logs.header()], GOAL)
    view = PlainView(clock=wall)
    view.begin(history, plan(1, 1000, 1))
    for tick in climbing(600):
        history.apply(tick)
        view.tick(history, tick)
        if tick.tick == 0:
            assert "leads with" in capsys.readouterr().out
        wall.now += 0.1
    # A minute of new incumbents at each of ten ticks a second: a line each five seconds.
    assert 10 <= len(capsys.readouterr().out.splitlines()) <= 14


def test_a_study_that_finds_nothing_new_still_says_that_it_is_alive(capsys: pytest.CaptureFixture[str]) -> None:
    wall = Wall()
    history = History.fold([logs.header()], GOAL)
    view = PlainView(clock=wall)
    view.begin(history, plan(None, 1000, 1))
    for number in range(100):
        asks = (Ask(0, 0, {}, 0),) if number == 0 else ()
        tick = Tick(number, 0.0, asks, (Row(0, 0, number + 1, {"val_accuracy": 0.5}),), ())
        history.apply(tick)
        wall.now += 1.0
        view.tick(history, tick)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in lines[2:]] == ["0 trials ended (0 complete, 0 pruned, 1 running)"] * 3


def test_an_incumbent_that_fails_later_loses_the_lead(capsys: pytest.CaptureFixture[str]) -> None:
    asks = (Ask(0, 0, {"p": 1}, 0), Ask(1, 1, {"p": 2}, 1))
    first = Tick(0, 0.0, asks, (Row(0, 0, 1, {"val_accuracy": 0.9}), Row(1, 1, 1, {"val_accuracy": 0.4})), ())
    rows = (Row(0, 0, 2, {}, failure="overflow"), Row(1, 1, 2, {"val_accuracy": 0.3}))
    second = Tick(1, 1.0, (), rows, (Decision(0, "fail", "overflow", "failure"),))
    wall = Wall()
    play(PlainView(clock=wall), [first, second], wall)
    leads = [line for line in capsys.readouterr().out.splitlines() if "leads" in line]
    assert [line.split("trial ")[1][0] for line in leads] == ["0", "1"]


def test_the_last_words_are_the_best_the_top_five_and_what_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    wall = Wall()
    play(PlainView("hpsearch run x.py", clock=wall), logs.ticks(), wall)
    out = capsys.readouterr().out
    end = out[out.index("eta_lambda is done") :].splitlines()
    assert end[:4] == [
        "eta_lambda is done: 4 trials (2 complete, 1 pruned, 1 failed), this run took 30 s",
        "pruning saved 2 of 11 epochs (18 %)",
        "best: val_accuracy 0.9000 at epoch 2 of 3, trial 3",
        "      learning_rate=0.5 sizes=[30,10]",
    ]
    assert [line.split()[0] for line in end[5:9]] == ["trial", "3", "0", "1"]
    assert end[-2:] == ["next: hpsearch show eta_lambda", "      hpsearch ui eta_lambda"]
    assert "resume" not in out


def test_an_interrupted_run_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    wall = Wall()
    view = PlainView("hpsearch run studies/eta_lambda.py --seed 3", clock=wall)
    play(view, logs.ticks()[:2], wall, root="/data/my runs")
    out = capsys.readouterr().out
    assert "eta_lambda is not done: 2 of 4 trials (0 complete, 1 pruned, 1 failed, 2 running)" in out
    assert "resume: hpsearch run studies/eta_lambda.py --seed 3\n" in out
    assert "next: hpsearch show eta_lambda --root '/data/my runs'\n" in out


def test_a_study_in_which_all_failed_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    tick = Tick(
        0,
        0.0,
        (Ask(0, 0, {}, 0),),
        (Row(0, 0, 1, {}, failure="overflow"),),
        (Decision(0, "fail", "overflow", "failure"),),
        stop="failed: all of the first 1 trials",
    )
    wall = Wall()
    play(PlainView(clock=wall), [tick], wall, n_trials=1)
    out = capsys.readouterr().out
    assert "eta_lambda stopped: 1 trial (0 complete, 0 pruned, 1 failed)" in out
    assert "no trial has a val_accuracy\n" in out
    assert "1 failed; the first was trial 0: overflow" in out
    assert "next:" not in out


def test_time_left_counts_running_and_coming_trials_at_the_length_of_those_that_ended() -> None:
    history = History.fold(logs.records()[:2], GOAL)  # trial 1 ended after 1 epoch, three others run
    progress = Progress(plan(n_trials=10, epochs=3, lanes=4), now=0.0)
    progress.epochs = 4
    assert progress.left(history) is None  # no speed yet
    progress.mark(2.0)
    assert progress.rate == 2.0
    mean = (1 + 4 * 3) / (1 + 4)
    assert progress.left(history) == pytest.approx((6 * mean + 3 * (3 - 1)) / 2.0)  # what runs has outlived trial 1


def test_time_left_counts_trials_that_confirm_and_test_in_full() -> None:
    search, confirm, test = (Ask(i, 0, {}, 0, i, stage=i) for i in range(3))
    records = [
        logs.header(confirm=1, confirm_top=1),
        Tick(0, 0.0, (search,), (Row(0, 0, 1, {"val_accuracy": 0.9}),), (Decision(0, "prune", "asha", "last"),)),
        Tick(1, 0.0, (confirm,), (Row(1, 0, 1, {"val_accuracy": 0.9}),), ()),
    ]
    progress = Progress(plan(n_trials=3, epochs=50, lanes=4), now=0.0)
    progress.epochs = 2
    progress.mark(1.0)
    assert progress.left(History.fold(records, GOAL)) == pytest.approx((49 + 50) / 2.0)
    last = Tick(2, 0.0, (test,), (Row(2, 0, 1, {"val_accuracy": 0.9}),), (Decision(1, "complete", "done", "epochs"),))
    assert progress.left(History.fold([*records, last], GOAL)) == pytest.approx(49 / 2.0)


def test_speed_is_that_of_the_last_seconds() -> None:
    progress = Progress(plan(), now=0.0)
    for second in range(1, 101):
        progress.epochs += 1 if second <= 50 else 10
        progress.mark(float(second))
    assert progress.rate == pytest.approx(10.0)


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, width: int = 100) -> io.StringIO:
    screen = io.StringIO()

    def console() -> Console:
        return Console(file=screen, width=width, height=30, force_terminal=True, markup=False, highlight=False)

    monkeypatch.setattr(terminal, "console", console)
    return screen


def test_the_live_view_shows_counts_incumbent_curve_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, wall = on_a_terminal(monkeypatch), Wall()
    play(LiveView(clock=wall), logs.ticks(), wall)
    text = screen.getvalue()
    for words in (
        "2 of 4 trials: 0 complete, 1 pruned, 1 failed, 2 running\n",
        "val_accuracy 0.9000 at epoch 2 of 2, trial 3",
        "learning_rate=0.5 sizes=[30,10]",
        "▁█",
        "7 epochs, 0.35 epochs/s, 20 s gone, about 6 s left",
    ):
        assert words in text


def ladder(worth: Callable[[int], float]) -> History:
    return History.fold(logs.two_stages(worth), GOAL)


def test_the_live_view_shows_every_stage_with_its_cost_and_what_it_predicts(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(terminal, "console", lambda: Console(file=out, force_terminal=True, width=120))
    view = LiveView(clock=Wall())
    view.begin(ladder(float), plan())
    view.close()
    shown = out.getvalue()
    assert "stage 1/1: the full problem" in shown
    assert "stage 0: 8 trials, 8.0 full-problem epochs; ρ = 1.00 [1.00, 1.00], 8 points against the next" in shown
    assert "stage 1: 8 trials, 8.0 full-problem epochs" in shown


def test_plain_lines_say_once_how_well_a_stage_ranks_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    made = logs.two_stages(lambda i: -float(i))
    more = [Tick(n, 1.7e9 + n, (), (), ()) for n in (2, 3)]
    history = History.fold(made[:1], GOAL)
    wall = Wall()
    view = PlainView(clock=wall)
    view.begin(history, plan())
    lines = []
    for tick in [*made[1:], *more]:
        assert isinstance(tick, Tick)
        history.apply(tick)
        wall.now += 100
        view.tick(history, tick)
        lines.append(capsys.readouterr().out)
    assert "against stage 1" not in lines[0]
    assert "stage 0 (2 classes, 100 training samples) against stage 1: ρ = -1.00" in lines[1]
    assert "this shortcut misleads here" in lines[1]
    assert not any("against stage 1" in line for line in lines[2:])


def test_the_live_view_gives_the_cursor_back_however_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, wall = on_a_terminal(monkeypatch), Wall()
    view = LiveView(clock=wall)
    view.begin(History.fold([logs.header()], GOAL), plan())
    assert screen.getvalue().count("\x1b[?25l") == 1
    view.close()
    view.close()
    assert screen.getvalue().count("\x1b[?25h") == 1


def test_a_notice_that_comes_in_the_middle_of_a_drawing_is_shown_after_it(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupted(PlainView):
        def _draw(self, history: History, progress: Progress, now: float) -> None:
            self.message("interrupted")
            print("drawn")

    wall = Wall()
    view = Interrupted(clock=wall)
    history = History.fold([logs.header()], GOAL)
    view.begin(history, plan())
    view.message("before")
    history.apply(logs.ticks()[0])
    view.tick(history, logs.ticks()[0])
    assert capsys.readouterr().out.splitlines()[1:] == ["before", "drawn", "interrupted"]


@pytest.mark.parametrize("make", [PlainView, LiveView])
def test_a_tick_at_which_nothing_is_drawn_costs_next_to_nothing(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Observer]
) -> None:
    on_a_terminal(monkeypatch)
    view = make()
    ticks = list(climbing(3000))
    history = History.fold([logs.header(), ticks[0]], GOAL)
    view.begin(history, plan(1, 3000, 1))
    view.tick(history, ticks[0])
    begun = time.process_time()  # of the processor, not of the clock: other work on the machine says nothing
    for tick in ticks[1:]:
        view.tick(history, tick)
    spent = (time.process_time() - begun) / len(ticks)
    view.end(history)
    assert spent < 1e-4, f"{spent * 1e3:.4f} ms a tick"


def test_drawing_takes_a_small_share_of_the_time_even_where_it_is_slow() -> None:
    wall = Wall()
    drawn = []

    class Slow(PlainView):
        def _draw(self, history: History, progress: Progress, now: float) -> None:
            drawn.append(now)
            wall.now += 1.0

    view = Slow(clock=wall)
    history = History.fold([logs.header()], GOAL)
    view.begin(history, plan())
    for tick in climbing(2000):
        view.tick(history, tick)
        wall.now += 0.1
    assert len(drawn) <= 200.0 * live.MOST_DRAWING_SHARE + 2


def test_where_there_is_no_terminal_the_view_is_plain_lines() -> None:
    assert isinstance(live.live_view(), PlainView)


def test_the_length_of_a_trial_is_not_told_where_nobody_said_it(capsys: pytest.CaptureFixture[str]) -> None:
    wall = Wall()
    play(PlainView(clock=wall), logs.ticks(), wall, epochs=1)
    first = capsys.readouterr().out.splitlines()[0]
    assert first == "eta_lambda: 4 trials on digits (1,078 train); tpe, asha, 4 lanes"
