"""Watching a study run: a live view where there is a terminal or a notebook, plain lines elsewhere.

Nothing is drawn more often than eyes can follow, and never so often that drawing takes a noticeable share of the time:
between two drawings a tick costs an addition and a look at the clock. There is no thread that draws: it would contend
with training and read the history while it changes.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from hpsearch.log.history import History
from hpsearch.log.records import Tick
from hpsearch.report import terminal, words
from hpsearch.report.ladder import final_lines, live_lines, stage_now
from hpsearch.report.sparkline import sparkline
from hpsearch.report.summary import closing, opening

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

    from hpsearch.engine.observer import StudyPlan

REFRESH = 0.2
"""Least seconds between two drawings."""

SHARE = 0.02
"""Most of the time that drawing may take."""

BAR = 60
"""Most columns of the bar and of the incumbent's curve."""

WINDOW = 15.0
"""Seconds over which speed is measured."""

INCUMBENT = 5.0
"""Least seconds between two plain lines about a new incumbent."""

HEARTBEAT = 30.0
"""Most seconds without a plain line while the study advances."""


def live_view(command: str | None = None, begun: float | None = None) -> LiveView | PlainView:
    """Return the observer that suits where output goes.

    Args:
        command: What was typed to start the run: said again where it is interrupted.
        begun: When the user began to wait, by ``time.monotonic``; None: when the study begins.
    """
    view = LiveView(command) if terminal.is_live() or _in_notebook() else PlainView(command)
    view.begun = begun
    return view


def _in_notebook() -> bool:
    """Return whether a view can be redrawn in a notebook's cell."""
    # Rich redraws in a notebook through ipywidgets alone; without them lines are the better view.
    return terminal.in_notebook() and find_spec("ipywidgets") is not None


class Progress:
    """How far and how fast a study goes, for eyes only.

    Attributes:
        epochs: Epochs trained in this run.
    """

    def __init__(self, plan: StudyPlan, now: float) -> None:
        self.epochs = 0
        self._plan = plan
        self._begun = now
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])

    def mark(self, now: float) -> None:
        """Take the speed; marks older than the window are forgotten."""
        self._marks.append((now, self.epochs))
        while len(self._marks) > 2 and self._marks[1][0] < now - WINDOW:
            self._marks.popleft()

    def seconds(self, now: float) -> float:
        """Return how long this run has taken."""
        return now - self._begun

    @property
    def rate(self) -> float:
        """Epochs per second, over all lanes."""
        (start, before), (end, after) = self._marks[0], self._marks[-1]
        return (after - before) / (end - start) if end > start else 0.0

    def left(self, history: History) -> float | None:
        """Return the seconds that are likely left, or None where that cannot be said.

        A trial to come is taken to be as long as those that ended, with a laneful of trials of full length counted in:
        the first to end are the pruned ones. One that runs is compared with those that came further than it has. Trials
        that confirm and test have their full length: nothing stops them early.
        """
        if self._plan.n_trials is None or not self.rate:
            return None
        full, searched = self._plan.epochs, history.full_stage
        ended = [trial.epoch for trial in history.ended("COMPLETE", "PRUNED", "FAILED") if trial.ask.stage <= searched]

        def length(beyond: int) -> float:
            longer = [epochs for epochs in ended if epochs > beyond]
            return (sum(longer) + self._plan.lanes * full) / (len(longer) + self._plan.lanes)

        said = history.declaration
        confirming = said.confirm * (said.confirm_top + 1)
        confirming -= sum(trial.ask.stage > searched for trial in history.trials)
        to_search = max(self._plan.n_trials - len(history.trials) - confirming, 0)
        to_come = to_search * length(0) + confirming * full
        lengths = ((trial, full if trial.ask.stage > searched else length(trial.epoch)) for trial in history.running())
        return (to_come + sum(max(epochs - trial.epoch, 1.0) for trial, epochs in lengths)) / self.rate

    def line(self, history: History, now: float) -> str:
        """Return epochs, speed, time gone and time left in a line."""
        left = self.left(history)
        rest = "" if left is None else f", about {words.duration(left)} left"
        gone = words.duration(self.seconds(now))
        speed = f"{self.rate:.2f}" if self.rate < 10 else f"{self.rate:,.0f}"
        return f"{words.many(self.epochs, 'epoch')}, {speed} epochs/s, {gone} gone{rest}"


