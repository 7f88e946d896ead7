"""What a study is held to when it is declared: a table of checks, each a function of some of its fields.

A check takes fields by the names of its parameters, raises a UserError that names the field and the fix, and returns
the fields that it settles, such as a metric that follows from the scoring.
"""

from __future__ import annotations

import inspect
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.space import check_point, check_space
from hpsearch.space.constraints import check_constraints, violated
from hpsearch.study.comparison import Comparison
from hpsearch.study.defaults import PAUSING, About, settled
from hpsearch.study.goal import DEFAULT_METRIC, SECONDS, Goal, checked
from hpsearch.study.grids import choices_of, points_of
from hpsearch.study.registry import PRUNERS, SAMPLERS, check_name
from hpsearch.study.samples import check_resource
from hpsearch.study.scaling import check_stages
from hpsearch.study.scoring import OF_REGRESSOR, predicts_numbers, settled_scoring
from hpsearch.study.settings import Setting
from hpsearch.study.steps import check_parameters, families, lifted
from hpsearch.study.table import is_data
from hpsearch.study.warm_start import check_warm_start

Settled = dict[str, Any]

ESTIMATED, MEASURED = "estimated", "measured"
"""Costs by the steps and operations of our networks, and by what each trial's first epoch took."""

DUPLICATES = ("retrain", "skip", "reuse")
"""What may become of a point that a sampler proposes again."""


def checked_number(name: str, value: Any, setting: Setting, *, optional: bool) -> Any:
    """Return a field's value as the number that its setting asks for; a field that is no number, as it is.

    Args:
        name: The field's name, for the message.
        value: Its value.
        setting: Its properties.
        optional: Whether it may be None.

    Raises:
        UserError: The value is no such number.
    """
    if value is None and optional:
        return None
    if setting.whole is not None:
        if isinstance(value, bool) or not hasattr(value, "__index__"):
            raise UserError(f"{name} must be a whole number, not {value!r}")
        if (integer := operator.index(value)) < setting.whole:
            raise UserError(f"{name} must be at least {setting.whole}, not {integer}")
        return integer
    if setting.number:
        if isinstance(value, bool) or not hasattr(value, "__float__") or not math.isfinite(value):
            raise UserError(f"{name} must be a number, not {value!r}")
        if setting.positive and value <= 0:
            raise UserError(f"{name} must be more than 0{setting.positive}, not {value!r}")
        return float(value)
    return value


def _audit(audit: Any) -> Settled:
    if isinstance(audit, bool) or not isinstance(audit, int | float) or not 0 <= audit <= 1:
        raise UserError(f"audit must be a share from 0 to 1, such as 0.05, not {audit!r}")
    return {}


def _version(version: Any) -> Settled:
    if version is not None and (not isinstance(version, str) or not version.strip()):
        raise UserError(f"version must be a text such as '2', not {version!r}")
    return {}


def _families(model: Any, objective: Any, space: Any) -> Settled:
    """Turn a choice between whole models into a pipeline of one step, which is searched."""
    if objective is not None:
        return {}
    model, space = families(*lifted(model, space))
    return {"model": model, "space": space}


def _scoring(scoring: Any, model: Any, metric: Any) -> Settled:
    if scoring is not None and model is None:
        raise UserError("scoring goes with model=; an objective reports what it likes")
    settled = {} if scoring is None else settled_scoring(scoring, metric)
    decides = settled.get("metric", metric)
    numbers = predicts_numbers(model)
    if decides is None:
        return {**settled, "metric": OF_REGRESSOR if numbers else DEFAULT_METRIC}
    if numbers and scoring is None and DEFAULT_METRIC in (decides if isinstance(decides, list | tuple) else [decides]):
        raise UserError(
            f"metric={metric!r}: {type(model).__name__} predicts numbers, which have no accuracy; leave metric out for "
            f"{OF_REGRESSOR!r}, or name 'val_mse' with direction='minimize'"
        )
    return settled


def _goal(metric: Any, direction: Any, value: Any, constraints: Any, model: Any) -> Settled:
    metric, direction = checked(metric, direction, value)
    constraints = check_constraints(constraints)
    if model is not None and _goal_of(metric, direction, value).metric == SECONDS:
        raise UserError("'seconds' cannot be the first metric, by which trials are ranked and pruned")
    return {"metric": metric, "direction": direction, "constraints": constraints}


