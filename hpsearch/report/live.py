"""Views of a running study: live lines where there is a terminal or a notebook, plain lines elsewhere.

Nothing is drawn more often than people can read, and never so often that drawing takes a noticeable share of the time:
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
from hpsearch.report.ladder import current_stage, final_lines, live_lines
from hpsearch.report.sparkline import sparkline
from hpsearch.report.summary import closing_blocks, opening_line

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

    from hpsearch.engine.observer import StudyPlan

REFRESH = 0.2
"""Least seconds between two drawings."""

MOST_DRAWING_SHARE = 0.02
"""Largest share of the time that drawing may take."""

BAR_WIDTH = 60
"""Most columns of the bar and of the incumbent's curve."""

WINDOW = 15.0
"""Seconds over which speed is measured."""

INCUMBENT_INTERVAL = 5.0
"""Least seconds between two plain lines about a new incumbent."""

HEARTBEAT = 30.0
"""Most seconds without a plain line while the study advances."""


def live_view(command: str | None = None, begun: float | None = None) -> LiveView | PlainView:
    """Return the observer that suits where output goes.

    Args:
        command: What was typed to start the run; shown again where the run is interrupted.
        begun: When the user began to wait, by ``time.monotonic``; None for when the study begins.
    """
    view = LiveView(command) if terminal.is_live() or _in_notebook() else PlainView(command)
    view.begun = begun
    return view


def _in_notebook() -> bool:
    """Return whether a view can be redrawn in a notebook's cell."""
    # Rich redraws in a notebook through ipywidgets alone; without them lines are the better view.
    return terminal.in_notebook() and find_spec("ipywidgets") is not None


class Progress:
    """How far and how fast a study goes. It is shown, and decides nothing.

    Attributes:
        epochs: Epochs trained in this run.
    """

    def __init__(self, plan: StudyPlan, now: float) -> None:
        self.epochs = 0
        self._plan = plan
        self._begun = now
        self._marks: deque[tuple[float, int]] = deque([(now, 0)])

    def mark(self, now: float) -> None:
        """Note the time and the epochs so far, from which the speed follows; old notes are forgotten."""
        self._marks.append((now, self.epochs))
        while len(self._marks) > 2 and self._marks[1][0] < now - WINDOW:
            self._marks.popleft()

    def seconds(self, now: float) -> float:
        """Return how long this run has taken."""
        return now - self._begun

    @property
    def rate(self) -> float:
        """Epochs per second, over all lanes."""
        (start, epochs_before), (end, epochs_after) = self._marks[0], self._marks[-1]
        return (epochs_after - epochs_before) / (end - start) if end > start else 0.0

    def left(self, history: History) -> float | None:
        """Return the seconds that are likely left, or None where that cannot be estimated.

        The length of a future trial is the mean of those that ended and of one trial of full length per lane: the first
        trials to end are the pruned ones, which are short. The length of a running trial is estimated from those that
        trained longer than it has. Trials that confirm and test have their full length: nothing stops them early.
        """
        if self._plan.n_trials is None or not self.rate:
            return None
        full = self._plan.epochs
        searched = history.full_stage
        ended = [trial.epoch for trial in history.ended("COMPLETE", "PRUNED", "FAILED") if trial.ask.stage <= searched]

        def length(beyond: int) -> float:
            longer = [epochs for epochs in ended if epochs > beyond]
            return (sum(longer) + self._plan.lanes * full) / (len(longer) + self._plan.lanes)

        declaration = history.declaration
        confirming = declaration.confirm * (declaration.confirm_top + 1)
        confirming -= sum(trial.ask.stage > searched for trial in history.trials)
        to_search = max(self._plan.n_trials - len(history.trials) - confirming, 0)
        to_come = to_search * length(0) + confirming * full
        lengths = ((trial, full if trial.ask.stage > searched else length(trial.epoch)) for trial in history.running())
        return (to_come + sum(max(epochs - trial.epoch, 1.0) for trial, epochs in lengths)) / self.rate

    def line(self, history: History, now: float) -> str:
        """Return epochs, speed, time gone and time left in a line."""
        seconds_left = self.left(history)
        left_text = "" if seconds_left is None else f", about {words.duration(seconds_left)} left"
        elapsed = words.duration(self.seconds(now))
        speed = f"{self.rate:.2f}" if self.rate < 10 else f"{self.rate:,.0f}"
        return f"{words.many(self.epochs, 'epoch')}, {speed} epochs/s, {elapsed} gone{left_text}"


