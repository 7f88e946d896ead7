"""What is settled, and refused, before a study's log is begun: a mistake costs no trial."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hpsearch import ladder, pruners, samplers
from hpsearch.engine.warm import first_points
from hpsearch.errors import UserError
from hpsearch.models import datasets
from hpsearch.objectives.build import Prepared
from hpsearch.objectives.staged import prepare
from hpsearch.pruners.base import Pruner
from hpsearch.samplers.base import Sampler
from hpsearch.study import scaling
from hpsearch.study.study import Study
from hpsearch.tables import door


def asked(study: Study, root: Path, limits: Mapping[str, Any], start_from: str | None) -> Study:
    """Return the study with the limits of this run in place of its own, and an earlier study's best points first.

    Raises:
        UserError: There is no such study in the root, or a limit cannot be.
    """
    study = replace(study, **{key: limit for key, limit in limits.items() if limit is not None})
    if start_from is not None:
        study = replace(study, enqueue=[*study.enqueue, *first_points(root, start_from, study)])
    return study


def loaded(study: Study, folder: Path) -> tuple[Study, datasets.Dataset | None]:
    """Return the study with stages that suit its data, and the data.

    Args:
        study: The study.
        folder: Its folder: a log that is there says by which rules its data were read.

    Raises:
        UserError: The data cannot be loaded, or a stage asks for what they do not have.
    """
    if study.data is None:
        return study, None
    dataset = door.load(study.data, study.model, reader=door.reader_of(folder / "log.jsonl"))
    if study.stages is None:
        return study, dataset
    try:
        return replace(study, stages=scaling.settle(study.stages, dataset, study.seed)), dataset
    except UserError as error:
        raise UserError(f"study {study.name!r}: {error}") from error


def parts(
    study: Study, dataset: datasets.Dataset | None, *, any_size: bool, retry_failed: bool
) -> tuple[Prepared, Sampler, Pruner]:
    """Return what a study runs, and what proposes and stops its trials.

    Args:
        study: The declaration.
        dataset: Its data.
        any_size: Whether a grid of more points than a million may run.
        retry_failed: Whether trials that failed are to be tried once more.

    Raises:
        UserError: The parts of the study do not go together.
    """
    if not any_size:
        samplers.check_size(study)
    prepared = prepare(study, dataset)
    sampler, pruner = samplers.build(study), pruners.build(study, prepared.epochs)
    ladder.build(study, n=None if dataset is None else len(dataset.y_train))
    if retry_failed and (study.stages is not None or study.confirm):
        raise UserError(f"study {study.name!r}: --retry-failed goes with neither stages nor confirmation")
    return prepared, sampler, pruner
