"""The public Study and the corridor from it to a result: one class for users, typed options, each part built once."""

from __future__ import annotations

import ast
import inspect
import pickle
import subprocess
import sys
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import pytest

import hpsearch
from hpsearch import Float, Study, ladder, samplers
from hpsearch.running import options
from hpsearch.running.options import GROUPS, Options, Outlet, RunOptions
from hpsearch.study import study as declaration
from hpsearch.study.loading import load_study
from hpsearch.study.variants import override
from hpsearch.tracking.process import Delivery, NoDelivery

ROOT = Path(hpsearch.__file__).parent


def height(trial: Any) -> float:
    return float(1 - abs(trial.params["a"] - 0.3))


def make(**settings: Any) -> Study:
    arguments = {
        "objective": height,
        "space": {"a": Float(0, 1)},
        "metric": "score",
        "sampler": "random",
        "n_trials": 6,
    }
    return Study("made", **{**arguments, **settings})


def test_users_have_one_class_from_files_copies_variants_and_pickles(tmp_path: Path) -> None:
    path = tmp_path / "one.py"
    path.write_text(
        "from hpsearch import Float, Study\n"
        "study = Study('one', objective=lambda trial: trial.params['a'], space={'a': Float(0, 1)}, metric='score')\n"
    )
    study = make(sampler="qmc")
    for copied in (
        load_study(path),
        replace(study, seed=3),
        override(study, seed=3),
        pickle.loads(pickle.dumps(study)),
    ):
        assert type(copied) is Study
        assert isinstance(copied, declaration.Study)
    assert pickle.loads(pickle.dumps(study)).space == study.space
    assert repr(study).startswith("Study(name='made'")
    assert inspect.signature(Study) == inspect.signature(declaration.Study)
    assert "space: A dimension per parameter" in (Study.__doc__ or "")


def test_each_option_of_a_run_belongs_to_one_group_under_its_type() -> None:
    hints = get_type_hints(RunOptions)
    sorted_ = [(field.name, get_type_hints(group)[field.name]) for group in GROUPS for field in fields(group)]
    assert len(sorted_) == len(hints)
    assert dict(sorted_) == hints
    assert [group for _, group in get_type_hints(Options).items()] == list(GROUPS)
    for group in GROUPS:
        documented = inspect.getdoc(group) or ""
        assert all(f"    {field.name}: " in documented for field in fields(group))


def test_options_are_sorted_and_the_rest_keeps_its_default() -> None:
    options = Options.of(workers=3, until=0.5, quiet=True, tracking=False)
    assert (options.place.workers, options.limits.until, options.view.quiet, options.outlet) == (
        3,
        0.5,
        True,
        Outlet(tracking=False),
    )
    assert Options.of() == Options()


def test_a_wrong_keyword_is_refused_and_the_right_one_suggested(tmp_path: Path) -> None:
    wrong: Any = {"worker": 2}
    with pytest.raises(TypeError, match=r"unexpected keyword argument 'worker' \(did you mean 'workers'\?\)"):
        make().run(tmp_path, **wrong)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_wrong_keyword_is_a_type_error() -> None:
    calls = ("until=0.5", "worker=2", "workers='2'")
    code = "from hpsearch import Study\ndef f(study: Study) -> None:\n" + "".join(
        f"    study.run({x})\n" for x in calls
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--ignore-missing-imports",
        "--no-incremental",
    ]
    completed = subprocess.run(
        [*command, "--follow-imports=silent", "-c", code], capture_output=True, text=True, cwd=ROOT.parent
    )
    errors = [line for line in completed.stdout.splitlines() if line.startswith("<string>") and ": error:" in line]
    assert [line.split(":")[1] for line in errors] == ["4", "5"], completed.stdout + completed.stderr
    assert 'Unexpected keyword argument "worker"' in errors[0]
    assert 'expected "int | ' in errors[1]


