"""No bit of a study depends on where it trains: not on the threads, cores, environment or error state of a process.

Every study is run as users run it, by the command line in a process of its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.engine.resume import same_value
from hpsearch.errors import UserError
from hpsearch.log.catalogue import load_history
from hpsearch.objectives.surroundings import declared_threads
from hpsearch.report.export import to_bytes
from hpsearch.study.declaration import declare, identity
from hpsearch.study.declared import Declaration
from hpsearch.study.study import Study

COUNTS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")

NETWORKS = """
{seterr}
from hpsearch import Choice, Float, MLPClassifier, Study
study = Study(
    "it", model=MLPClassifier(max_epochs=3), data="digits", n_trials=6, lanes=3, seed=1{extra},
    space={{"learning_rate": Float(0.01, 10, log=True), "hidden_layer_sizes": Choice([(30,), (100,)])}},
)
"""

PRODUCTS = """
{seterr}
import numpy as np
from hpsearch import Float, Study

def product(trial):
    a = trial.rng.normal(size=(300, 300))
    state = a * trial["scale"]
    for _ in range(4):
        state = np.sin(30 * (a @ state) @ a)
        with_zero = np.float64(1) / (np.float64(state[0, 0]) * 0)  # raises where a process says so
        yield {{"value": state.sum(), "infinite": float(np.isinf(with_zero))}}

study = Study(
    "it", objective=product, space={{"scale": Float(0.1, 3)}}, metric="value", sampler="random", pruner="none",
    n_trials=6, epochs=4, lanes=3{extra},
)
"""

GAUSSIAN = NETWORKS.replace("n_trials=6", 'n_trials=14, sampler="gp"').replace("max_epochs=3", "max_epochs=1")

PIPELINE = """
{seterr}
from sklearn.pipeline import make_pipeline
from sklearn.decomposition import PCA
from hpsearch import Float, MLPClassifier, Study
study = Study(
    "it", model=make_pipeline(PCA(20), MLPClassifier(max_epochs=2)), data="digits", n_trials=4, lanes=2{extra},
    space={{"mlpclassifier__learning_rate": Float(0.1, 1)}},
)
"""

STUDIES = {"networks": NETWORKS, "products": PRODUCTS, "gaussian process": GAUSSIAN, "pipeline": PIPELINE}


def curves(
    folder: Path, source: str, *options: str, seterr: str = "", extra: str = "", cores: int | None = None, **set_to: str
) -> bytes:
    """Return the exported curves of a study that was run in such an environment."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "it.py").write_text(source.format(seterr=seterr and f"import numpy\n{seterr}", extra=extra))
    environment = {name: value for name, value in os.environ.items() if name not in COUNTS} | set_to
    bound = ["taskset", "-c", ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))] if cores else []
    run = [*bound, sys.executable, "-m", "hpsearch", "run", "it.py", "--no-tracking", "--quiet", *options]
    completed = subprocess.run(
        run, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert completed.returncode == 0, completed.stderr
    exported = to_bytes(load_history(folder / "mlruns" / "studies" / "it"), curves=True)
    assert exported.count(b"\n") > 4
    return exported


@pytest.mark.slow
def test_products_of_a_users_function_are_the_same_in_one_process_and_two_workers(tmp_path: Path) -> None:
    assert curves(tmp_path / "it", PRODUCTS) == curves(tmp_path / "it", PRODUCTS, "--workers", "2")


def test_networks_are_the_same_under_any_environment(tmp_path: Path) -> None:
    plain = curves(tmp_path / "it", NETWORKS)
    raised = curves(tmp_path / "it", NETWORKS, seterr='numpy.seterr(all="raise")', OPENBLAS_NUM_THREADS="4")
    assert raised == plain


@pytest.mark.slow
@pytest.mark.parametrize("name", STUDIES)
def test_every_kind_of_study_is_the_same_under_every_environment(tmp_path: Path, name: str) -> None:
    source, folder = STUDIES[name], tmp_path / "it"
    plain = curves(folder, source)
    for variable in COUNTS:
        for number in ("1", "4"):
            assert curves(folder, source, **{variable: number}) == plain, (variable, number)
    assert curves(folder, source, **dict.fromkeys(COUNTS, "3")) == plain
    if shutil.which("taskset"):
        assert curves(folder, source, cores=1) == plain
    assert curves(folder, source, seterr='numpy.seterr(all="raise")') == plain
    assert curves(folder, source, "--workers", "2") == plain
    assert curves(folder, source, "--workers", "2", seterr='numpy.seterr(all="raise")') == plain


@pytest.mark.slow
def test_a_declared_number_of_threads_holds_in_every_process(tmp_path: Path) -> None:
    one, two = (curves(tmp_path / "it", PRODUCTS, extra=f", threads={n}") for n in (1, 2))
    assert one != two
    assert curves(tmp_path / "it", PRODUCTS, "--workers", "2", extra=", threads=2") == two
    assert curves(tmp_path / "it", PRODUCTS, extra=", threads=2", cores=1, OPENBLAS_NUM_THREADS="1") == two


def product(trial: object) -> float:
    return 1.0


def study(**settings: object) -> Study:
    return Study("it", objective=product, space={}, metric="value", **settings)  # type: ignore[arg-type]


def test_threads_are_part_of_what_a_study_is_only_where_they_are_declared() -> None:
    assert "threads" not in declare(study())
    assert identity(declare(study(threads=1))) == identity(declare(study()))
    assert identity(declare(study(threads=2))) != identity(declare(study()))


def test_a_number_of_threads_is_a_whole_one_from_one_on() -> None:
    for wrong in (0, 1.5, True):
        with pytest.raises(UserError, match="threads must be"):
            study(threads=wrong)


def test_functions_of_old_logs_go_on_with_the_threads_that_they_had() -> None:
    now, old = {"threads": 1}, {"cpu": "x"}
    assert declared_threads(Declaration(objective={}, threads=3), now) == 3
    assert declared_threads(Declaration(objective={}), now) == 1
    assert declared_threads(Declaration(objective={}), old) is None
    assert declared_threads(Declaration(model={}), old) == 1


def test_only_norms_of_gradients_of_old_logs_are_compared_with_a_tolerance() -> None:
    now, old = {"threads": 1}, {"cpu": "x"}
    close, far = 1.0 + 1e-6, 1.1
    assert same_value("gradient_norm_1", 1.0, close, old)
    assert not same_value("gradient_norm_1", 1.0, close, now)
    assert not same_value("gradient_norm_1", 1.0, far, old)
    assert not same_value("val_cost", 1.0, close, old)
    assert same_value("val_cost", float("nan"), float("nan"), now)
