"""docs/estimator.md says what the code does."""

import ast
import inspect
import re
from pathlib import Path

import pytest

from hpsearch.models import MLPClassifier, MLPRegressor
from hpsearch.models.activations import ACTIVATIONS
from hpsearch.models.augmentation import AUGMENTATIONS, Augmentation
from hpsearch.models.costs import COSTS
from hpsearch.models.early_stopping import EARLY_STOPPING
from hpsearch.models.estimators.regressor import LEARNING_RATES
from hpsearch.models.initializers import INITIALIZERS
from hpsearch.models.optimizers import OPTIMIZERS
from hpsearch.models.schedules import SCHEDULES

TEXT = (Path(__file__).parents[3] / "docs" / "estimator.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def rows(head):
    """Return the cells of each row of the table whose head starts so."""
    lines = TEXT[TEXT.index(head) :].splitlines()[2:]
    table = []
    for line in lines:
        if not line.startswith("|"):
            return table
        table.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
    raise AssertionError("the table does not end")


def defaults(estimator):
    return {name: p.default for name, p in inspect.signature(estimator).parameters.items()}


def test_the_table_has_every_parameter_in_order_with_its_default():
    table = {
        name.strip("`"): ast.literal_eval(default.strip("`")) for name, _, _, _, default, _ in rows("| Parameter |")
    }
    assert table == defaults(MLPClassifier)
    assert list(table) == list(defaults(MLPClassifier))


def test_every_parameter_has_a_meaning_a_range_and_a_tip():
    for name, _, meaning, span, _, tip in rows("| Parameter |"):
        assert all((meaning, span, tip)), name
        assert tip.endswith("."), name


@pytest.mark.parametrize(
    ("parameter", "options"),
    [
        ("activation", ACTIVATIONS),
        ("cost", COSTS),
        ("optimizer", OPTIMIZERS),
        ("weight_init", INITIALIZERS),
        ("augmentation", AUGMENTATIONS),
        ("lr_schedule", SCHEDULES),
        ("early_stopping", EARLY_STOPPING),
    ],
)
def test_every_option_is_listed(parameter, options):
    span = next(row[3] for row in rows("| Parameter |") if row[0] == f"`{parameter}`")
    assert set(options) <= set(re.findall(r"\w+", span))


def test_the_optimizers_own_rates_are_those_of_the_code():
    table = {name.strip("`"): [float(cell) for cell in cells] for name, *cells in rows("| Optimizer |")}
    assert table == {
        name: [o.learning_rate, LEARNING_RATES.get(name, o.learning_rate), o.momentum] for name, o in OPTIMIZERS.items()
    }


def test_the_regressor_differs_as_the_text_says():
    classifier = defaults(MLPClassifier)
    regressor = defaults(MLPRegressor)
    assert set(classifier) - set(regressor) == {"output", "cost", "label_smoothing", "class_weight"}
    assert not set(regressor) - set(classifier)
    different = {name: value for name, value in regressor.items() if value != classifier[name]}
    assert different == {"activation": "tanh", "optimizer": "adam"}


@pytest.mark.parametrize("documented", [MLPClassifier, MLPRegressor, Augmentation])
def test_the_docstrings_name_every_parameter_in_order(documented):
    named = re.findall(r"^    (\w+): ", inspect.getdoc(documented), re.MULTILINE)
    assert named[: len(defaults(documented))] == list(defaults(documented))


def test_the_named_distortions_are_those_of_the_text():
    assert AUGMENTATIONS["affine"](28) == Augmentation(rotation=10, translation=1, skew=0.15, scale=0.1)
    assert AUGMENTATIONS["elastic"](28) == Augmentation(elastic_sigma=4, elastic_alpha=34)


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_the_examples_run(code, tmp_path, monkeypatch):
    if "sklearn.callback" in code:
        pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/estimator.md", "exec"), {})
