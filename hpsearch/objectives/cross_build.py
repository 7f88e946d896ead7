"""From a cross-validated study to what its lanes run."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from hpsearch.log.history import SECONDS
from hpsearch.models.datasets import Dataset
from hpsearch.objectives.base import WEIGHTS, Objective
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.scores import scorers_of
from hpsearch.study.cross_validation import Splits
from hpsearch.study.study import Study
from hpsearch.study.unsaid import derived
from hpsearch.tables.folds import Folds, folds_of

PrepareOne = Callable[[Study, Dataset | None], Prepared]
"""Prepares the objective of a study that is not cross-validated."""


def prepare(study: Study, dataset: Dataset, prepare_one: PrepareOne) -> Prepared:
    """Return the objective of a cross-validated study, checked but not yet made.

    Args:
        study: The study.
        dataset: Its data, already loaded.
        prepare_one: Prepares the objective of each of its folds.

    Raises:
        UserError: The rows cannot be divided so, or the model does not suit them.
    """
    if isinstance(study.cv, Splits) and study.cv.fits is not None:
        from hpsearch.objectives.fold_fits import FoldFits

        folds = len(study.cv.pairs)
        return Prepared(partial(FoldFits.from_study, study), folds, by_fold=True)
    folded = folded_as(study, dataset)
    plain = derived(study, cv=None, groups=None, stages=None, confirm=0)
    first_fold = prepare_one(plain, folded.at(0))
    by_fold = first_fold.epochs == 1
    make = partial(_make, study, plain, prepare_one, by_fold)
    epochs = len(folded) if by_fold else first_fold.epochs
    stays = first_fold.stays and not by_fold  # what whole folds have scored is saved
    return Prepared(make, epochs, by_fold=by_fold, cross_validates=True, stays=stays)


def folded_as(study: Study, dataset: Dataset) -> Folds:
    """Return the data of a cross-validated study as it divides them."""
    from sklearn.base import is_classifier

    classifies = is_classifier(study.model) and dataset.classes is not None
    return folds_of(dataset, study.cv, study.groups, study.seed, classifies=classifies)


def _make(study: Study, plain: Study, prepare_one: PrepareOne, by_fold: bool, dataset: Dataset | None) -> Objective:
    from hpsearch.objectives.cross_validated import EpochByEpoch, FoldByFold
    from hpsearch.objectives.transformers import split

    assert dataset is not None, "a study with a model has data"
    folded = folded_as(study, dataset)
    detailed = {*study.goal.metrics, *scorers_of(study.scoring)} - {SECONDS, WEIGHTS}
    parts = split(study.model)
    if parts.last.get_params().get("exact_train_metrics"):
        detailed |= {metric.replace("val_", "train_", 1) for metric in detailed}
    folds = []
    for fold in range(len(folded)):
        data = folded.at(fold)
        folds.append(prepare_one(plain, data).make(data))
    if by_fold:
        return FoldByFold(folds, detailed)
    return EpochByEpoch(folds, detailed, parts.last.get_params(), parts.prefix, study.dimensions)
