"""The winner trained once more, on training and validation rows: the best model to predict with once a search is done.

It is the same point under the same randomness, trained up to the trial's best epoch with the learning rates that the
trial had in each epoch. The λ of a penalty grows with the number of samples, so that λ/n is kept. The score of the
study stays that of the trial's own model, on rows that it had not seen.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hpsearch.errors import UserError
from hpsearch.log.history import History, Trial
from hpsearch.models.datasets import Dataset
from hpsearch.models.training.population import Member, Population
from hpsearch.objectives import streams
from hpsearch.objectives.base import Confirming, Keeping, Start
from hpsearch.objectives.build import outputs_of, prepare
from hpsearch.objectives.outputs import Outputs
from hpsearch.objectives.surroundings import surroundings
from hpsearch.objectives.transformers import behind
from hpsearch.study.scaling import DECAYS
from hpsearch.study.study import Study
from hpsearch.study.unsaid import derived


def refitted(study: Study, dataset: Dataset, history: History, trial: Trial, threads: int | None = 1) -> Any:
    """Return the winner trained on training and validation rows, as a fitted estimator.

    Of a cross-validated study these are the rows that its folds divide, in the order in which they were given.

    Args:
        study: The study.
        dataset: Its data.
        history: Its log.
        trial: The winner.
        threads: BLAS threads of its training.

    Raises:
        UserError: It diverged or failed on these rows.
    """
    assert trial.best_epoch is not None, "a winner has a best epoch"
    # These import scikit-learn and pandas, which a study of a function does not need.
    from hpsearch.objectives.cross_build import folded_as
    from hpsearch.tables.folds import development
    from hpsearch.tables.join import with_validation

    if study.cv is None:
        all_rows = with_validation(dataset)
    else:
        folded = folded_as(study, dataset)
        all_rows, _ = development(dataset)
        dataset = folded.at(0)  # one fold says how many rows a trial trained on
        study = replace(study, cv=None, groups=None)
    by_seed = trial.ask.stage > history.full_stage
    rule = history.declaration.fingerprint
    outputs = outputs_of(study, all_rows, rule)
    with surroundings(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if outputs is None:
            return _fitted(study, dataset, all_rows, trial, by_seed, rule)
        return _trained(study, dataset, all_rows, outputs, trial, by_seed)


def _trained(study: Study, dataset: Dataset, all_rows: Dataset, outputs: Outputs, trial: Trial, by_seed: bool) -> Any:
    """Train one of our networks with the recorded learning rates."""
    from hpsearch.models.chain import settled
    from hpsearch.objectives.chosen import Models

    ask, epochs = trial.ask, trial.best_epoch or 0
    chosen = Models(behind(study.model, all_rows), all_rows, study.seed, study.dimensions).of(ask.params)
    model = chosen.model
    parts = model.parts
    before_params, network_params = parts.params(chosen.params)
    settings = settled({**parts.last.get_params(deep=False), **network_params})
    settings |= {"early_stopping": "none", "lr_schedule": "constant", "max_epochs": epochs}
    params = outputs.params(_decayed(settings, len(all_rows.y_train) / len(dataset.y_train)))
    transformers = model.transformers
    transformed = all_rows
    if parts.before is not None:
        X, X_valid = transformers.transform(before_params)
        transformed = replace(all_rows, X_train=X, X_valid=X_valid)
    data = outputs.data(transformed, params, test=False)
    member = Member(params, streams.of_trial(study.seed, ask, by_seed=by_seed))
    population: Population | None = None
    for epoch in range(epochs):
        rate = trial.rows[epoch].metrics.get("learning_rate", params["learning_rate"])
        if population is None or rate != member.params["learning_rate"]:
            if population is not None:
                (member.state,) = population.states()
            member.params = {**member.params, "learning_rate": rate}
            population = Population([member], data)
        order = streams.of_order(study.seed, ask, trial.starts[epoch], epoch, by_seed=by_seed)
        (result,) = population.run_epoch(order)
        if result.failure:
            raise UserError(f"trial {ask.trial} trained with the validation rows {result.failure}; use trial_model")
    assert population is not None, "it trained an epoch"
    (member.state,) = population.states()
    network = outputs.model(member, transformed, study.seed)
    return network if parts.before is None else transformers.pipeline(before_params, network)


def _fitted(study: Study, dataset: Dataset, all_rows: Dataset, trial: Trial, by_seed: bool, rule: int) -> Any:
    """Fit any other estimator as its trial was."""
    from sklearn.base import clone  # slow to import

    assert study.model is not None, "a study without one is not refitted"
    share = len(all_rows.y_train) / len(dataset.y_train)
    params = study.model.get_params(deep=True)
    ours = {name: value for name, value in params.items() if _is_ours(study.model, name)}
    model = clone(study.model).set_params(
        **{name: value for name, value in _decayed(ours, share).items() if value is not params[name]}
    )
    refit_study = derived(study, model=model, stages=None, confirm=0)
    prepared = prepare(refit_study, all_rows, rule)
    objective = prepared.make(all_rows)
    if by_seed and isinstance(objective, Confirming):
        objective.confirm(test=False)
    own_params = {name: value for name, value in trial.ask.params.items() if _is_ours(study.model, name)}
    ask = replace(trial.ask, params={**trial.ask.params, **_decayed(own_params, share)})
    objective.start(Start(ask))
    for tick in trial.starts[: trial.best_epoch if prepared.epochs > 1 else 1]:
        (row,) = objective.advance([ask.trial], tick)
        if row.failure:
            raise UserError(f"trial {ask.trial} fitted with the validation rows failed: {row.failure}; use trial_model")
    assert isinstance(objective, Keeping), "what trains a model can keep it"
    objective.keep(ask.trial)
    return objective.model()


def _decayed(params: Mapping[str, Any], share: float) -> dict[str, Any]:
    """Return parameters with their λs multiplied by a share: the new number of samples over the old one."""
    scaled = {}
    for name, value in params.items():
        is_decay = name.rpartition("__")[2] in DECAYS and isinstance(value, int | float) and value
        scaled[name] = value * share if is_decay else value
    return scaled


def _is_ours(model: Any, name: str) -> bool:
    """Return whether a parameter is one of our networks', whose λ counts by samples."""
    from hpsearch.models.estimators.base import Perceptron

    owner, _, _ = name.rpartition("__")
    estimator = model if not owner else model.get_params(deep=True).get(owner)
    return isinstance(estimator, Perceptron)
