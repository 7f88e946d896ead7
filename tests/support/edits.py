"""Forty edits of a study file and of a module beside it: twenty that change what is computed, twenty that do not.

``python -m edits FOLDER`` (with this folder on the path) prints how many of them the identity judges right.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

STUDY = '''"""A study of everything that code can be made of."""

import functools
import math
import time
import warnings
from dataclasses import dataclass
from functools import partial
from math import sin as wave

import numpy as np
import optuna
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import helpers
from helpers import shift
from hpsearch import Float, Study

DECAY = 0.5
UNUSED = 1
START = time.time()
RATES = [0.1, 0.2]
TOLD = "of a text"
LIMIT = 0.9
HIGH = 4
BITS = 16


def unused(x):
    return x


def scaled(times):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(trial):
            return times * function(trial)

        return wrapper

    return decorate


class Settings:
    gamma = 0.3


@dataclass
class Task:
    """A bound objective."""

    depth: int = 2
    width: int = 3

    def __call__(self, trial):
        return self.depth * trial["x"]

    def score(self, trial):
        return self.depth * self.width + trial["x"]


@scaled(2)
def objective(trial, offset=1.0):
    """Return a number."""
    x = trial["x"]
    began = START
    y = wave(x) * DECAY + offset + Settings.gamma * BITS
    for rate in RATES:
        y += rate * shift(x) * helpers.FACTOR
    return {"score": y, "age": time.time() - began}


def make(times):
    def inner(trial):
        return times * trial["x"]

    return inner


def weighted(trial, weight):
    return weight * trial["x"]


def small(point):
    return point["x"] < LIMIT


def space(trial):
    trial.suggest_float("x", 0, HIGH)


def doubled(X):
    return X * 2


class Majority(ClassifierMixin, BaseEstimator):
    def __init__(self, bias=0.0):
        self.bias = bias

    def fit(self, X, y):
        self.classes_, counts = np.unique(y, return_counts=True)
        self.winner_ = int(np.argmax(counts))
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[self.winner_])


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    OPTUNA = optuna.samplers.TPESampler(gamma=lambda n: min(n, 5), seed=1)
X = {"x": Float(0, 1)}
studies = [
    Study("plain", objective=objective, space=X, metric="score", constraints=[small]),
    Study("closure", objective=make(3), space=X),
    Study("partial", objective=partial(weighted, weight=3), space=X),
    Study("callable", objective=Task(), space=X),
    Study("bound", objective=Task(depth=4).score, space=X),
    Study("function", objective=partial(weighted, weight=1), space=space),
    Study("optuna", objective=make(1), space=X, sampler=OPTUNA),
    Study(
        "model",
        model=make_pipeline(FunctionTransformer(doubled), Majority()),
        space={"majority__bias": Float(0, 1)},
        data="digits",
        scoring=make_scorer(fbeta_score, beta=1, average="macro"),
    ),
]
'''

HELPERS = '''"""What the study uses."""

FACTOR = 3
OTHER = 4


def shift(x):
    return x + nudge(x)


def nudge(x):
    return 0.25 * x
'''


@dataclass(frozen=True)
class Edit:
    """One edit.

    Attributes:
        name: What it is.
        old: What stands in the file.
        new: What takes its place; with the old text once in the file.
        file: The file.
    """

    name: str
    old: str
    new: str
    file: str = "living.py"


CHANGES = [
    Edit("a module constant", "DECAY = 0.5", "DECAY = 0.25"),
    Edit("a constant of a module beside it", "FACTOR = 3", "FACTOR = 4", "helpers.py"),
    Edit("a function that is used by one that is used", "0.25 * x", "0.5 * x", "helpers.py"),
    Edit("a closure's value", "make(3)", "make(5)"),
    Edit("a partial argument", "partial(weighted, weight=3)", "partial(weighted, weight=4)"),
    Edit("the object that a method is bound to", "Task(depth=4).score", "Task(depth=5).score"),
    Edit("the method that is bound", "self.depth * self.width +", "self.depth + self.width +"),
    Edit("a dataclass's default", "depth: int = 2", "depth: int = 3"),
    Edit("a dataclass's annotation", "width: int = 3", "width: float = 3"),
    Edit("a default argument", "offset=1.0", "offset=2.0"),
    Edit("a class's constant", "gamma = 0.3", "gamma = 0.4"),
    Edit("a list that is added to later", "X = {", "RATES.append(0.3)\nX = {"),
    Edit("a decorator's argument", "@scaled(2)", "@scaled(3)"),
    Edit("another function under the same name", "import sin as wave", "import cos as wave"),
    Edit("a function among a sampler's options", "min(n, 5)", "min(n, 6)"),
    Edit("a scorer's argument", "beta=1", "beta=2"),
    Edit("a function among a model's parameters", "return X * 2", "return X * 3"),
    Edit("the code of a model", "np.argmax(counts)", "np.argmin(counts)"),
    Edit("the bound of a constraint", "LIMIT = 0.9", "LIMIT = 0.8"),
    Edit("the range of a space function", "HIGH = 4", "HIGH = 5"),
]

KEEPS = [
    Edit("a comment", 'x = trial["x"]', 'x = trial["x"]  # the point'),
    Edit("a docstring's words", '"""Return a number."""', '"""Return a figure."""'),
    Edit("a docstring more", "def shift(x):", 'def shift(x):\n    """Move."""', "helpers.py"),
    Edit("blank lines", "    began = START\n", "\n    began = START\n\n"),
    Edit(
        "a line broken by a formatter",
        "y += rate * shift(x) * helpers.FACTOR",
        "y += (\n            rate * shift(x)\n            * helpers.FACTOR\n        )",
    ),
    Edit("other quotes", 'return {"score": y, "age"', "return {'score': y, 'age'"),
    Edit("a trailing comma", "time.time() - began}", "time.time() - began,}"),
    Edit("type hints", "def weighted(trial, weight):", "def weighted(trial: dict, weight: float) -> float:"),
    Edit("a hint in a function", '    x = trial["x"]\n', '    x: float = trial["x"]\n'),
    Edit("an import that is not used", "import math\n", "import math\nimport json\n"),
    Edit("a constant that is not used", "UNUSED = 1", "UNUSED = 2"),
    Edit("a function that is not used", "def unused(x):\n    return x", "def unused(x):\n    return -x"),
    Edit("a constant beside what is used", "OTHER = 4", "OTHER = 5", "helpers.py"),
    Edit("another moment of loading", "UNUSED = 1", "UNUSED = 1"),
    Edit("another order of definitions", "HIGH = 4\nBITS = 16\n", "BITS = 16\nHIGH = 4\n"),
    Edit("another way to write a number", "BITS = 16", "BITS = 0x10"),
    Edit("another expression of the same value", "DECAY = 0.5", "DECAY = 1 / 2"),
    Edit("a pair of parentheses", "return times * function(trial)", "return (times * function(trial))"),
    Edit("code of the file run as a script", "X = {", 'if __name__ == "__main__":\n    print("run")\n\nX = {'),
    Edit("a statement that does nothing", "def small(point):\n", "def small(point):\n    pass\n"),
]


def write(folder: Path, edit: Edit | None = None) -> Path:
    """Write study and module into a folder, edited, and return the study's path."""
    for file, text in (("living.py", STUDY), ("helpers.py", HELPERS)):
        if edit is not None and edit.file == file:
            assert text.count(edit.old) == 1, f"{edit.name}: {edit.old!r} must be there once"
            text = text.replace(edit.old, edit.new)
        (folder / file).write_text(text, encoding="utf-8")
    return folder / "living.py"


