"""Draw what a freeze-thaw search does into docs/images/freeze_thaw.svg: ``python scripts/freeze_thaw_figure.py``.

A made-up network has one parameter; its loss falls with the epochs, to an end that depends on the parameter, and where
it begins says little about where it ends. The library's own search trains it, an epoch at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch import Float, Study
from hpsearch.models.threads import limited
from hpsearch.samplers.curve_choice import band, promising
from hpsearch.samplers.curve_evidence import Curve, evidence_of
from hpsearch.samplers.curve_history import search_of
from hpsearch.samplers.curve_search import CurveSearch, Settings

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "freeze_thaw.svg"
EPOCHS, SPENT = 40, 240
"""Epochs of a whole training, and those that the search spends."""

WIDTH, HEIGHT, TOP, BOTTOM = 880, 360, 40, 310
INK, FAINT, WHOLE, BAND = "#333333", "#9aa5b1", "#1f5fa8", "#e8a33d"


def loss_of(x: float, epoch: int) -> float:
    """Return the loss of the network with parameter x after an epoch: the best are slow at first."""
    end = 0.1 + 1.5 * (x - 0.68) ** 2 + 0.02 * math.sin(25 * x)
    return end + (0.5 + 0.3 * x) * epoch ** -(0.45 + 0.25 * math.cos(3 * x))


def searched() -> tuple[CurveSearch, list[Curve]]:
    """Return a search and its curves once its epochs are spent."""
    study = Study("figure", objective=lambda trial: 0.0, space={"x": Float(0, 1)}, epochs=EPOCHS, sampler="random")
    search = search_of(study, EPOCHS, Settings())
    curves: list[Curve] = []
    spent = decided = 0
    while spent < SPENT:
        move = search.decide(curves, decided, begins=True)
        assert move is not None, "a point can always begin"
        decided = decided + 1
        curve = move.curve
        if curve is None:
            assert move.point is not None, "a move is of one of them"
            curve = search.curve(len(curves), search.encoding.decode(move.point.units))
            curves.append(curve)
        while curve.epoch < move.until:
            curve.losses.append(loss_of(curve.params["x"], curve.epoch + 1))
            curve.order.append(spent)
            spent += 1
        curve.over = curve.complete = curve.epoch == EPOCHS
    return search, curves


@dataclass(frozen=True)
class Axis:
    """Puts values onto the page.

    Attributes:
        low: The value at the beginning.
        high: The value at the end.
        begin: Where that is on the page.
        end: Where this is.
        log: Whether distances are those of logarithms.
    """

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return where a value is on the page."""
        low, high, at = (math.log(v) if self.log else v for v in (self.low, self.high, value))
        return round(self.begin + (at - low) / (high - low) * (self.end - self.begin), 1)


def text(x: float, y: float, words: str, anchor: str = "middle", colour: str = INK) -> str:
    """Return words at a place."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def line(points: Sequence[tuple[float, float]], colour: str, width: float, dashes: str = "") -> str:
    """Return a line through places."""
    path = " ".join(f"{x},{y}" for x, y in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>'


def dot(x: float, y: float, colour: str) -> str:
    """Return a dot at a place."""
    return f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>'


def curves_panel(search: CurveSearch, curves: Sequence[Curve]) -> list[str]:
    """Return all curves by their own epochs, and the band within which the best paused one is predicted."""
    losses = [loss for curve in curves for loss in curve.losses]
    across = Axis(1, EPOCHS, 60, 460, log=True)
    up = Axis(min(losses) - 0.05, max(losses) + 0.02, BOTTOM, TOP)
    elements: list[str] = []
    observed = evidence_of(curves)
    assert observed is not None, "something was trained"
    process = search.posterior(curves, observed)
    paused = promising(observed, process)
    if paused:
        best = min(paused, key=lambda curve: band(observed, process, curve)[-1][2])
        last_point = (best.epoch, best.loss, best.loss, best.loss)
        predicted = [last_point, *band(observed, process, best)]
        low = [(across(epoch), up(a)) for epoch, a, _, _ in predicted]
        high = [(across(epoch), up(b)) for epoch, _, _, b in predicted]
        path = " ".join(f"{x},{y}" for x, y in [*low, *reversed(high)])
        elements.append(f'<polygon points="{path}" fill="{BAND}" opacity="0.3"/>')
        elements.append(line([(across(epoch), up(m)) for epoch, _, m, _ in predicted], BAND, 2, "5 4"))
    for curve in curves:
        colour = WHOLE if curve.complete else FAINT
        points = [(across(i), up(loss)) for i, loss in enumerate(curve.losses, 1)]
        elements += [line(points, colour, 1.6 if curve.complete else 1.0), dot(*points[-1], colour)]
    elements += [text(across(epoch), BOTTOM + 18, str(epoch)) for epoch in (1, 2, 5, 10, 20, EPOCHS)]
    return [*elements, text(260, BOTTOM + 38, "epoch of the trial"), text(60, TOP - 14, "loss", "start")]


def points_panel(curves: Sequence[Curve]) -> list[str]:
    """Return how long each point was trained."""
    across = Axis(0, 1, 530, 850)
    up = Axis(0, EPOCHS, BOTTOM, TOP)
    elements: list[str] = []
    for curve in curves:
        colour = WHOLE if curve.complete else FAINT
        x = across(curve.params["x"])
        elements += [line([(x, up(0)), (x, up(curve.epoch))], colour, 2), dot(x, up(curve.epoch), colour)]
    ends = [loss_of(i / 200, EPOCHS) for i in range(201)]
    height = Axis(min(ends), max(ends), BOTTOM, TOP)
    elements.append(line([(across(i / 200), height(end)) for i, end in enumerate(ends)], BAND, 1.5, "2 3"))
    elements += [text(across(x), BOTTOM + 18, f"{x:g}") for x in (0, 0.5, 1)]
    elements.append(text(690, BOTTOM + 38, "parameter (dotted: the loss at the end)"))
    return [*elements, text(530, TOP - 14, f"epochs, of {EPOCHS}", "start")]


def main() -> None:
    """Write the figure."""
    with limited():
        search, curves = searched()
        elements = [*curves_panel(search, curves), *points_panel(curves)]
    frame = [line([(x, TOP), (x, BOTTOM), (x + 400 if x == 60 else 850, BOTTOM)], INK, 1) for x in (60, 530)]
    n_whole = sum(curve.complete for curve in curves)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><title>A freeze-thaw search after {SPENT} epochs: {len(curves)} points began, {n_whole} were '
        f'trained to their end</title><rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
    )
    OUTPUT.write_text("\n".join([head, *frame, *elements, "</svg>"]) + "\n", encoding="utf-8")
    print(f"{OUTPUT.name}: {len(curves)} points began, {n_whole} were trained to their end")


if __name__ == "__main__":
    main()
