"""Warm start: what other searches found becomes observations of a new one, and its first points where that is asked.

What is taken goes into the new study's log, so that neither a resume nor a replay needs the source again.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hpsearch.engine.warm_sources import Source, SourcePoint, read
from hpsearch.errors import UserError
from hpsearch.log import catalogue
from hpsearch.log.brought import Brought, Observation
from hpsearch.log.history import History
from hpsearch.space import Choice, Dimension, Int, Space, is_active
from hpsearch.space.constraints import violated
from hpsearch.space.dimensions import json_value
from hpsearch.space.distributions import to_optuna
from hpsearch.study.study import Study
from hpsearch.study.warm_start import WarmStart


@dataclass(frozen=True)
class Warmth:
    """What a study is told before it goes on.

    Attributes:
        study: The study, with the points of its sources that it tries first.
        brought: What samplers observe.
        points: Points of sources that were added since the study was begun, to be tried next.
        news: What was taken of sources that are read for the first time, in a line each.
    """

    study: Study
    brought: Brought
    points: tuple[dict[str, Any], ...] = ()
    news: tuple[str, ...] = ()


def bring(study: Study, root: str | Path) -> Warmth:
    """Return a study with what it is told by its sources; what its log holds already is taken from there.

    Args:
        study: As it is asked for.
        root: Where all state is.

    Raises:
        UserError: A source cannot be read, or tells nothing that lies in the study's space.
    """
    if not study.sources:
        return Warmth(study, Brought())
    path = Path(root) / "studies" / study.name / catalogue.LOG
    begun = catalogue.load_history(path.parent) if path.is_file() and path.stat().st_size else None
    if begun is None:
        return _begun(study, root)
    return _taken_up(study, root, begun)


def _begun(study: Study, root: str | Path) -> Warmth:
    taken = [_take(warm_start, place, study, root) for place, warm_start in enumerate(study.sources)]
    summaries = tuple(summary for _, summary in taken)
    best_points = [
        point
        for warm_start, (observations, _) in zip(study.sources, taken, strict=True)
        for point in _best(warm_start, observations, study)
    ]
    enqueue = [*study.enqueue]
    enqueue += [point for n, point in enumerate(best_points) if point not in enqueue and point not in best_points[:n]]
    study = replace(study, enqueue=enqueue) if best_points else study
    return Warmth(
        study,
        Brought(tuple(observation for observations, _ in taken for observation in observations), summaries),
        news=summaries,
    )


def _taken_up(study: Study, root: str | Path, begun: History) -> Warmth:
    """Return a study whose log is there: sources that it names are in it, and others are read."""
    declared = begun.declaration
    if not declared.warm_start and len(declared.enqueue) > len(study.enqueue):
        # Begun by version 0.1: of the earlier study it took points to try first, and nothing else.
        return Warmth(replace(study, enqueue=declared.enqueue, warm_start=None), Brought())
    taken_before = [json.dumps(source, sort_keys=True) for source in declared.warm_start]
    observations: list[Observation] = []
    summaries: list[str] = []
    news: list[str] = []
    points: list[dict[str, Any]] = []
    for place, warm_start in enumerate(study.sources):
        key = json.dumps(warm_start.to_json(), sort_keys=True)
        if key in taken_before:
            old = taken_before.index(key)
            observations += [
                replace(observation, source=place)
                for observation in begun.brought.observations
                if observation.source == old
            ]
            summaries.append(begun.brought.said[old])
            continue
        observed, summary = _take(warm_start, place, study, root)
        observations += observed
        summaries.append(summary)
        news.append(summary)
        points += [point for point in _best(warm_start, observed, study) if point not in points]
    study = replace(study, enqueue=[*study.enqueue, *declared.enqueue[len(study.enqueue) :]])
    return Warmth(study, Brought(tuple(observations), tuple(summaries)), tuple(points), tuple(news))


def _best(warm_start: WarmStart, observations: Sequence[Observation], study: Study) -> list[dict[str, Any]]:
    """Return the best points that were observed, as many as are to be tried first; of equals the first."""
    ranked = [observation for observation in observations if observation.values and observation.state != "FAILED"]
    points: list[dict[str, Any]] = []
    for observation in sorted(ranked, key=lambda observation: study.goal.loss(observation.values[0])):
        if observation.params not in points and len(points) < warm_start.first:
            points.append(observation.params)
    return points


def _take(warm_start: WarmStart, place: int, study: Study, root: str | Path) -> tuple[list[Observation], str]:
    """Return what a source tells of the study's space, and in a line what was taken and what was left out."""
    source = read(warm_start, Path(root), study.goal)
    model_params = {} if study.model is None else study.model.get_params(deep=True)
    fitting = _Fitting(study, {**model_params, **source.unsearched, **warm_start.earlier}, source, warm_start.name)
    observations = []
    left_out = Counter[str]()
    for point in source.points:
        if point.state == "COMPLETE" and not point.values:
            left_out[f"without {study.goal.metric}"] += 1
        elif (params := fitting.params_of(point)) is None:
            left_out["outside of the space"] += 1
        else:
            observations.append(
                Observation(
                    params,
                    point.values,
                    point.state,
                    point.epoch,
                    place,
                    point.curve,
                    began=point.began,
                    ended=point.ended,
                )
            )
    if source.open:
        left_out["not ended"] += source.open
    if source.observed:
        left_out["that it observed itself"] += source.observed
    if not any(observation.values for observation in observations):
        why = "; ".join(f"{count} {reason}" for reason, count in left_out.items()) or "it holds none"
        raise UserError(f"study {study.name!r}: no point of {warm_start.name!r} can be taken ({why}); leave it out")
    states = Counter(observation.state.lower() for observation in observations)
    summary = f"{warm_start.name}: {len(observations)} observation{'' if len(observations) == 1 else 's'}"
    if len(states) > 1 or "complete" not in states:
        summary += f" ({', '.join(f'{count} {state}' for state, count in states.items())})"
    if curves := sum(bool(observation.curve) for observation in observations):
        summary += ", with curves" if curves == len(observations) else f", {curves} with curves"
    summary += f"; left out: {', '.join(f'{count} {reason}' for reason, count in left_out.items())}" if left_out else ""
    summary += f"; not searched here: {', '.join(sorted(fitting.foreign))}" if fitting.foreign else ""
    filled = ", ".join(f"{name}={value!r}" for name, value in sorted(fitting.filled.items()))
    return observations, summary + (f"; taken to have had {filled}" if filled else "")


