"""The limit on threads: it holds from the outermost block on, for what is loaded later too, and is taken back."""

from __future__ import annotations

import ast
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import scipy.linalg  # noqa: F401 - brings its BLAS
import sklearn.ensemble  # noqa: F401 - brings its OpenMP
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from hpsearch.models.datasets import load
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.models.threads import ThreadsConflictError, limited
from hpsearch.models.training.population import Population


def numbers() -> set[int]:
    """The number of threads of every library that is loaded."""
    return {library["num_threads"] for library in threadpool_info()}


@pytest.fixture(autouse=True)
def three_threads() -> Iterator[None]:
    """Whatever machine this is, a user has set three threads, and finds them afterwards."""
    for library in ThreadpoolController().lib_controllers:
        # Another test may have set it from a thread: then threadpoolctl leaves it as it is, silently.
        release = getattr(library, "clear_controlling_thread", None)
        if release is not None:
            release(force=True)
    with threadpool_limits(3):
        yield
        assert numbers() == {3}, threadpool_info()


def test_one_thread_within_and_what_was_set_before_afterwards() -> None:
    with limited():
        assert numbers() == {1}
    assert numbers() == {3}


def test_a_block_within_a_block_keeps_what_stands() -> None:
    with limited(2):
        with limited():
            assert numbers() == {2}
        assert numbers() == {2}


def test_a_number_that_is_named_holds_within_another() -> None:
    with limited():
        with limited(2), limited():
            assert numbers() == {2}
        assert numbers() == {1}


def test_an_exception_takes_the_limit_back_too() -> None:
    with pytest.raises(ValueError, match="mine"), limited(), limited(2):
        raise ValueError("mine")
    assert numbers() == {3}


def in_another_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def test_threads_share_the_limit_which_stands_until_the_last_leaves() -> None:
    inside = threading.Event()
    over = threading.Event()

    def hold() -> None:
        with limited():
            inside.set()
            over.wait(60)

    holder = threading.Thread(target=hold)
    with limited():
        holder.start()
        assert inside.wait(60)
    blas = {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
    over.set()
    holder.join()
    assert blas == {1}


def test_the_limit_holds_in_a_thread_while_another_one_has_set_its_own() -> None:
    seen: list[set[int]] = []

    def look() -> None:
        with limited():
            seen.append(numbers())
        seen.append({library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"})

    in_another_thread(look)  # this one, in the fixture, is the last that set a number
    assert seen == [{1}, {3}]


def test_another_number_in_another_thread_is_refused() -> None:
    refused: list[str] = []

    def ask() -> None:
        try:
            with limited(2):
                raise AssertionError("two numbers cannot both hold")
        except ThreadsConflictError as error:
            refused.append(str(error))

    with limited(1):
        in_another_thread(ask)
    assert "threads=1" in refused[0]
    assert "threads=2" in refused[0]


LATER = """
import sys
from contextlib import nullcontext
from hpsearch.models.threads import limited
from threadpoolctl import threadpool_info
assert "{package}" not in sys.modules
with limited() if {limit} else nullcontext():
    import {package}
    within = {{each["filepath"]: each["num_threads"] for each in threadpool_info()}}
import json.tool  # the import system is as it was
assert not any("hpsearch" in type(finder).__module__ for finder in sys.meta_path)
print([within, {{each["filepath"]: each["num_threads"] for each in threadpool_info()}}])
"""


@pytest.mark.parametrize(("package", "library"), [("scipy.linalg", "openblas"), ("sklearn.ensemble", "gomp")])
def test_what_is_loaded_while_the_limit_stands_is_limited_and_given_back(package: str, library: str) -> None:
    free, limited_then = (ran(LATER.format(package=package, limit=limit)) for limit in (False, True))
    assert library in str(free[0])
    assert limited_then == [dict.fromkeys(free[0], 1), free[1]]


def ran(code: str, folder: str | None = None) -> list[dict[str, int]]:
    environment = {"OPENBLAS_NUM_THREADS": "3", "OMP_NUM_THREADS": "3", "PYTHONPATH": ":".join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return list(ast.literal_eval(done.stdout or "[]"))


TORCH = """
import sys, types
from hpsearch.models.threads import limited
from pathlib import Path
Path("torch.py").write_text("n = 3\\ndef get_num_threads(): return n\\ndef set_num_threads(m):\\n global n\\n n = m\\n")
sys.path.insert(0, ".")
with limited(2):
    import torch
    assert torch.n == 2
assert torch.n == 3
"""


def test_torch_has_a_number_of_its_own(tmp_path: object) -> None:
    ran(TORCH, str(tmp_path))


def test_a_fit_sets_the_limit_once(monkeypatch: pytest.MonkeyPatch) -> None:
    digits = load("digits")
    seen = []
    changes = 0
    enter = sys.modules["hpsearch.models.threads"]._enter

    def counted(threads: int | None) -> None:
        nonlocal changes
        changes += 1
        enter(threads)

    epoch = Population.run_epoch

    def watched(self: Population, seed: tuple[int, ...]) -> object:
        seen.append(numbers())
        return epoch(self, seed)

    monkeypatch.setattr("hpsearch.models.threads._enter", counted)
    monkeypatch.setattr(Population, "run_epoch", watched)
    MLPClassifier(max_epochs=4, random_state=0).fit(digits.X_train[:200], digits.y_train[:200])
    assert seen == [{1}] * 4
    assert changes == 1


@pytest.mark.parametrize("options", [{}, {"optimizer": "hessian_free", "batch_size": 200}, {"augmentation": "affine"}])
def test_no_bit_of_a_fit_depends_on_the_number_of_threads(options: dict[str, object]) -> None:
    rng = np.random.default_rng(0)
    X = rng.random((400, 784), dtype=np.float32)
    y = rng.integers(10, size=400)

    def fitted(threads: int) -> tuple[dict[str, list[float]], bytes]:
        with threadpool_limits(threads):
            model = MLPClassifier((100,), max_epochs=2, random_state=0, **options).fit(X, y)
            return model.history_, model.predict_proba(X).tobytes()

    assert fitted(1) == fitted(2) == fitted(4)
