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
        UserError: The choice is none between estimators.
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
    dimensions = {n: v for n, v in model.get_params(deep=True).items() if isinstance(v, Float | Int | Choice)}
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
    """Raise a UserError where a space names a parameter that the model, or a part that it may have, does not have.

    Args:
        model: The model.
        space: Its dimensions.
    """
    known = model.get_params(deep=True)
    for name in space:
        part = _part(name, space)
        if part is None:
            if name not in known:
                raise UserError(f"space: {type(model).__name__} has no parameter {name!r}{_hint(name, known, space)}")
            continue
        own = name.removeprefix(f"{part}__")
        choice = space[part]
        assert isinstance(choice, Choice), "a part is a choice"
        for option in _allowed(name, part, space):
            held = choice.value(option)
            params = _parameters(held)
            if own not in params:
                raise UserError(
                    f"space: {part}={option!r} has no parameter {own!r}"
                    f"{did_you_mean(own, params) if params else ''}; say for which options {name!r} is there: "
                    f"when={{{part!r}: {_with(own, choice)!r}}}"
                )


def _part(name: str, space: Mapping[str, Dimension]) -> str | None:
    """Return the choice of objects, the innermost one, of which a dimension is a parameter."""
    pieces = name.split("__")
    for length in range(len(pieces) - 1, 0, -1):
        outer = "__".join(pieces[:length])
        dim = space.get(outer)
        if isinstance(dim, Choice) and dim.objects:
            return outer
    return None


def _allowed(name: str, part: str, space: Mapping[str, Dimension]) -> list[Any]:
    """Return the options of a part with which a dimension is active, through what its conditions depend on too."""
    choice = space[part]
    assert isinstance(choice, Choice), "a part is a choice"
    allowed = choice.grid()
    for other, values in (space[name].when or {}).items():
        if other == part:
            allowed = [option for option in allowed if option in values]
        elif other in space:
            deeper = _allowed(other, part, space)
            allowed = [option for option in allowed if option in deeper]
    return allowed


def _with(own: str, choice: Choice) -> list[Any]:
    return [option for option in choice.grid() if own in _parameters(choice.value(option))]


def _parameters(held: Any) -> dict[str, Any]:
    """Return the parameters of an option: of an estimator, or of a chain of layers or a single layer."""
    if hasattr(held, "get_params"):
        return dict(held.get_params(deep=True))
    from hpsearch.models.chain import parameters_of  # imports NumPy
    from hpsearch.models.layers import Declared

    if isinstance(held, Declared):
        return {n.removeprefix("layer__0__"): v for n, v in parameters_of([held], "layer").items()}
    return {n.removeprefix("layer__"): v for n, v in parameters_of(held, "layer").items()}


def _hint(name: str, params: Mapping[str, Any], space: Mapping[str, Dimension]) -> str:
    """Return what was probably meant: a parameter of an option, or one with a similar name."""
    own = name.rpartition("__")[2]
    if "max_epochs" in {param.rpartition("__")[2] for param in params} and (here := translated(own)) is not None:
        return f", as scikit-learn's; here it is {here}"
    for part, dim in space.items():
        if isinstance(dim, Choice) and dim.objects and (having := _with(name, dim)):
            return f"; write {f'{part}__{name}'!r} with when={{{part!r}: {having!r}}}"
    return did_you_mean(name, params)
