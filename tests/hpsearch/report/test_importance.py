from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hpsearch.log.history import History
from hpsearch.report.axes import Axis, _axis, axes, matrix
from hpsearch.report.importance import LEAST_TRIALS, _shares, importances
from hpsearch.space import Choice

Searched = Callable[..., History]


def test_the_parameter_that_decides_comes_first_and_the_others_explain_nothing(searched: Searched) -> None:
    history = searched(120)
    explained = importances(history, axes(history))
    assert explained[0].name == "learning_rate"
    assert explained[0].low > 0.4
    idle = [importance for importance in explained if importance.name in ("batch_size", "optimizer", "n_hidden")]
    assert max(importance.share for importance in idle) < 0.05


def test_an_interval_holds_its_share(searched: Searched) -> None:
    history = searched(40)
    for importance in importances(history, axes(history)):
        assert importance.low <= importance.share + 1e-12
        assert importance.share <= importance.high + 1e-12


def test_the_same_study_has_the_same_importances(searched: Searched) -> None:
    first, second = searched(30), searched(30)
    assert importances(first, axes(first)) == importances(second, axes(second))


def test_too_few_trials_say_nothing(searched: Searched) -> None:
    history = searched(LEAST_TRIALS - 1)
    assert importances(history, axes(history)) == []


def test_shares_come_close_to_sobols_indices_of_a_known_function() -> None:
    # For y = a + 2b with a and b uniform and independent, S_a = 1/5 and S_b = 4/5; c has no part in it.
    x = np.random.default_rng(0).random((1500, 3))
    shares = _shares(x, x[:, 0] + 2 * x[:, 1]).mean(axis=0)
    assert shares == pytest.approx([0.2, 0.8, 0.0], abs=0.05)


def test_a_logarithmic_range_is_placed_by_its_logarithm() -> None:
    axis = Axis("l2", log=True)
    assert axis.position(100.0) == pytest.approx(2.0)
    assert axis.ticks(np.array([-1.0, 2.0])) == ([-1.0, 0.0, 1.0, 2.0], ["0.1", "1", "10", "100"])


def test_a_trial_without_a_parameter_has_no_place(searched: Searched) -> None:
    history = searched(40)
    searched_axes = axes(history)
    column = [axis.name for axis in searched_axes].index("momentum")
    lacking = np.isnan(matrix(history.trials, searched_axes)[:, column])
    assert lacking.tolist() == ["momentum" not in trial.params for trial in history.trials]


def test_numbers_to_choose_from_stand_in_their_order() -> None:
    assert _axis("batch_size", Choice([100, 1, 10]), []).options == (1, 10, 100)


def test_where_the_space_is_a_function_the_values_tried_tell(searched: Searched) -> None:
    history = searched(20, space={"function": "space", "source": "abc"})
    by_name = {axis.name: axis for axis in axes(history)}
    assert by_name["learning_rate"].log
    assert not by_name["n_hidden"].log
    assert by_name["optimizer"].options == ("adam", "sgd")
