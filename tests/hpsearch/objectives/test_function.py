"""What a user's function is given."""

from __future__ import annotations

from hpsearch import Float, Study
from hpsearch.running.api import run


def test_an_objective_is_given_the_loaded_data_of_its_study(tmp_path):
    study = Study("sizes", objective=lambda trial: len(trial.data.y_train), data="digits", metric="images")
    assert run(study, tmp_path, quiet=True, tracking=False).best_trial.value == 1078


def test_without_data_an_objective_is_given_none(tmp_path):
    space = {"x": Float(0, 1)}
    study = Study("none", objective=lambda trial: trial.data is None, space=space, metric="score", n_trials=1)
    assert run(study, tmp_path, quiet=True, tracking=False).best_trial.value == 1.0
