"""Networks: a report after each epoch, or each evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def keras_callback(trial: Any) -> Any:
    """Return a callback for Keras' ``model.fit(callbacks=[…])``; metrics are those of its logs, such as ``val_loss``.

    Args:
        trial: The trial that the objective is given.
    """
    from keras.callbacks import Callback

    class Report(Callback):  # type: ignore[misc]
        def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
            if not trial.report(dict(logs or {})):
                self.model.stop_training = True

    return Report()


def lightning_callback(trial: Any) -> Any:
    """Return a callback for Lightning's ``Trainer(callbacks=[…])``; metrics are those that the module logs.

    Args:
        trial: The trial that the objective is given.
    """
    from lightning.pytorch.callbacks import Callback

    class Report(Callback):  # type: ignore[misc]
        def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
            if not trainer.sanity_checking and not trial.report(dict(trainer.callback_metrics)):
                trainer.should_stop = True

    return Report()


def transformers_callback(trial: Any) -> Any:
    """Return a callback for Hugging Face's ``Trainer(callbacks=[…])``; metrics are those of an evaluation.

    Args:
        trial: The trial that the objective is given.
    """
    from transformers import TrainerCallback

    class Report(TrainerCallback):  # type: ignore[misc]
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Mapping[str, Any], **_: Any) -> None:
            known = {name: value for name, value in metrics.items() if isinstance(value, int | float)}
            if not trial.report(known):
                control.should_training_stop = True

    return Report()