@pytest.mark.parametrize("settings", [{}, {"confirm": 1}, {"sampler": "grid", "space": {"a": Float(0, 1, step=0.5)}}])
def test_a_run_builds_its_sampler_and_its_ladder_once(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[str] = []
    sampler, climb = samplers.build, ladder.build
    monkeypatch.setattr(samplers, "build", lambda *args: (built.append("sampler"), sampler(*args))[1])
    monkeypatch.setattr(ladder, "build", lambda *args, **more: (built.append("ladder"), climb(*args, **more))[1])
    make(**settings).run(tmp_path, quiet=True, tracking=False)
    assert sorted(built)[:2] == ["ladder", "sampler"]
    assert built.count("ladder") == 1
    assert built.count("sampler") == (2 if "confirm" in settings else 1)  # a stage has its own


def test_what_stands_in_a_deliverys_place_takes_all_that_a_run_says_to_it(tmp_path: Path) -> None:
    for name, method in inspect.getmembers(NoDelivery, inspect.isfunction):
        if name.strip("_") not in ("init", "enter", "exit"):
            assert inspect.signature(method).parameters == inspect.signature(getattr(Delivery, name)).parameters
    assert isinstance(Options.of(tracking=False).outlet.open(tmp_path), NoDelivery)
    assert isinstance(options.Outlet().open(tmp_path), Delivery)
    assert make().run(tmp_path, quiet=True, tracking=False).run is None


def test_only_the_fold_of_the_log_writes_to_a_history() -> None:
    """``history.stop = …`` outside of the history is a result that the log does not know."""
    wrong = []
    for path in ROOT.glob("**/*.py"):
        if path.relative_to(ROOT).parts[0] in ("models", "log"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            targets = node.targets if isinstance(node, ast.Assign) else []
            for target in (node_of_target for assigned in targets for node_of_target in ast.walk(assigned)):
                if isinstance(target, ast.Attribute) and isinstance(target.ctx, ast.Store):
                    owner = target.value
                    if (getattr(owner, "id", None) or getattr(owner, "attr", None)) == "history":
                        wrong.append(f"{path}:{node.lineno}")
    assert not wrong


def test_a_study_of_a_function_loads_only_what_it_needs(tmp_path: Path) -> None:
    """It begins at once: scikit-learn and pandas alone take seconds to import."""
    code = (
        "import sys; from hpsearch import Float, Study\n"
        "study = Study('f', objective=lambda trial: trial['x'], space={'x': Float(0, 1)}, metric='score', n_trials=2,\n"
        "              sampler='random', pruner='none')\n"
        "study.run(sys.argv[1], quiet=True, tracking=False)\n"
        "print([name for name in ('sklearn', 'scipy', 'pandas', 'optuna', 'mlflow') if name in sys.modules])"
    )
    completed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"


def test_a_study_of_networks_imports_little_beyond_what_every_estimator_does() -> None:
    """``import sklearn.base`` takes most of a second; what can wait until it is needed stays out."""
    late = (
        "sklearn.model_selection", "sklearn.metrics", "sklearn.linear_model", "sklearn.ensemble", "sklearn.pipeline",
        "mlflow", "optuna", "pooch", "plotly", "matplotlib", "dask", "skops", "greenlet", "cloudpickle",
    )  # fmt: skip
    code = (
        "import sys, sklearn.base; before = set(sys.modules); from hpsearch import Float, MLPClassifier, Study\n"
        "Study(name='s', model=MLPClassifier(), space={'l2': Float(0, 1)}, data='digits', n_trials=2)\n"
        f"print([name for name in {late} if name in sys.modules and name not in before])"
    )
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "[]"


def test_a_limit_that_was_lifted_lets_a_stopped_study_go_on(tmp_path: Path) -> None:
    study = make(n_trials=30, lanes=2)
    first = study.run(tmp_path, quiet=True, tracking=False, no_improvement=1)
    assert (first.history.stop or "").startswith("no improvement")
    assert len(first.history.trials) < 30
    again = study.run(tmp_path, quiet=True, tracking=False)
    assert again.history.stop is None
    assert len(again.history.trials) == 30
