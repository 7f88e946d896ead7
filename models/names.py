"""The names under which our classes stand in files: public ones, which stay when a class moves to another module.

A log, a file of skops or a model in MLflow that names a class says ``hpsearch.MLPClassifier``, whatever module defines
it and whatever this package is called where it is read (a model carries a copy of the package under a name of its own).
What version 0.1 wrote instead is listed here too, so that its files open for ever.
"""

from __future__ import annotations

from collections.abc import Mapping

PACKAGE = __name__.rpartition(".")[0]
"""What this package is called here: ``hpsearch.models``, or the name under which a model carries it."""

HOMES: Mapping[str, str] = {
    "Activation": ".layers.activation",
    "Augmentation": ".augmentation",
    "AvgPool2D": ".layers.avg_pool2d",
    "BatchNorm": ".layers.batch_norm",
    "Columns": ".preprocessing.columns",
    "Conv2D": ".layers.conv2d",
    "DateParts": ".preprocessing.parts",
    "Dense": ".layers.dense",
    "Dropout": ".layers.dropout",
    "Flatten": ".layers.flatten",
    "GroupNorm": ".layers.group_norm",
    "LayerNorm": ".layers.layer_norm",
    "MLPClassifier": ".estimators.classifier",
    "MLPRegressor": ".estimators.regressor",
    "MaxPool2D": ".layers.max_pool2d",
    "NetworkClassifier": ".estimators.network_classifier",
    "NetworkRegressor": ".estimators.network_regressor",
    "PlainText": ".preprocessing.parts",
    "Residual": ".layers.residual",
    "SmoothClip": ".preprocessing.parts",
    "SpatialDropout": ".layers.spatial_dropout",
}
"""The classes that may stand in a file, and the modules of this package that define them."""

PUBLIC = "hpsearch"
"""Where users import them from, which is the module that a file names."""

CARRIED = "hpsearch_models_"
"""How the name begins under which a model carries a copy of this package; the digest of its content follows."""

VERSION_0_1: Mapping[str, str] = {
    "models.augmentation.Augmentation": "hpsearch.Augmentation",
    "models.estimator.MLPClassifier": "hpsearch.MLPClassifier",
    "models.regressor.MLPRegressor": "hpsearch.MLPRegressor",
}
"""From the names that version 0.1 wrote to the public ones."""


def public(name: str) -> str:
    """Return the public name of a class of ours; any other name is returned as it is.

    Args:
        name: ``module.Class``, as a class says here or in a copy of this package that a model carries, as version 0.1
            wrote it, or public already.
    """
    module, _, word = name.rpartition(".")
    if word in HOMES and (module == PACKAGE + HOMES[word] or module.startswith(CARRIED)):
        return f"{PUBLIC}.{word}"
    return VERSION_0_1.get(name, name)


def importable_name(name: str, package: str = PACKAGE) -> str:
    """Return where a class of ours is defined in a copy of this package; any other name is returned as it is.

    Args:
        name: ``module.Class``, public or as any copy or version 0.1 wrote it.
        package: What the copy is called; by default this one.
    """
    module, _, word = public(name).rpartition(".")
    return f"{package}{HOMES[word]}.{word}" if module == PUBLIC and word in HOMES else name
