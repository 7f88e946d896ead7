"""A choice between model families: a network, a linear model, a forest and support vectors in one search.

Which model suits a problem is a hyper-parameter like any other: the search spends its trials on the families that do
well, and each family has parameters of its own, which exist where it was chosen (`when=`). What an epoch is goes by the
trial: the network and the linear model pass over the data once more, the forest adds a tenth of its trees
(`warm_start=True`), and support vectors, which know no epochs, are fitted whole and report once, at the end. Whether
pixels are scaled is an option too.

Nobody is stopped early here (`pruner="none"`): after one epoch a forest is ahead of a network that will overtake it,
and a pruner, which compares trials by epoch, would stop the slow starter.

    hpsearch run studies/model_families.py
    hpsearch best model_families
"""

from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from hpsearch import Choice, Float, Int, MLPClassifier, Study

FAMILIES = {
    "network": MLPClassifier(hidden_layer_sizes=(30,), output="softmax", cost="log_likelihood"),
    "linear": SGDClassifier(loss="log_loss"),
    "forest": RandomForestClassifier(warm_start=True),
    "svm": SVC(),
}

study = Study(
    name="model_families",
    model=Pipeline([("scale", "passthrough"), ("clf", SVC())]),
    space={
        "scale": Choice({"standard": StandardScaler(), "none": "passthrough"}),
        "clf": Choice(FAMILIES),
        "clf__learning_rate": Float(0.01, 3, log=True, when={"clf": "network"}),
        "clf__l2": Float(0.01, 100, log=True, when={"clf": "network"}),
        "clf__alpha": Float(1e-6, 1e-1, log=True, when={"clf": "linear"}),
        "clf__n_estimators": Int(20, 200, log=True, when={"clf": "forest"}),
        "clf__max_depth": Choice([None, 5, 10], when={"clf": "forest"}),
        "clf__C": Float(0.1, 100, log=True, when={"clf": "svm"}),
        "clf__gamma": Float(1e-4, 1, log=True, when={"clf": "svm"}),
    },
    data="digits",
    pruner="none",
    epochs=10,
    n_trials=40,
    seed=0,
)
