"""A study over models and steps that are options, with parameters below them, from its declaration to its model."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC

from hpsearch import Choice, Float, Int, MLPClassifier, Study
from hpsearch.errors import UserError
from hpsearch.models import datasets
from hpsearch.objectives.build import prepare
from hpsearch.objectives.pipeline import PipelinePopulation
from hpsearch.report.export import to_bytes
from hpsearch.study.declaration import changes, declare, identity, widens

FAMILIES: dict[str, Any] = {
    "forest": RandomForestClassifier(n_estimators=5, random_state=0),
    "sgd": SGDClassifier(loss="log_loss", max_iter=3, random_state=0),
    "svm": SVC(),
}
BELOW: dict[str, Any] = {
    "model__n_estimators": Int(3, 9, when={"model": "forest"}),
    "model__alpha": Float(1e-5, 1e-2, log=True, when={"model": "sgd"}),
    "model__kernel": Choice(["rbf", "linear"], when={"model": "svm"}),
    "model__gamma": Float(0.01, 1, log=True, when={"model__kernel": "rbf"}),
}


def small() -> tuple[Any, Any]:
    digits = datasets.load("digits")
    return digits.X_train[:150], digits.y_train[:150]


def families(**settings: Any) -> Study:
    arguments = {
        "model": Choice(FAMILIES),
        "space": BELOW,
        "data": small(),
        "sampler": "random",
        "n_trials": 9,
        **settings,
    }
    return Study("families", **arguments)


def test_a_choice_between_models_is_one_study(tmp_path: Path) -> None:
    result = families(n_trials=12).run(root=tmp_path, tracking=False, quiet=True)
    assert {trial.state for trial in result.history.trials} <= {"COMPLETE", "PRUNED"}
    by_model = {trial.params["model"]: sorted(trial.params) for trial in result.history.trials}
    assert by_model["forest"] == ["model", "model__n_estimators"]
    assert by_model["sgd"] == ["model", "model__alpha"]
    assert set(by_model["svm"]) <= {"model", "model__gamma", "model__kernel"}
    best = result.best_trial
    assert best is not None
    assert type(result.trial_model.steps[-1][1]) is type(FAMILIES[best.params["model"]])
    X, _ = small()
    assert result.trial_model.predict(X).shape == (150,)
    assert "forest" in to_bytes(result.history, "csv").decode(), "exports have names"
    again = families(n_trials=12).run(root=tmp_path, tracking=False, quiet=True)
    assert len(again.history.trials) == 12, "the same declaration is the same study"


def test_the_choice_may_stand_in_the_space_alone(tmp_path: Path) -> None:
    space = {"model": Choice(FAMILIES), **BELOW}
    alone, combined = families(model=None, space=space), families()
    assert identity(declare(alone, "d")) == identity(declare(combined, "d"))


def test_a_step_is_an_option_and_none_of_them_leaves_the_fused_path(tmp_path: Path) -> None:
    model = Pipeline([("scale", StandardScaler()), ("net", MLPClassifier((8,), max_epochs=2))])
    scalers = {"standard": StandardScaler(), "minmax": MinMaxScaler(), "none": "passthrough"}
    study = Study(
        "steps",
        model=model,
        data=small(),
        sampler="grid",
        pruner="none",
        space={"scale": Choice(scalers), "net__l2": [0.0, 1.0]},
    )
    data = datasets.load(small())
    assert isinstance(prepare(study, data).make(data), PipelinePopulation)
    result = study.run(root=tmp_path, tracking=False, quiet=True)
    values = {(t.params["scale"], t.params["net__l2"]): t.value for t in result.history.trials}
    assert len(values) == 6
    assert None not in values.values()
    scaler = result.trial_model.named_steps["scale"]
    chosen = scalers[result.best_trial.params["scale"]]  # type: ignore[union-attr]
    assert scaler == chosen or type(scaler) is type(chosen)


def test_options_below_options_and_steps_of_pipelines_that_are_options(tmp_path: Path) -> None:
    reduced = Pipeline([("reduce", PCA(2)), ("line", LogisticRegression())])
    study = Study(
        "nested",
        model=Choice({"line": LogisticRegression(), "reduced": reduced}),
        data=small(),
        sampler="random",
        n_trials=6,
        pruner="none",
        space={
            "model__reduce": Choice({"pca": PCA(), "none": "passthrough"}, when={"model": "reduced"}),
            "model__reduce__n_components": Int(2, 5, when={"model__reduce": "pca"}),
            "model__line__C": Float(0.1, 10, log=True, when={"model": "reduced"}),
        },
    )
    result = study.run(root=tmp_path, tracking=False, quiet=True)
    assert [trial.state for trial in result.history.trials] == ["COMPLETE"] * 6
    assert {trial.params["model"] for trial in result.history.trials} == {"line", "reduced"}


def test_an_option_that_cannot_be_trained_fails_its_trials_alone(tmp_path: Path) -> None:
    study = families(model=Choice({**FAMILIES, "broken": SVC(C=-1.0)}), n_trials=12)
    result = study.run(root=tmp_path, tracking=False, quiet=True)
    failed = {trial.params["model"] for trial in result.history.trials if trial.state == "FAILED"}
    assert failed == {"broken"}


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"space": {"model__n_estimators": Int(3, 9)}}, "when={'model': ['forest']}"),
        ({"space": {"n_estimators": Int(3, 9)}}, "write 'model__n_estimators' with when={'model': ['forest']}"),
        (
            {"space": {"model__alfa": Float(0, 1, when={"model": "sgd"})}},
            "model='sgd' has no parameter 'alfa' (did you mean 'alpha'?)",
        ),
        ({"model": Choice({"a": SVC(), "b": Ridge()}), "space": {}}, "compares models of one kind"),
        ({"model": Choice({"a": SVC(), "b": "passthrough"}), "space": {}}, "'b' is no scikit-learn estimator"),
        ({"model": Choice([SVC, Ridge]), "space": {}}, "is no scikit-learn estimator"),
    ],
)
def test_what_cannot_be_is_said_with_what_to_write(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as raised:
        families(**settings)
    assert words in str(raised.value)


def test_an_object_behind_a_name_is_part_of_what_the_study_is() -> None:
    other = {**FAMILIES, "svm": SVC(C=7.0)}
    old, new = (declare(families(model=Choice(options)), "d") for options in (FAMILIES, other))
    assert identity(old) != identity(new)
    assert any("space.model.svm" in line and "7.0" in line for line in changes(old, new))
    assert not widens(old, new)
    json.dumps(old, allow_nan=False)


def test_another_option_widens_a_study() -> None:
    more = {**FAMILIES, "ridge": LogisticRegression()}
    old, new = (declare(families(model=Choice(options)), "d") for options in (FAMILIES, more))
    assert widens(old, new)
    assert not widens(new, old)


def test_the_options_that_a_user_gave_are_never_changed(tmp_path: Path) -> None:
    before = {name: repr(option) for name, option in FAMILIES.items()}
    families().run(root=tmp_path, tracking=False, quiet=True)
    assert {name: repr(option) for name, option in FAMILIES.items()} == before
    assert not hasattr(FAMILIES["svm"], "support_")


def test_numbers_of_numpy_and_fixed_values_reach_the_model(tmp_path: Path) -> None:
    study = Study(
        "plain",
        model=SVC(),
        data=small(),
        sampler="grid",
        pruner="none",
        space={"C": np.array([0.5, 1.0]), "kernel": "linear", "class_weight": [{0: 1, 1: 5}, None]},
    )
    result = study.run(root=tmp_path, tracking=False, quiet=True)
    assert [trial.state for trial in result.history.trials] == ["COMPLETE"] * 4
    assert {trial.params["kernel"] for trial in result.history.trials} == {"linear"}
    weights = {trial.params["class_weight"] for trial in result.history.trials}
    assert weights == {"{0: 1, 1: 5}", None}
    assert identity(declare(study, "d")) == identity(declare(replace(study), "d"))


def test_a_list_of_grids_may_hold_estimators_as_gridsearchcv_s_do(tmp_path: Path) -> None:
    model = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
    study = Study(
        "grids",
        model=model,
        data=small(),
        space=[{"clf": [SVC(), LogisticRegression()], "scale": ["passthrough", StandardScaler()]}],
    )
    result = study.run(root=tmp_path, tracking=False, quiet=True)
    assert [trial.state for trial in result.history.trials] == ["COMPLETE"] * 4
    names = {trial.params["clf"] for trial in result.history.trials}
    assert names == {"SVC()", "LogisticRegression()"}


def test_parameters_below_the_steps_of_a_list_of_grids_exist_where_their_step_does(tmp_path: Path) -> None:
    model = Pipeline([("scale", StandardScaler()), ("clf", LogisticRegression())])
    study = Study(
        "below",
        model=model,
        data=small(),
        space=[
            {"clf__C": np.array([0.5, 1.0]), "clf": [SVC()]},
            {"clf": [RandomForestClassifier(random_state=0)], "clf__n_estimators": range(3, 5)},
        ],
    )
    result = study.run(root=tmp_path, tracking=False, quiet=True)
    tried = [trial.params for trial in result.history.trials]
    assert [trial.state for trial in result.history.trials] == ["COMPLETE"] * 4
    assert tried[0] == {"clf": "SVC()", "clf__C": 0.5}
    assert tried[3] == {"clf": "RandomForestClassifier(random_state=0)", "clf__n_estimators": 4}


def test_the_examples_of_the_page_are_studies() -> None:
    page = Path(__file__).parents[3] / "docs" / "any-model.md"
    code = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(code) == 2
    names: dict[str, Any] = {}
    for block in code:
        exec(compile(block, page.name, "exec"), names)
        prepare(names["study"], datasets.load("digits"))
