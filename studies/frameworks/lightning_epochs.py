"""PyTorch Lightning, a report after each epoch: a module whose metrics are those that it logs."""

from hpsearch import Float, Study


def objective(trial):
    import torch
    from lightning.pytorch import LightningModule, Trainer, seed_everything
    from torch.utils.data import DataLoader, TensorDataset

    from hpsearch.integrations import lightning_callback

    class Network(LightningModule):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(64, 32), torch.nn.ReLU(), torch.nn.Linear(32, 10))

        def training_step(self, batch, _):
            return torch.nn.functional.cross_entropy(self.layers(batch[0]), batch[1])

        def validation_step(self, batch, _):
            self.log("val_accuracy", (self.layers(batch[0]).argmax(1) == batch[1]).float().mean(), on_epoch=True)

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters(), trial["lr"])

    def loader(X, y, **how):
        return DataLoader(TensorDataset(torch.tensor(X, dtype=torch.float32), torch.tensor(y).long()), 64, **how)

    seed_everything(trial.number, verbose=False)
    quiet = {f"enable_{name}": False for name in ("progress_bar", "model_summary", "checkpointing")}
    callbacks, data = [lightning_callback(trial)], trial.data
    trainer = Trainer(max_epochs=5, accelerator="cpu", callbacks=callbacks, logger=False, **quiet)
    train = loader(data.X_train, data.y_train, shuffle=True)
    trainer.fit(Network(), train, loader(data.X_valid, data.y_valid))


space = {"lr": Float(1e-4, 0.1, log=True)}
study = Study("lightning_epochs", objective=objective, space=space, data="digits", epochs=5, n_trials=4, lanes=2)