class _View(ABC):
    """What both views share: when to draw, notices, and the summary at the end.

    Attributes:
        begun: When the user began to wait, or None for when the study began.
    """

    def __init__(self, command: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._command = command
        self._clock = clock
        self.begun: float | None = None
        self._next_drawing = 0.0
        self._pace = REFRESH
        self._drawing = False
        self._waiting_notices: list[str] = []
        self._progress: Progress | None = None
        self._plan: StudyPlan | None = None

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Show what is about to run."""
        self._plan = plan
        self._progress = Progress(plan, self._clock())
        self._print(opening_line(plan, history))
        self._next_drawing = 0.0  # the first epoch is on the screen as soon as it is trained

    def tick(self, history: History, record: Tick) -> None:
        """Count the tick's epochs, and draw where it is time to."""
        assert self._progress is not None, "begin comes first"
        self._progress.epochs += len(record.rows)
        now = self._clock()
        if now < self._next_drawing:
            return
        self._progress.mark(now)
        self._drawing = True
        try:
            self._draw(history, self._progress, now)
        finally:
            self._drawing = False
        spent = self._clock() - now
        self._next_drawing = now + max(self._pace, spent / MOST_DRAWING_SHARE)
        while self._waiting_notices:
            self._print(self._waiting_notices.pop(0))

    def message(self, text: str) -> None:
        """Show a notice.

        It may come from a signal handler in the middle of a drawing, which cannot be entered twice: then it is shown
        after the drawing.
        """
        if self._drawing:
            self._waiting_notices.append(text)
        else:
            self._print(text)

    def end(self, history: History) -> None:
        """Show what was found and what to type next."""
        self.close()
        if self._plan is None or self._progress is None:
            return
        console = terminal.console()
        now = self._clock()
        seconds = self._progress.seconds(now) if self.begun is None else now - self.begun
        blocks = closing_blocks(history, self._plan, seconds, self._command, ascii_only=terminal.ascii_only(console))
        print(terminal.render(blocks, console), end="", flush=True)

    def close(self) -> None:  # noqa: B027 - lines have nothing to give back
        """Give the terminal back; does nothing the second time."""

    def _print(self, text: str) -> None:
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
        self._incumbent_shown_at = -INCUMBENT_INTERVAL
        self._announced_stages: set[int] = set()
        self._line_shown_at = 0.0

    def _draw(self, history: History, progress: Progress, now: float) -> None:
        assert self._plan is not None
        ended = words.counts(history).ended
        tenths = ended * 10 // self._plan.n_trials if self._plan.n_trials else 0
        best = history.best
        incumbent = None if history.best_point is None else (history.best_point.best.number, history.best_point.mean)
        if best is not None and incumbent != self._incumbent and now - self._incumbent_shown_at >= INCUMBENT_INTERVAL:
            self._incumbent = incumbent
            self._incumbent_shown_at = self._line_shown_at = now
            params = words.params(best.params)
            leads = f"trial {best.number} leads with {self._plan.goal.metric} {words.number(best.value)}"
            leads += f" at epoch {best.best_epoch}"
            if (point := history.best_point) is not None and point.is_repeated:
                leads = f"point {best.ask.point} leads with {words.mean(self._plan.goal.metric, point)}"
            self._print(f"{words.duration(progress.seconds(now))}: {leads}{f' ({params})' if params else ''}")
        if tenths > self._tenths or now - self._line_shown_at >= HEARTBEAT:
            self._tenths = tenths
            self._line_shown_at = now
            total = "" if self._plan.n_trials is None else f" of {self._plan.n_trials}"
            for line in final_lines(history, self._announced_stages):
                self._print(line)
            stage = f"{stage}; " if (stage := current_stage(history)) else ""
            self._print(f"{ended}{total} trials ended ({words.counts(history)}); {stage}{progress.line(history, now)}")


class LiveView(_View):
    """A few lines that are redrawn in place in a terminal or a notebook's cell."""

    def __init__(self, command: str | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(command, clock)
        self._console: Console = terminal.console()
        self._live: Live | None = None

    def begin(self, history: History, plan: StudyPlan) -> None:
        """Show what is about to run, and begin to draw below it."""
        from rich.live import Live

        super().begin(history, plan)
        assert self._progress is not None
        group = self._group(history, self._progress, self._clock())
        self._live = Live(group, console=self._console, auto_refresh=False, transient=True)
        self._live.start(refresh=True)

    def close(self) -> None:
        """Remove the live lines and give the cursor back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _print(self, text: str) -> None:
        self._console.print(text, soft_wrap=True)

    def _draw(self, history: History, progress: Progress, now: float) -> None:
        if self._live is not None:
            self._live.update(self._group(history, progress, now), refresh=True)

    def _group(self, history: History, progress: Progress, now: float) -> Group:
        from rich.console import Group, RenderableType
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        plan = self._plan
        count = words.counts(history)
        best = history.best
        assert plan is not None
        width = self._console.width
        lines: list[RenderableType] = []
        if plan.n_trials:
            bar = Table.grid()  # a bar by itself does not end its line
            bar.add_row(ProgressBar(total=plan.n_trials, completed=count.ended, width=min(width, BAR_WIDTH)))
            lines.append(bar)
        total = "" if plan.n_trials is None else f" of {plan.n_trials}"
        styled = [(f"{count.ended}{total} trials: {count}", "")]
        styled += [(stage, "")] if (stage := current_stage(history)) else []
        styled += [(line, "dim") for line in live_lines(history)]
        if best is not None:
            curve = best.rows.within(plan.goal.metric)[1] or best.curve(plan.goal.metric)
            value_text = f"{plan.goal.metric} {words.number(best.value)}"
            value_text += f" at {words.reached(best)}, trial {best.number}"
            if (point := history.best_point) is not None and point.is_repeated:
                value_text = f"{words.mean(plan.goal.metric, point)} of point {best.ask.point}"
            styled.append((value_text, "bold"))
            styled += [(words.params(best.params), "")] if best.params else []
            ascii_only = terminal.ascii_only(self._console)
            styled.append((sparkline(curve, min(width, BAR_WIDTH), ascii_only=ascii_only), "cyan"))
        styled.append((progress.line(history, now), "dim"))
        lines += [Text(line, style=style, no_wrap=True, overflow="ellipsis") for line, style in styled]
        return Group(*lines)