class _View(ABC):
    """What both views share: when to draw, notices, and the last words.

    Attributes:
        begun: When the user began to wait, or None: when the study began.
    """

    def __init__(self, command: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._command = command
        self._clock = clock
        self.begun: float | None = None
        self._due = 0.0
        self._pace = REFRESH
        self._drawing = False
        self._notices: list[str] = []
        self._progress: Progress | None = None
        self._plan: StudyPlan | None = None

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Say what is about to run."""
        self._plan, self._progress = plan, Progress(plan, self._clock())
        self._say(opening(plan, history))
        self._due = 0.0  # the first epoch is on the screen as soon as it is trained

    def tick(self, history: History, record: Tick) -> None:
        """Count the tick's epochs, and draw where it is time to."""
        assert self._progress is not None, "begin comes first"
        self._progress.epochs += len(record.rows)
        now = self._clock()
        if now < self._due:
            return
        self._progress.mark(now)
        self._drawing = True
        try:
            self._draw(history, self._progress, now)
        finally:
            self._drawing = False
        spent = self._clock() - now
        self._due = now + max(self._pace, spent / SHARE)
        while self._notices:
            self._say(self._notices.pop(0))

    def message(self, text: str) -> None:
        """Show a notice.

        It may come from a signal handler in the middle of a drawing, which cannot be entered twice: then it waits for
        the drawing's end.
        """
        if self._drawing:
            self._notices.append(text)
        else:
            self._say(text)

    def end(self, history: History) -> None:
        """Say what was found and what to type next."""
        self.close()
        if self._plan is None or self._progress is None:
            return
        console = terminal.console()
        now = self._clock()
        seconds = self._progress.seconds(now) if self.begun is None else now - self.begun
        parts = closing(history, self._plan, seconds, self._command, ascii_only=terminal.ascii_only(console))
        print(terminal.render(parts, console), end="", flush=True)

    def close(self) -> None:  # noqa: B027 - lines have nothing to give back
        """Give the terminal back; does nothing the second time."""

    def _say(self, text: str) -> None:
        print(text, flush=True)

    @abstractmethod
    def _draw(self, history: History, progress: Progress, now: float) -> None: ...


class PlainView(_View):
    """A line for each new incumbent and each tenth of the way, for a log, a pipe or a CI job."""

    def __init__(self, command: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(command, clock)
        self._pace = 1.0
        self._tenths = 0
        self._incumbent: tuple[int, float | None] | None = None
        self._said_incumbent = -INCUMBENT
        self._final: set[int] = set()
        self._said = 0.0

    def _draw(self, history: History, progress: Progress, now: float) -> None:
        assert self._plan is not None
        ended = words.counts(history).ended
        tenths = ended * 10 // self._plan.n_trials if self._plan.n_trials else 0
        best = history.best
        incumbent = None if history.best_point is None else (history.best_point.best.number, history.best_point.mean)
        if best is not None and incumbent != self._incumbent and now - self._said_incumbent >= INCUMBENT:
            self._incumbent, self._said_incumbent, self._said = incumbent, now, now
            given = words.params(best.params)
            leads = f"trial {best.number} leads with {self._plan.goal.metric} {words.number(best.value)}"
            leads += f" at epoch {best.best_epoch}"
            if (point := history.best_point) is not None and point.is_repeated:
                leads = f"point {best.ask.point} leads with {words.mean(self._plan.goal.metric, point)}"
            self._say(f"{words.duration(progress.seconds(now))}: {leads}{f' ({given})' if given else ''}")
        if tenths > self._tenths or now - self._said >= HEARTBEAT:
            self._tenths, self._said = tenths, now
            total = "" if self._plan.n_trials is None else f" of {self._plan.n_trials}"
            for line in final_lines(history, self._final):
                self._say(line)
            stage = f"{stage}; " if (stage := stage_now(history)) else ""
            self._say(f"{ended}{total} trials ended ({words.counts(history)}); {stage}{progress.line(history, now)}")


class LiveView(_View):
    """A few lines that are redrawn in place in a terminal or a notebook's cell."""

    def __init__(self, command: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(command, clock)
        self._console: Console = terminal.console()
        self._live: Live | None = None

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Say what is about to run, and take the lines below."""
        from rich.live import Live

        super().begin(history, plan)
        assert self._progress is not None
        first = self._group(history, self._progress, self._clock())
        self._live = Live(first, console=self._console, auto_refresh=False, transient=True)
        self._live.start(refresh=True)

    def close(self) -> None:
        """Take the live lines away and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _say(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _draw(self, history: History, progress: Progress, now: float) -> None:
        if self._live is not None:
            self._live.update(self._group(history, progress, now), refresh=True)

    def _group(self, history: History, progress: Progress, now: float) -> Group:
        from rich.console import Group, RenderableType
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        plan, count, best = self._plan, words.counts(history), history.best
        assert plan is not None
        room = self._console.width
        lines: list[RenderableType] = []
        if plan.n_trials:
            bar = Table.grid()  # a bar by itself does not end its line
            bar.add_row(ProgressBar(total=plan.n_trials, completed=count.ended, width=min(room, BAR)))
            lines.append(bar)
        total = "" if plan.n_trials is None else f" of {plan.n_trials}"
        text = [(f"{count.ended}{total} trials: {count}", "")]
        text += [(stage, "")] if (stage := stage_now(history)) else []
        text += [(line, "dim") for line in live_lines(history)]
        if best is not None:
            curve = best.rows.within(plan.goal.metric)[1] or best.curve(plan.goal.metric)
            where = f"at {words.reached(best)}, trial {best.number}"
            worth = f"{plan.goal.metric} {words.number(best.value)} {where}"
            if (point := history.best_point) is not None and point.is_repeated:
                worth = f"{words.mean(plan.goal.metric, point)} of point {best.ask.point}"
            text.append((worth, "bold"))
            text += [(words.params(best.params), "")] if best.params else []
            text.append((sparkline(curve, min(room, BAR), ascii_only=terminal.ascii_only(self._console)), "cyan"))
        text.append((progress.line(history, now), "dim"))
        lines += [Text(line, style=style, no_wrap=True, overflow="ellipsis") for line, style in text]
        return Group(*lines)