def _task(model: Any, objective: Any, data: Any) -> Settled:
    if model is None and objective is None and data is None:
        return {}  # its trials are trained elsewhere, and told of
    if (model is None) == (objective is None):
        raise UserError("give exactly one of model= and objective=")
    if objective is not None:
        if not callable(objective):
            raise UserError(f"objective must be a function of a trial, not {objective!r}")
    elif isinstance(model, type):
        raise UserError(f"model must be an instance: write model={model.__name__}(…)")
    elif not hasattr(model, "get_params") or not hasattr(model, "set_params"):
        raise UserError(f"model must be a scikit-learn estimator, not {model!r}")
    elif data is None:
        raise UserError("a model needs data, such as data='digits'")
    if data is not None and not is_data(data):
        raise UserError(f"data must be a name, a path, a Table or a tuple (X, y), not {type(data).__name__}")
    if isinstance(data, str) and not data:
        raise UserError("data must not be empty")
    return {}


def _points(
    space: Any,
    model: Any,
    objective: Any,
    epochs: Any,
    metric: Any,
    stages: Any,
    repeats: Any,
    cv: Any,
    confirm: Any,
    audit: Any,
    lookback: Any,
    enqueue: Any,
    sampler: Any,
    pruner: Any,
) -> Settled:
    """Turn a list of grids into its points, and settle the sampler and the pruner where they were not named."""
    about = About(space, model, objective, epochs, metric, stages, repeats, cv, confirm, audit, lookback)
    fields = settled(sampler, pruner, about, pauses)
    if isinstance(space, list | tuple):
        points, objects = points_of(space, {} if model is None else model.get_params(deep=True))
        if enqueue:
            raise UserError("enqueue: a list of grids says all points itself")
        fields |= {"space": choices_of(points, objects), "enqueue": tuple(points)}
    return fields


def pauses(sampler: Any) -> bool:
    """Return whether a sampler decides itself how long its trials train."""
    return (isinstance(sampler, str) and sampler in PAUSING) or getattr(sampler, "pauses", False) is True


def _space(space: Any, enqueue: Any, constraints: Any, model: Any) -> Settled:
    if callable(space):
        if enqueue:
            raise UserError("enqueue needs a space of dimensions, not a function")
        return {}
    if not isinstance(space, Mapping):
        raise UserError(f"space must be a dict of dimensions or a function of a trial, not {space!r}")
    dimensions = check_space(space)
    if not isinstance(enqueue, Sequence) or not all(isinstance(point, Mapping) for point in enqueue):
        raise UserError("enqueue must be a list of dicts, one per point")
    points = tuple(check_point(dimensions, point, f"enqueue[{i}]") for i, point in enumerate(enqueue))
    for i, point in enumerate(points):
        if (name := violated(constraints, dimensions, point)) is not None:
            raise UserError(f"enqueue[{i}] violates constraint {name}: {point!r}")
    if model is not None:
        check_parameters(model, dimensions)
    return {"space": dimensions, "enqueue": points}


def _sampler_and_pruner(sampler: Any, pruner: Any) -> Settled:
    _check_role("sampler", sampler, SAMPLERS, ("build", "sample_relative"))
    _check_role("pruner", pruner, PRUNERS, ("judge", "prune"))
    if pauses(sampler) and pruner != "none":
        raise UserError(
            "sampler 'freeze_thaw' decides itself how long each trial trains: a pruner would stop for good what it has "
            "paused to go on with; leave pruner= out"
        )
    return {}


def _check_role(role: str, sampler_or_pruner: Any, names: Mapping[str, str], methods: tuple[str, str]) -> None:
    if isinstance(sampler_or_pruner, str):
        check_name(role, sampler_or_pruner, names)
    elif isinstance(sampler_or_pruner, type) or not any(hasattr(sampler_or_pruner, method) for method in methods):
        raise UserError(f"{role} must be one of {', '.join(names)}, an object of hpsearch.{role}s or one of Optuna's")


def _stages(stages: Any, metric: Any, model: Any, pruner: Any) -> Settled:
    if stages is None:
        return {}
    if not isinstance(metric, str):
        raise UserError("stages= promotes points by one metric; leave it out, or name one metric")
    if model is None:
        raise UserError("stages make the data and the model smaller: they need model=, not objective=")
    if not isinstance(pruner, str) and not hasattr(pruner, "judge"):
        raise UserError("an Optuna pruner compares trials of all stages; with stages= name one, such as 'asha'")
    return {"stages": check_stages(stages)}