class _Fitting:
    """Brings points of elsewhere into the space of a study.

    Attributes:
        foreign: Parameters that the study does not search.
        filled: Values of dimensions that were not told.
    """

    def __init__(self, study: Study, unsearched: Mapping[str, Any], source: Source, name: str) -> None:
        self._study = study
        self._unsearched = unsearched
        self._name = name
        self._params = {key for point in source.points for key in point.params}
        self.foreign: set[str] = set()
        self.filled: dict[str, Any] = {}
        if not callable(study.space):
            # Columns of a table that are no points' parameters (its numbers, reasons) need not be told of.
            texts = any(point.texts for point in source.points)
            self.foreign = set() if texts else self._params - set(study.dimensions)

    def params_of(self, point: SourcePoint) -> dict[str, Any] | None:
        """Return a point as this study would have asked for it, or None where it lies outside of its space.

        Raises:
            UserError: A dimension is not told, and nothing says which value it had.
        """
        study = self._study
        if callable(study.space):
            from hpsearch.optuna_bridge.fold import fitting  # imports Optuna

            params = fitting(study.space, {**self._unsearched, **_read_all(point)})
        else:
            params = self._in_dimensions(study.dimensions, point)
        if params is None or violated(study.constraints, study.dimensions, params) is not None:
            return None
        return params

    def _in_dimensions(self, space: Space, point: SourcePoint) -> dict[str, Any] | None:
        params: dict[str, Any] = {}
        for name, dim in space.items():
            if not is_active(dim, params):
                continue
            if name in point.params:
                value = _read(dim, point.params[name]) if point.texts else _untold(dim, point.params[name])
            elif point.texts and name in self._params and dim.contains(None):
                value = None  # an empty cell
            elif name in self._unsearched:
                value = self.filled[name] = json_value(self._unsearched[name], f"warm_start: {name}")
            else:
                raise UserError(
                    f"study {self._study.name!r}: {self._name} does not tell {name}; say which value its points had, "
                    f"by --earlier {name}=VALUE or WarmStart(…, earlier={{{name!r}: VALUE}})"
                )
            if not dim.contains(value):
                return None
            params[name] = dim.at(dim.index(value)) if isinstance(dim, Choice) else dim.snap(value)
        return params


def _untold(dim: Dimension, value: Any) -> Any:
    """Return a value as JSON; a list that Optuna holds as a text is one again."""
    if isinstance(dim, Choice) and isinstance(value, str) and not dim.contains(value):
        lists = (option for option in dim.grid() if isinstance(option, list))
        return next((option for option in lists if value in (repr(option), to_optuna(dim, option))), value)
    if isinstance(dim, Int) and isinstance(value, float) and value.is_integer():
        return int(value)
    return json_value(value, "warm_start")


def _read(dim: Dimension, cell: str) -> Any:
    """Return what a cell of text says in a dimension; a text that is none of its values stays one."""
    if isinstance(dim, Choice):
        options = dim.grid()
        for form in (_json, str):
            if (match := next((option for option in options if form(option) == cell), _NOTHING)) is not _NOTHING:
                return match
        return next((option for option in options if _json(option) == _json(_literal(cell))), cell)
    value = _literal(cell)
    return _untold(dim, value) if isinstance(value, int | float) and not isinstance(value, bool) else cell


_NOTHING = object()


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _literal(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        return cell


def _read_all(point: SourcePoint) -> dict[str, Any]:
    return {name: _literal(value) for name, value in point.params.items()} if point.texts else point.params