def identities(folder: Path, edit: Edit | None = None) -> list[str]:
    """Return the identities of the studies in the edited file, loaded as by a process of its own."""
    from hpsearch.study.declaration import declare, identity
    from hpsearch.study.loading import load_file

    path = write(folder, edit)
    before = list(sys.path)
    sys.modules.pop("helpers", None)
    try:
        return [identity(json.loads(json.dumps(declare(study)))) for study in load_file(path).studies]
    finally:
        sys.modules.pop("helpers", None)
        sys.path[:] = before


def judged(folder: Path) -> dict[str, bool]:
    """Return for each edit whether the identity judges it right."""
    verdicts = {}
    sys.dont_write_bytecode = True
    for number, edit in enumerate([None, *CHANGES, *KEEPS]):
        # A folder each: a module's source and bytecode may be cached by path and second.
        subfolder = folder / str(number)
        subfolder.mkdir()
        now = identities(subfolder, edit)
        if edit is None:
            unedited = now
        else:
            verdicts[edit.name] = (now != unedited) == (edit in CHANGES)
    return verdicts


if __name__ == "__main__":
    verdicts = judged(Path(sys.argv[1]))
    for name, right in verdicts.items():
        print("right" if right else "WRONG", name)
    print(sum(verdicts.values()), "of", len(verdicts))
