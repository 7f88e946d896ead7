"""Models whose parts are options: which parameters there are, and a choice between whole models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.models.spelling import translated
from hpsearch.space import Choice, Dimension, Float, Int

MODEL = "model"
"""The name under which a choice between whole models is searched; their parameters are ``model__…``."""


def families(model: Any, space: Any) -> tuple[Any, Any]:
    """Return a study's model and space, where the model is a choice between several, as a pipeline of one step.

    Args:
        model: What the study declares: a Choice, or None where its space has a choice called ``model``.
        space: What it searches.

    Raises:
        UserError: The choice is not one between estimators.
    """
    if model is None and isinstance(space, Mapping) and isinstance(space.get(MODEL), Choice) and space[MODEL].objects:
        return _pipeline(space[MODEL]), space
    if not isinstance(model, Choice):
        return model, space
    if not isinstance(space, Mapping) or MODEL in space:
        raise UserError("model=Choice(…) goes with a space that is a dict, and has no 'model' of its own")
    return _pipeline(model), {MODEL: model, **space}


def _pipeline(choice: Choice) -> Any:
    from sklearn.base import is_classifier, is_regressor  # slow to import
    from sklearn.pipeline import Pipeline

    kinds = set()
    for name in choice.listed_options:
        option = choice.objects.get(name) if isinstance(name, str) else name
        if not hasattr(option, "fit") or isinstance(option, type):
            raise UserError(f"model: the option {name!r} is no scikit-learn estimator, but {option!r}")
        kinds.add("classifier" if is_classifier(option) else "regressor" if is_regressor(option) else "estimator")
    if len(kinds) > 1:
        raise UserError(f"model: the options are {' and '.join(sorted(kinds))}s; a study compares models of one kind")
    return Pipeline([(MODEL, choice.value(choice.listed_options[0]))])


def lifted(model: Any, space: Any) -> tuple[Any, Any]:
    """Return a study's model and space, where dimensions stand in the place of the model's parameters.

    `NetworkClassifier(layers=[Conv2D(Int(8, 32), 5)])` searches ``layers__0__filters``.

    Args:
        model: What the study declares.
        space: What it searches; dimensions of the same names there come first.
    """
    if not hasattr(model, "get_params") or isinstance(model, type) or not isinstance(space, Mapping):
        return model, space
    params = model.get_params(deep=True)
    dimensions = {name: value for name, value in params.items() if isinstance(value, Float | Int | Choice)}
    if not dimensions:
        return model, space
    from sklearn.base import clone  # slow to import

    model = clone(model)
    # the outer ones first: what is within an option does not stand in the model
    for name, dim in sorted(dimensions.items()):
        model = model.set_params(**{name: dim.value(dim.listed_options[0]) if isinstance(dim, Choice) else dim.low})
    free = {name: dim for name, dim in dimensions.items() if not dim.when and name not in space}
    bound = {name: dim for name, dim in dimensions.items() if dim.when and name not in space}
    return model, {**free, **space, **bound}


def check_parameters(model: Any, space: Mapping[str, Dimension]) -> None:
    """Raise a UserError where a space names a parameter that the model, or an option of one of its steps, lacks.

    Args:
        model: The model.
        space: Its dimensions.
    """
    model_params = model.get_params(deep=True)
    for name in space:
        step = _step_of(name, space)
        if step is None:
            if name not in model_params:
                hint = _hint(name, model_params, space)
                raise UserError(f"space: {type(model).__name__} has no parameter {name!r}{hint}")
            continue
        parameter = name.removeprefix(f"{step}__")
        choice = space[step]
        assert isinstance(choice, Choice), "a step that is searched is a choice"
        for option in _allowed(name, step, space):
            params = _parameters(choice.value(option))
            if parameter not in params:
                raise UserError(
                    f"space: {step}={option!r} has no parameter {parameter!r}"
                    f"{did_you_mean(parameter, params) if params else ''}; say for which options {name!r} is there: "
                    f"when={{{step!r}: {_options_with(parameter, choice)!r}}}"
                )


def _step_of(name: str, space: Mapping[str, Dimension]) -> str | None:
    """Return the name of the innermost choice of objects of which a dimension is a parameter, or None."""
    pieces = name.split("__")
    for length in range(len(pieces) - 1, 0, -1):
        outer = "__".join(pieces[:length])
        dim = space.get(outer)
        if isinstance(dim, Choice) and dim.objects:
            return outer
    return None


def _allowed(name: str, step: str, space: Mapping[str, Dimension]) -> list[Any]:
    """Return the options of a step with which a dimension can be active, by its conditions and those behind them."""
    choice = space[step]
    assert isinstance(choice, Choice), "a step that is searched is a choice"
    allowed = choice.grid()
    for other, values in (space[name].when or {}).items():
        if other == step:
            allowed = [option for option in allowed if option in values]
        elif other in space:
            deeper = _allowed(other, step, space)
            allowed = [option for option in allowed if option in deeper]
    return allowed


def _options_with(parameter: str, choice: Choice) -> list[Any]:
    return [option for option in choice.grid() if parameter in _parameters(choice.value(option))]


def _parameters(option: Any) -> dict[str, Any]:
    """Return the parameters of an option: of an estimator, or of a chain of layers or a single layer."""
    if hasattr(option, "get_params"):
        return dict(option.get_params(deep=True))
    from hpsearch.models.chain import parameters_of  # imports NumPy
    from hpsearch.models.layers import Declared

    if isinstance(option, Declared):
        params = parameters_of([option], "layer")
        return {name.removeprefix("layer__0__"): value for name, value in params.items()}
    return {name.removeprefix("layer__"): value for name, value in parameters_of(option, "layer").items()}


def _hint(name: str, params: Mapping[str, Any], space: Mapping[str, Dimension]) -> str:
    """Return what was probably meant: a parameter of an option, or one with a similar name."""
    bare_name = name.rpartition("__")[2]
    has_network = "max_epochs" in {param.rpartition("__")[2] for param in params}
    if has_network and (our_name := translated(bare_name)) is not None:
        return f", as scikit-learn's; here it is {our_name}"
    for step, dim in space.items():
        if isinstance(dim, Choice) and dim.objects and (options := _options_with(name, dim)):
            return f"; write {f'{step}__{name}'!r} with when={{{step!r}: {options!r}}}"
    return did_you_mean(name, params)
