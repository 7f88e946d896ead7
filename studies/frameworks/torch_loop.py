"""A PyTorch loop with a DataLoader's workers and checkpoints: a killed trial goes on from its last epoch."""

from hpsearch import Float, Int, Study


def objective(trial):
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.manual_seed(trial.seed[0] * 1000 + trial.number)
    torch.set_num_threads(1)
    data, path = trial.data, trial.folder / "checkpoint.pt"
    X, y = torch.tensor(data.X_train, dtype=torch.float32), torch.tensor(data.y_train).long()
    X_valid, y_valid = torch.tensor(data.X_valid, dtype=torch.float32), torch.tensor(data.y_valid).long()
    model = nn.Sequential(nn.Linear(X.shape[1], trial["hidden"]), nn.ReLU(), nn.Linear(trial["hidden"], 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=trial["lr"], momentum=0.9)
    if trial.resumed:
        saved = torch.load(path)
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
    for epoch in range(trial.resumed, 5):
        order = torch.Generator().manual_seed(epoch)
        for batch, target in DataLoader(TensorDataset(X, y), 64, shuffle=True, generator=order, num_workers=1):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(batch), target).backward()
            optimizer.step()
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, path)
        with torch.no_grad():
            if not trial.report(val_accuracy=(model(X_valid).argmax(1) == y_valid).float().mean()):
                return


space = {"lr": Float(0.01, 0.3, log=True), "hidden": Int(8, 64, log=True)}
study = Study("torch_loop", objective=objective, space=space, data="digits", epochs=5, n_trials=4, lanes=2)
