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

    Examples:
        >>> from hpsearch import Float, Study
        >>> from hpsearch.integrations import lightning_callback
        >>> def objective(trial):
        ...     import torch
        ...     from lightning.pytorch import LightningModule, Trainer
        ...     class Line(LightningModule):
        ...         def __init__(self):
        ...             super().__init__()
        ...             self.layer = torch.nn.Linear(1, 1)
        ...         def training_step(self, batch, _):
        ...             loss = ((self.layer(batch) - batch) ** 2).mean()
        ...             self.log("loss", loss, on_epoch=True)
        ...             return loss
        ...         def configure_optimizers(self):
        ...             return torch.optim.SGD(self.parameters(), trial["lr"])
        ...     quiet = {f"enable_{name}": False for name in ("progress_bar", "model_summary", "checkpointing")}
        ...     report = [lightning_callback(trial)]
        ...     trainer = Trainer(max_epochs=2, accelerator="cpu", callbacks=report, logger=False, **quiet)
        ...     trainer.fit(Line(), torch.utils.data.DataLoader(torch.ones(8, 1), 8))
        >>> study = Study("lightning", objective=objective, space={"lr": Float(0.01, 0.1)}, metric="loss",
        ...               direction="minimize", epochs=2, n_trials=1)
        >>> study.run(tracking=False, quiet=True).best_trial.epoch
        2
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

    Examples:
        >>> from hpsearch import Int, Study
        >>> from hpsearch.integrations import keras_callback
        >>> def objective(trial):
        ...     import keras
        ...     data = trial.data
        ...     layers = [keras.layers.Dense(trial["units"], "relu"), keras.layers.Dense(10, "softmax")]
        ...     model = keras.Sequential(layers)
        ...     model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        ...     valid = (data.X_valid, data.y_valid)
        ...     report = [keras_callback(trial)]
        ...     model.fit(data.X_train, data.y_train, validation_data=valid, epochs=2, verbose=0, callbacks=report)
        >>> study = Study("keras", objective=objective, space={"units": Int(8, 64)}, data="digits", epochs=2,
        ...               n_trials=1)
        >>> study.run(tracking=False, quiet=True).best_trial.epoch
        2
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

    Examples:
        >>> from hpsearch import Float, Study
        >>> from hpsearch.integrations import transformers_callback
        >>> def objective(trial):
        ...     import torch
        ...     from transformers import Trainer, TrainingArguments
        ...     class Signs(torch.nn.Module):
        ...         def __init__(self):
        ...             super().__init__()
        ...             self.layer = torch.nn.Linear(1, 2)
        ...         def forward(self, x, labels):
        ...             logits = self.layer(x)
        ...             return {"loss": torch.nn.functional.cross_entropy(logits, labels), "logits": logits}
        ...     rows = [{"x": torch.tensor([sign]), "labels": int(sign > 0)} for sign in (-1.0, 1.0) * 8]
        ...     arguments = TrainingArguments(str(trial.folder), num_train_epochs=2, learning_rate=trial["lr"],
        ...                                   eval_strategy="epoch", save_strategy="no", report_to=[], use_cpu=True)
        ...     report = [transformers_callback(trial)]
        ...     Trainer(Signs(), arguments, train_dataset=rows, eval_dataset=rows, callbacks=report).train()
        >>> study = Study("transformers", objective=objective, space={"lr": Float(0.01, 0.1)}, metric="eval_loss",
        ...               direction="minimize", epochs=2, n_trials=1)
        >>> study.run(tracking=False, quiet=True).best_trial.epoch
        2
    """
    transformers: Any = import_module("transformers")

    class Report(transformers.TrainerCallback):  # type: ignore[misc]  # transformers is imported by its name
        def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
            if not trial.report({name: value for name, value in (metrics or {}).items() if name != "epoch"}):
                control.should_training_stop = True

    return Report()
