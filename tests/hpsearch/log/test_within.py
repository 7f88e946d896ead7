"""What is measured within epochs: in the log, and to people and MLflow under names of its own."""

import json
import math

import numpy as np
import pytest

from hpsearch import Float, MLPClassifier, Study, UserError
from hpsearch.log.record_json import from_json, to_json
from hpsearch.log.records import Row, Tick
from hpsearch.log.rows import Rows
from hpsearch.report.html import page
from hpsearch.running.replay import _differences
from hpsearch.tracking.content import trial_points
from hpsearch.tracking.fetch import StoredTrial

RNG = np.random.default_rng(0)
DATA = RNG.random((100, 4)), RNG.integers(2, size=100)
POINTS = ((20, {"val_cost": 0.5}), (40, {"val_cost": math.inf}))


def study(**options):
    model = MLPClassifier((4,), max_epochs=2, monitor_every=20)
    space = {"learning_rate": Float(0.1, 1)}
    return Study("within", model=model, space=space, data=DATA, sampler="random", pruner="none", n_trials=2, **options)


def test_rows_come_back_from_the_log_with_their_points_and_without_them_look_as_before():
    watched, plain = Row(0, 0, 1, {"val_cost": 0.4}, within=POINTS), Row(0, 0, 2, {"val_cost": 0.3})
    tick = Tick(0, 0.0, (), (watched, plain), ())
    written = json.loads(json.dumps(to_json(tick)))
    assert written["rows"][0]["within"] == [[20, {"val_cost": 0.5}], [40, {"val_cost": "inf"}]]
    assert "within" not in written["rows"][1]
    assert from_json(written) == tick
    rows = Rows((watched, plain))
    assert list(rows) == [watched, plain]
    assert rows.within("val_cost") == ([20, 40], [0.5, math.inf])
    assert rows.within("val_accuracy") == ([], [])
    assert rows.monitored == ["val_cost"]
    assert rows.curve("val_cost") == [0.4, 0.3]


def test_a_study_carries_them_to_the_report_and_to_mlflow(tmp_path):
    result = study().run(root=tmp_path, quiet=True, tracking=False)
    trial = result.history.trials[0]
    assert [samples for samples, _ in trial.rows[0].within] == [20, 40, 60]
    assert [samples for samples, _ in trial.rows[1].within] == [80, 100, 120]
    points = trial_points(trial, [0.0] * 50, 0)
    steps = [(point.step, point.value) for point in points if point.key == "monitored_val_cost"]
    assert [step for step, _ in steps] == [20, 40, 60, 80, 100, 120]
    assert steps[2][1] == trial.rows[0].metrics["val_cost"]
    assert {point.step for point in points if point.key == "val_cost"} == {1, 2}
    assert "Within epochs" in page(result.history)
    assert not any(name.startswith("monitored") for name in result.curves.columns)


def test_a_report_without_them_has_no_figure_of_them(tmp_path):
    plain = Study("plain", model=MLPClassifier((4,), max_epochs=1), space={}, data=DATA, n_trials=1)
    assert "Within epochs" not in page(plain.run(root=tmp_path, quiet=True, tracking=False).history)


def remembered(**curve):
    plain = dict.fromkeys(StoredTrial.__dataclass_fields__)
    return StoredTrial(**{**plain, "state": "COMPLETE", "environment": {}, "curve": curve})


def test_a_replay_compares_them_too():
    row = Row(0, 0, 1, {"val_cost": 0.4}, within=POINTS)
    then = {"val_cost": {1: 0.4}, "monitored_val_cost": {20: 0.5, 40: math.nan}}
    assert list(_differences(remembered(**then), [row])) == []
    then["monitored_val_cost"][20] = 0.6
    assert list(_differences(remembered(**then), [row])) == ["epoch 1: monitored_val_cost was 0.6, is 0.5 now"]


def test_cross_validation_has_no_one_network_to_look_into():
    with pytest.raises(UserError, match="cv= goes with no monitor_every="):
        study(cv=3)
