"""What estimators of classes share: labels and codes, predictions and probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted

from ..kernels import Array
from ..training.population import TrainingData
from .base import FITTED_VALUES, CheckedSamples, Perceptron


class NetworkOfClasses(ClassifierMixin, Perceptron):  # type: ignore[misc]
    """A network with one output neuron per class."""

    classes_: Array
    class_weight: Mapping[Any, float] | str | None
    output: str
    _multilabel: bool
    _classifier_values: ClassVar[Mapping[str, type]] = {**FITTED_VALUES, "_multilabel": bool}

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train for one epoch more, the next of the same random streams.

        Args:
            X: Training inputs, shape (n_samples, n_features).
            y: Class labels, shape (n_samples,), or 0s and 1s of shape (n_samples, n_labels).
            classes: All labels that will ever occur; needed in the first call unless y has them all.
            sample_weight: Weights of the samples, shape (n_samples,), or None.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: For a parameter out of range, unfit data, or when training diverges.
        """
        if isinstance(self.class_weight, str):
            raise ValueError(
                f"class_weight={self.class_weight!r} is not supported for partial_fit, which does not see all samples: "
                "give a dictionary of weights, such as compute_class_weight computes from all labels"
            )
        return self._train_on(X, y, sample_weight, classes)

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each sample, or 1 for each label that is more likely than not, else 0.

        With linear outputs it is the label of the largest score.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Returns:
            Labels of shape (n_samples,); where a sample may have many, integers of shape (n_samples, n_labels).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        check_is_fitted(self)
        if self.output == "linear":
            return np.asarray(self.classes_[self._predict(X, "activations", len(self.classes_)).argmax(axis=1)])
        probabilities: Array = self.predict_proba(X)
        if self._multilabel:
            return (probabilities > 0.5).astype(int)
        return np.asarray(self.classes_[probabilities.argmax(axis=1)])

    def _tells_probabilities(self) -> bool:
        if self.output == "linear":
            raise AttributeError("output='linear' tells scores, not probabilities: see decision_function")
        return True

    def _tells_scores(self) -> bool:
        if self.output != "linear":
            raise AttributeError(f"output={self.output!r} tells probabilities, not scores: see predict_proba")
        return True

    @available_if(_tells_scores)  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Return the scores z of the classes, which there are with output="linear" alone.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Returns:
            Scores, float64 of shape (n_samples, n_classes); of two classes, as everywhere in scikit-learn, the second
            one's score less the first one's, shape (n_samples,).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        check_is_fitted(self)
        scores: Array = self._predict(X, "activations", len(self.classes_))
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    @available_if(_tells_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Return class probabilities, float64 of shape (n_samples, n_classes); each row sums to 1.

        Sigmoid and tanh outputs, one probability per neuron, are divided by their sum. Where a sample may have many
        labels, they are not: each is the probability of that label.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        check_is_fitted(self)
        if not self._multilabel:
            return np.asarray(self._predict(X, "probabilities", len(self.classes_)))
        responses: Array = self._predict(X, "activations", len(self.classes_))
        return responses if self.output == "sigmoid" else (1 + responses) / 2

    @available_if(_tells_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of :meth:`predict_proba`, of the same shape; −∞ where a probability is 0.

        Args:
            X: Inputs, shape (n_samples, n_features).

        Raises:
            ValueError: For unfit data, or where the outputs overflow.
        """
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(self.predict_proba(X)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = self.output not in ("softmax", "linear")  # which pick one class per sample
        return tags

    def _network_params(self) -> dict[str, Any]:
        return dict(self.get_params(deep=False))

    def _learn_targets(self, y: Array, fresh: bool, classes: Any = None) -> None:
        check_classification_targets(y)
        multilabel = _is_multilabel(y)
        if fresh:
            labels = y if classes is None else np.asarray(classes)
            self.classes_ = np.arange(y.shape[1]) if multilabel else _labels(labels)
            self._multilabel = multilabel
        elif multilabel != self._multilabel:
            raise ValueError("y has one label a sample where the last fit had several, or the other way round")
        elif classes is not None and not np.array_equal(np.unique(classes), self.classes_):
            raise ValueError(f"classes={classes!r} differ from those of the first call, {self.classes_!r}")

    def _strata(self, y: Array) -> Array | None:
        return None if self._multilabel else y

    def _data(self, samples: CheckedSamples, held: CheckedSamples | None, dtype: str) -> TrainingData:
        weights = samples.weights
        if self.class_weight is not None:
            by_class = compute_sample_weight(self.class_weight, samples.y)
            weights = by_class if weights is None else weights * by_class
        codes = self._codes(samples.y)
        held_codes = None if held is None else self._codes(held.y)
        X_held = None if held is None else held.X
        if self._multilabel:
            return TrainingData.from_targets(samples.X, codes, X_held, held_codes, dtype, weights)
        return TrainingData.from_arrays(samples.X, codes, len(self.classes_), X_held, held_codes, dtype, weights)

    def _codes(self, y: Array) -> Array:
        """Return class codes of shape (n,), or labels as 0s and 1s of shape (n, n_labels)."""
        if self._multilabel:
            if not _is_multilabel(y) or y.shape[1] != len(self.classes_):
                raise ValueError(f"y must have shape (n_samples, {len(self.classes_)}), a column a label")
            return y
        labels = column_or_1d(y, warn=True)
        unknown = np.setdiff1d(labels, self.classes_)
        if len(unknown):
            raise ValueError(f"y holds labels that are not in classes: {unknown.tolist()}")
        return np.asarray(np.searchsorted(self.classes_, labels))


def _is_multilabel(y: Array) -> bool:
    target_type = str(type_of_target(y))
    if target_type == "multiclass-multioutput":
        raise ValueError(
            "Multioutput target data is not supported: y must have one class a sample, or labels in {0, 1}"
        )
    return target_type == "multilabel-indicator"


def _labels(y: Array) -> Array:
    classes = np.unique(y)
    if len(classes) < 2:
        only = f"the data contains only one class: {classes[0]}"
        raise ValueError(f"This classifier needs samples of at least 2 classes in the data, but {only}")
    return classes
