"""An ensemble: several networks vote, and their errors cancel where they are not the same.

The networks differ in nothing but their seed, and each is about as good as any other; but they do not err on the same
images. The book lets five networks vote in its chapter 6. Each row trains that many networks, and counts the majority's
label; where labels have equally many votes, the first network's counts more.
"""

from typing import Any

import numpy as np

from hpsearch import Against, Comparison, MLPClassifier, Study

MOST = 5


def majority(labels: Any) -> Any:
    """Return the label with the most votes for each sample: labels 0, 1, … of shape (networks, n) -> (n,)."""
    votes = np.zeros((labels.shape[1], labels.max() + 1))
    samples = np.arange(labels.shape[1])
    for each in labels:
        votes[samples, each] += 1
    votes[samples, labels[0]] += 0.5
    return votes.argmax(axis=1)


def studies(data: str = "digits") -> list[Study]:
    hidden, l2 = ((100,), 5.0) if data == "mnist" else ((30,), 0.1)

    def vote(trial: Any) -> dict[str, float]:
        """Train as many networks as the trial says, and count what they agree on."""
        seen, count = trial.data, trial["networks"]
        networks = [
            MLPClassifier(hidden, l2=l2, max_epochs=30, random_state=MOST * trial.repeat + i).fit(
                seen.X_train, seen.y_train
            )
            for i in range(count)
        ]
        right = {}
        for part, X, y in (("val", seen.X_valid, seen.y_valid), ("test", seen.X_test, seen.y_test)):
            right[part] = float((majority(np.stack([network.predict(X) for network in networks])) == y).mean())
        return {"val_accuracy": right["val"], "test_error": 1 - right["test"]}

    return [
        Study(
            name="ensemble",
            objective=vote,
            space=[{"networks": [1, 3, MOST]}],
            data=data,
            metric="val_accuracy",
            repeats=5,
            comparison=Comparison(["test_error", "val_accuracy"], plots=[Against("networks", "test_error")]),
        )
    ]
