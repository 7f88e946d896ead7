"""Predictions of regressors' networks, straight from their weights: making an estimator of each would take longer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hpsearch.models.network import Network
from hpsearch.models.parameters import resolve_params
from hpsearch.models.reading import check_finite
from hpsearch.models.training.population import Member, TrainingData
from hpsearch.objectives.outputs import Array, Outputs


class Predicting:
    """Predicts the samples that are held out by networks.

    Args:
        outputs: What the networks' outputs mean.
    """

    def __init__(self, outputs: Outputs) -> None:
        self._outputs = outputs
        self._networks: dict[int, Network] = {}

    def __call__(
        self, trial: int, member: Member, weights: Mapping[str, Array], data: TrainingData, *, test: bool
    ) -> Array:
        """Return what a network predicts of the validation set or of the test set, as targets in their own units.

        Args:
            trial: The trial's number, under which its network is kept until :meth:`forget`.
            member: Its parameters.
            weights: The weights that predict.
            data: The samples as networks take them.
            test: Whether the test set is predicted.

        Raises:
            ValueError: The outputs overflow.
        """
        X = data.X_test if test else data.X_valid
        assert X is not None, "there are such samples"
        network = self._networks.get(trial)
        if network is None:
            sizes = data.X_train.shape[1], data.T_train.shape[1]
            network = self._networks[trial] = Network.build(resolve_params(member.params), *sizes)
        with np.errstate(all="ignore"):
            values = network.activations(weights, X)
        check_finite(values, X.dtype)
        return self._outputs.predicted(values)

    def forget(self, trial: int) -> None:
        """Drop a trial's network."""
        self._networks.pop(trial, None)
