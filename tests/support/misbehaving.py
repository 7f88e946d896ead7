"""Objectives that do what no objective should, each in the shapes that an objective can have: for the fuzz."""

from __future__ import annotations

import asyncio
import decimal
import os
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np

from hpsearch import Pruned, Study

GOOD = "good"
"""What a kind brings where its trial counts with a value: it is no misbehaviour, only odd."""


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class Rude(BaseException):
    pass


class Item:
    def __init__(self, value: Any) -> None:
        self.value = value

    def item(self) -> Any:
        return self.value


class Trap:
    def __float__(self) -> float:
        raise MemoryError("no number for you")

    def __repr__(self) -> str:
        raise ValueError("nor a name")


class BadMapping(dict):  # type: ignore[type-arg]
    def items(self) -> Any:
        raise KeyError("nothing in here")


def _raise(error: BaseException) -> Callable[[Any], Any]:
    def body(trial: Any) -> Any:
        raise error

    return body


def _value(value: Any) -> Callable[[Any], Any]:
    return lambda trial: value


def _recursion(trial: Any) -> Any:
    return _recursion(trial) + 1.0


def _chained(trial: Any) -> Any:
    try:
        raise ValueError("first")
    except ValueError as error:
        raise Unprintable from error


def _mutates(trial: Any) -> float:
    trial.params.clear()
    trial.params["x"] = object()
    return 0.5


def _chdir(trial: Any) -> float:
    os.chdir("/")
    return 0.5


def _warnings(trial: Any) -> float:
    warnings.simplefilter("error")
    return 0.5


def _stdout(trial: Any) -> float:
    sys.stdout = None  # type: ignore[assignment]
    return 0.5


def _signals(trial: Any) -> float:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return 0.5


def _errors(trial: Any) -> float:
    np.seterr(all="raise")
    return 0.5


def _traps(trial: Any) -> float:
    decimal.getcontext().traps[decimal.Inexact] = True
    return 0.5


def _global_seed(trial: Any) -> float:
    np.random.seed(0)  # noqa: NPY002 - what people do
    return 0.5


async def _async(trial: Any) -> float:
    return 0.5


def _cancelled(trial: Any) -> Any:
    raise asyncio.CancelledError


def _notes(trial: Any) -> Any:
    error = ValueError("with notes")
    error.__notes__ = [Trap()]  # type: ignore[list-item]
    raise error


def _fork(trial: Any) -> Any:
    if os.fork() == 0:
        raise RuntimeError("a child that comes out of the objective")
    os.wait()
    return 0.5


def _optuna(trial: Any) -> Any:
    import optuna

    raise optuna.TrialPruned("seen enough")


def _closes(trial: Any) -> float:
    sys.stdout.close()
    sys.stderr.close()
    return 0.5


def _prints(trial: Any) -> float:
    print("x" * 1_000_000)
    return 0.5


def _thread(trial: Any) -> float:
    refused: list[BaseException] = []

    def report() -> None:
        try:
            trial.report(1.0)
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=report)
    thread.start()
    thread.join()
    return 0.5 if refused else 2.0


def _no_folder(trial: Any) -> float:
    shutil.rmtree(trial.folder)
    return 0.5


def _attribute(trial: Any) -> Any:
    trial.set(model=object())


def _stops_nobody(trial: Any) -> Any:
    Study("another", space={}, metric="score").stop()