def _measure_test(measure_test: Any, model: Any, metric: Any) -> Settled:
    if not isinstance(measure_test, bool):
        raise UserError(f"measure_test must be True or False, not {measure_test!r}")
    if measure_test and model is None:
        raise UserError("measure_test goes with model=; an objective reports test_accuracy itself")
    metrics = [metric] if isinstance(metric, str) else metric
    if measure_test and any(name.startswith("test_") for name in metrics):
        raise UserError(f"metric={metric!r}: the test set decides nothing; take 'val_accuracy'")
    return {}


def _cv(cv: Any, groups: Any, model: Any, stages: Any) -> Settled:
    if cv is None and groups is None:
        return {}
    from hpsearch.study import cross_validation  # imports NumPy

    cv, groups = cross_validation.checked(cv, groups, model)
    parameters = model.get_params() if hasattr(model, "get_params") and not isinstance(model, type) else {}
    if any(name.rpartition("__")[2] == "monitor_every" and value for name, value in parameters.items()):
        raise UserError("cv= goes with no monitor_every=, which looks into the epochs of one network; leave one out")
    if stages is not None and isinstance(cv, cross_validation.Splits):
        raise UserError("cv= as rows goes with no stages=, which have other rows; take a number of folds or a splitter")
    return {"cv": cv, "groups": groups}


def _resource(resource: Any, model: Any) -> Settled:
    check_resource(resource, model)
    return {}


def _cost(cost: Any, model: Any, objective: Any) -> Settled:
    if cost is None:
        return {}
    if cost not in (ESTIMATED, MEASURED) and not callable(cost):
        ways = f"{ESTIMATED!r} or {MEASURED!r}"
        raise UserError(f"cost must be a function of a trial's parameters, {ways}, not {cost!r}")
    if model is None and objective is None:
        raise UserError("cost goes with a model or an objective: trials that are trained elsewhere take what they take")
    if cost == ESTIMATED and model is None:
        raise UserError(f"cost={ESTIMATED!r} goes with a model: give a function of a trial's parameters")
    return {}


def _lookback(lookback: float, cost: Any, stages: Any, confirm: Any, duplicates: Any) -> Settled:
    if lookback < 0:
        raise UserError(f"lookback must be at least 0, in mean costs of an epoch, not {lookback:g}")
    if not lookback:
        return {}
    if cost is None:
        raise UserError("lookback goes with cost=, which says how long an epoch takes in virtual time")
    if cost == MEASURED:
        raise UserError(f"lookback goes with a cost that is known beforehand, not with cost={MEASURED!r}")
    if stages is not None or confirm or duplicates != "retrain":
        raise UserError(
            "lookback goes with neither stages, confirmation nor duplicates=, which go by what all trials before have "
            "brought: leave it 0"
        )
    return {}


def _comparison(comparison: Any, space: Any) -> Settled:
    if comparison is None:
        return {}
    if not isinstance(comparison, Comparison):
        raise UserError(f"comparison must be a Comparison(…), not {comparison!r}")
    comparison.check(dict(space) if isinstance(space, Mapping) else {})
    return {}


def _duplicates(duplicates: Any, sampler: Any, stages: Any, confirm: Any) -> Settled:
    if duplicates not in DUPLICATES:
        hint = did_you_mean(str(duplicates), DUPLICATES)
        raise UserError(f"duplicates must be one of {', '.join(DUPLICATES)}, not {duplicates!r}{hint}")
    if duplicates != "retrain" and (stages is not None or confirm or sampler == "listed"):
        raise UserError(
            f"duplicates={duplicates!r} goes with neither stages, confirmation nor a list of points, which train "
            "points again on purpose"
        )
    return {}


def _warm_start(warm_start: Any, space: Any, stages: Any) -> Settled:
    return {"warm_start": check_warm_start(warm_start, space, stages)}


def _goal_of(metric: Any, direction: Any, value: Any) -> Goal:
    return Goal.of({"metric": metric, "direction": direction, "value": value})


CHECKS: Mapping[Callable[..., Settled], tuple[str, ...]] = {
    check: tuple(inspect.signature(check).parameters)
    for check in (
        _audit,
        _version,
        _families,
        _scoring,
        _goal,
        _task,
        _points,
        _space,
        _sampler_and_pruner,
        _stages,
        _measure_test,
        _cv,
        _resource,
        _cost,
        _comparison,
        _duplicates,
        _lookback,
        _warm_start,
    )
}
"""Each check with the fields that it takes; a later one sees what those before it have settled."""
