"""scikit-learn's callbacks (1.9 and later): every epoch of a fit is a task of its own.

With an earlier scikit-learn the estimators have no `set_callbacks`, and the tasks of this module are silent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Supports nothing."""

    def with_callbacks(method: Any) -> Any:
        """Return the method."""
        return method


__all__ = ["CallbackSupportMixin", "Tasks", "with_callbacks"]


class Tasks:
    """The tasks of one fit, reported to the callbacks that are set on an estimator.

    Args:
        estimator: Is fitted.
        epochs: Most epochs that may come.
        hook_values: Further arguments of the hooks (X, y and metadata), each a value or a function that returns it.
    """

    def __init__(self, estimator: Any, epochs: int, **hook_values: Any) -> None:
        self._hook_values = {"estimator": estimator, **hook_values}
        self._root: Any = None
        if hasattr(estimator, "_init_callback_context"):
            self._root = estimator._init_callback_context(max_subtasks=epochs)
            self._root.call_on_fit_task_begin(**self._hook_values)

    def epoch(self, train: Callable[[], bool], snapshot: Callable[[], dict[str, Any]]) -> bool:
        """Train for one epoch as a task that the callbacks see.

        Args:
            train: Trains, and returns whether training is over.
            snapshot: Returns the fitted attributes of the estimator as if training had stopped.

        Returns:
            Whether training is over, or a callback wishes so.
        """
        if self._root is None:
            return train()
        task = self._root.subcontext(task_name="epoch").call_on_fit_task_begin(**self._hook_values)
        over = train()
        return bool(task.call_on_fit_task_end(**self._hook_values, reconstruction_attributes=snapshot)) or over

    def end(self) -> None:
        """Tell the callbacks that the estimator is fitted."""
        if self._root is not None:
            self._root.call_on_fit_task_end(**self._hook_values, reconstruction_attributes={})
