"""Frameworks that own the training loop of a network: a report after each epoch, or each evaluation."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any


def lightning_callback(trial: Any) -> Any:
    """Return a callback for PyTorch Lightning's ``Trainer(callbacks=[…])``: a report after each training epoch.

    Metrics are those that the module logs, such as ``val_loss``. ``Trainer(min_epochs=…)`` outlasts a pruner.

    Args:
        trial: The trial that the objective is given.
    """
    lightning: Any = import_module("lightning.pytorch" if find_spec("lightning") else "pytorch_lightning")

    class Report(lightning.Callback):  # type: ignore[misc]  # Lightning is imported by its name
        def on_train_epoch_end(self, trainer: Any, module: Any) -> None:
            if not trial.report(dict(trainer.callback_metrics)):
                trainer.should_stop = True

    return Report()


def keras_callback(trial: Any) -> Any:
    """Return a callback for Keras's ``model.fit(callbacks=[…])``: a report after each epoch.

    Metrics are called as Keras calls them, such as ``val_accuracy``.

    Args:
        trial: The trial that the objective is given.
    """
    keras: Any = import_module("keras")

    class Report(keras.callbacks.Callback):  # type: ignore[misc]  # Keras is imported by its name
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if not trial.report(dict(logs or {})):
                self.model.stop_training = True

    return Report()


def transformers_callback(trial: Any) -> Any:
    """Return a callback for Hugging Face's ``Trainer(callbacks=[…])``: a report after each evaluation.

    Metrics are called as the Trainer calls them, such as ``eval_loss``; ``TrainingArguments(eval_strategy="epoch")``
    evaluates after each epoch.

    Args:
        trial: The trial that the objective is given.
    """
    transformers: Any = import_module("transformers")

    class Report(transformers.TrainerCallback):  # type: ignore[misc]  # transformers is imported by its name
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
            if not trial.report({name: value for name, value in (metrics or {}).items() if name != "epoch"}):
                control.should_training_stop = True

    return Report()
