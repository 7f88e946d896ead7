"""How version 0.1 trained models, where it did so in another way: its logs go on like that, with the same bits.

It decided once, for the model as it is declared, whether a trial takes epochs; networks trained fused only where they
were classifiers without ``scoring=``; and ``warm_start`` models did not grow. What it could not train at all, such as a
trial whose parameters forbid epochs, fails no longer: it is fitted whole, as in a study of today.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpsearch.models.datasets import Dataset
from hpsearch.models.estimators.base import Perceptron
from hpsearch.models.estimators.classifier import MLPClassifier
from hpsearch.models.training.population import Member, TrainingData
from hpsearch.objectives.outputs import Array, Outputs
from hpsearch.objectives.resources import Plan, takes_epochs
from hpsearch.objectives.transformers import Split
from hpsearch.study.study import Study


def trained_apart(study: Study, parts: Split) -> bool:
    """Return whether each network of a study trained by itself, through ``partial_fit`` or ``fit``.

    Args:
        study: The study.
        parts: Its model, taken apart.
    """
    ours = isinstance(parts.last, Perceptron)
    return ours and not (isinstance(parts.last, MLPClassifier) and study.scoring is None)


def plan(study: Study, parts: Split, epochs: int) -> Plan:
    """Return how the trials of a study were trained.

    Args:
        study: The study.
        parts: Its model, taken apart.
        epochs: Most epochs of a trial that takes epochs.
    """
    if takes_epochs(parts.last):
        return Plan("epochs", epochs, True)
    parted = study.epochs is not None and study.epochs > 1
    return Plan("samples" if parted else "fit", study.epochs or 1, True, parted)


@dataclass(frozen=True)
class OnePatience:
    """Outputs of networks whose schedule waits as long as their early stopping, unless ``lr_patience`` is given.

    Attributes:
        outputs: What they mean.
    """

    outputs: Outputs

    def params(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters with one patience for both rules."""
        resolved = self.outputs.params(params)
        return {**resolved, "lr_patience": resolved["patience"]} if resolved.get("lr_patience") is None else resolved

    def data(self, dataset: Dataset, params: Mapping[str, Any], *, test: bool) -> TrainingData:
        """Return the data."""
        return self.outputs.data(dataset, params, test=test)

    def metrics(self, metrics: dict[str, float]) -> dict[str, float]:
        """Return what was measured."""
        return self.outputs.metrics(metrics)

    def predicted(self, values: Array) -> Array:
        """Return the outputs in the units of the data."""
        return self.outputs.predicted(values)

    def model(self, member: Member, dataset: Dataset, seed: int) -> Any:
        """Return the fitted estimator."""
        return self.outputs.model(member, dataset, seed)