BODIES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "raises": (_raise(ValueError("wrong")), "ValueError: wrong"),
    "empty text": (_raise(ValueError()), "ValueError"),
    "leading newlines": (_raise(ValueError("\n\n  deep down\nmore")), "deep down"),
    "surrogates": (_raise(ValueError("\udce9t\udce9")), "udce9"),
    "zeros and controls": (_raise(ValueError("a\x00b\x1b[31m\r\x85c")), "ValueError"),
    "a long text": (_raise(ValueError("x" * 100_000)), " ... "),
    "unprintable": (_raise(Unprintable()), "cannot be read"),
    "chained unprintable": (_chained, "cannot be read"),
    "not text": (_raise(ValueError(b"\xff", {1: 2})), "ValueError"),
    "a group": (_raise(ExceptionGroup("several", [ValueError("a"), TypeError("b")])), "ExceptionGroup"),
    "odd notes": (_notes, "with notes"),
    "sys.exit": (_raise(SystemExit()), "SystemExit"),
    "sys.exit with a text": (_raise(SystemExit("goodbye")), "SystemExit: goodbye"),
    "sys.exit zero": (_raise(SystemExit(0)), "SystemExit: 0"),
    "a BaseException": (_raise(Rude("out of the way")), "Rude: out of the way"),
    "GeneratorExit": (_raise(GeneratorExit()), "GeneratorExit"),
    "StopIteration": (_raise(StopIteration(3)), "StopIteration"),
    "cancelled": (_cancelled, "CancelledError"),
    "no memory": (_raise(MemoryError()), "MemoryError"),
    "recursion": (_recursion, "RecursionError"),
    "timeout": (_raise(TimeoutError("late")), "TimeoutError: late"),
    "broken pipe": (_raise(BrokenPipeError(32, "gone")), "BrokenPipeError"),
    "async": (_async, "async function"),
    "no metric": (_value({"scores": 1.0}), "did you mean 'scores'"),
    "an empty dict": (_value({}), "without reporting score"),
    "a metric that is None": (_value({"score": None}), "without reporting score"),
    "a text": (_value("0.5"), "not a number"),
    "bytes": (_value(b"0.5"), "not a number"),
    "complex": (_value(1j), "not a number"),
    "a text in a dict": (_value({"score": 0.5, "phase": "train"}), "'phase' is a str"),
    "a name that is no text": (_value({"score": 0.5, 3: 1.0}), "must be a text"),
    "an empty name": (_value({"score": 0.5, "": 1.0}), "cannot be called"),
    "a name with surrogates": (_value({"score": 0.5, "\udce9": 1.0}), "cannot be called"),
    "a name with a newline": (_value({"score": 0.5, "a\nb": 1.0}), "cannot be called"),
    "a long name": (_value({"score": 0.5, "n" * 1000: 1.0}), "cannot be called"),
    "a bad mapping": (_value(BadMapping(score=1.0)), "KeyError"),
    "too many": (_value((0.5, 0.6)), "2 values were reported"),
    "none of several": (_value(()), "0 values were reported"),
    "an object": (_value(object()), "is no number: object"),
    "a trap": (_value(Trap()), "is no number: Trap"),
    "an item that is none": (_value(Item(None)), "is no number: Item"),
    "an array": (_value(np.zeros(3)), "is no number: ndarray"),
    "a huge integer": (_value(10**400), "is no number: int"),
    "nan": (_value(float("nan")), "score is nan"),
    "inf": (_value(float("inf")), "score is inf"),
    "minus inf": (_value({"score": np.float32("-inf")}), "score is -inf"),
    "pruned": (_raise(Pruned("too slow")), "too slow"),
    "pruned without a word": (_raise(Pruned()), "refuses"),
    "pruned by Optuna": (_optuna, "seen enough"),
    "a list of one": (_value([0.5]), GOOD),
    "NumPy's float": (_value(np.float32(0.5)), GOOD),
    "NumPy's array of one": (_value(np.array([0.5])), GOOD),
    "an item": (_value(Item(0.5)), GOOD),
    "a bool": (_value(True), GOOD),
    "a fraction": (_value(Fraction(1, 2)), GOOD),
    "a decimal": (_value(decimal.Decimal("0.5")), GOOD),
    "more metrics": (_value({"score": 0.5, "odd name/λ %": 1, "missing": None}), GOOD),
    "other metrics not finite": (_value({"score": 0.5, "loss": float("nan")}), GOOD),
    "clears its parameters": (_mutates, GOOD),
    "changes the folder": (_chdir, GOOD),
    "warnings as errors": (_warnings, GOOD),
    "no stdout": (_stdout, GOOD),
    "ignores signals": (_signals, GOOD),
    "NumPy raises": (_errors, GOOD),
    "decimals trap": (_traps, GOOD),
    "seeds the world": (_global_seed, GOOD),
    "forks and comes out": (_fork, GOOD),
    "closes its streams": (_closes, GOOD),
    "prints a megabyte": (_prints, GOOD),
    "reports from a thread": (_thread, GOOD),
    "deletes its folder": (_no_folder, GOOD),
    "an attribute that is no JSON": (_attribute, "object is no JSON value"),
    "logs a file that is not there": (lambda trial: trial.log_artifact("nowhere.txt"), "no such file or folder"),
    "logs a file outside": (lambda trial: trial.log_artifact(__file__, "../.."), "leads out"),
    "stops a study that does not run": (_stops_nobody, "is not being run by this process"),
}
"""Kind by name: what it does, and what its trial must say of it, or GOOD."""

LATE = [
    "logs a file outside",
    "raises",
    "surrogates",
    "unprintable",
    "sys.exit",
    "a BaseException",
    "GeneratorExit",
    "recursion",
    "a text",
    "nan",
    "inf",
    "a trap",
    "too many",
    "StopIteration",
    "pruned",
    "an empty name",
    "forks and comes out",
]
"""Kinds that are also tried after good epochs."""

SHAPES = ("plain", "generator", "handle")


def objective(kind: str, shape: str, late: bool = False, number: int = 2) -> Callable[[Any], Any]:
    """Return an objective that misbehaves in one trial, and is a good one in every other."""
    body, _ = BODIES[kind]

    def plain(trial: Any) -> Any:
        return body(trial) if trial.number == number else 0.25

    def generator(trial: Any) -> Iterator[Any]:
        if late or trial.number != number:
            yield 0.125
            yield 0.25
        if trial.number == number:
            yield body(trial)

    def handle(trial: Any) -> None:
        if late or trial.number != number:
            trial.report(0.125)
            trial.report(0.25)
        if trial.number == number:
            trial.report(body(trial))

    return {"plain": plain, "generator": generator, "handle": handle}[shape]


ALL = [(kind, shape, False) for kind in BODIES for shape in SHAPES]
ALL += [(kind, shape, True) for kind in LATE for shape in SHAPES if shape != "plain"]
ALL.sort(key=lambda case: BODIES[case[0]][1] != GOOD)  # a study whose first trials all fail stops


def everything(trial: Any) -> Any:
    """Each trial misbehaves in a way of its own: the whole cross in one study."""
    return objective(*ALL[trial.number], number=trial.number)(trial)
