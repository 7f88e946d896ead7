"""Which types a saved model may be made of: a list that the reader holds, never the file.

A file of skops names the classes and functions that it is made of, and they are called where it is read. What skops
does not vouch for itself is made only where it stands here, or where the user has named it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..names import HOMES, PUBLIC, importable_name

VARIABLE = "HPSEARCH_TRUSTED_TYPES"
"""Environment variable with the names of further types, separated by commas: for MLflow, which passes no arguments."""


def _names(module: str, names: str) -> set[str]:
    return {f"{module}.{name}" for name in names.split()}


TYPES = frozenset(
    {importable_name(f"{PUBLIC}.{word}") for word in HOMES}
    | {"collections.OrderedDict", "numpy.dtype", "scipy.interpolate._bsplines.BSpline"}
    # Parts of scikit-learn's estimators that skops does not list: values and pure functions, none opens or starts
    # anything.
    | _names("sklearn.tree._tree", "Tree")
    | _names("sklearn.cluster._bisect_k_means", "_BisectingTree")
    | _names("sklearn.cluster._kmeans", "_kmeans_single_lloyd _kmeans_single_elkan")
    | _names("sklearn.calibration", "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling")
    | _names(
        "sklearn.gaussian_process.kernels",
        "CompoundKernel ConstantKernel DotProduct Exponentiation ExpSineSquared Matern PairwiseKernel Product RBF "
        "RationalQuadratic Sum WhiteKernel",
    )
    | _names("sklearn.gaussian_process._gpc", "_BinaryGaussianProcessClassifierLaplace")
    | _names("sklearn.feature_selection._univariate_selection", "chi2 f_classif f_oneway f_regression r_regression")
    | _names("sklearn.feature_selection._mutual_info", "mutual_info_classif mutual_info_regression")
    | _names("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor")
    | _names("sklearn.ensemble._hist_gradient_boosting.binning", "_BinMapper")
    | _names("sklearn.metrics._dist_metrics", "EuclideanDistance64 ManhattanDistance64 ChebyshevDistance64")
    | _names("sklearn.metrics._dist_metrics", "MinkowskiDistance64")
    | _names("sklearn.neighbors._kd_tree", "KDTree KDTree64")
    | _names("sklearn.neighbors._ball_tree", "BallTree BallTree64")
    | _names("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer SGDOptimizer")
    | _names(
        "sklearn._loss.loss",
        "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfMultinomialLoss HalfPoissonLoss "
        "HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss",
    )
    | _names("sklearn._loss.link", "IdentityLink Interval LogLink LogitLink MultinomialLogit")
    | _names("lightgbm.sklearn", "LGBMClassifier LGBMRanker LGBMRegressor")
    | _names("lightgbm.basic", "Booster")
)
"""What a model may be made of, beyond what skops vouches for."""


def refuse_unknown(needed: Iterable[str], trusted: Iterable[str] = ()) -> list[str]:
    """Return the types that a file needs, all of which are trusted.

    Args:
        needed: Their names, as ``module.Class``: those that skops does not vouch for.
        trusted: Names that the user trusts beyond :data:`TYPES` and the environment variable.

    Raises:
        ValueError: One is not trusted; the message names all of those.
    """
    named = {name.strip() for name in os.environ.get(VARIABLE, "").split(",")} | set(trusted)
    needed = sorted(needed)
    unknown = [name for name in needed if name not in TYPES and name not in named]
    if unknown:
        names = ", ".join(unknown)
        raise ValueError(
            f"the model is made of types that nobody here vouches for: {names}; if you trust whoever made it, "
            f"name them: hpsearch.load(…, trusted={unknown!r}) or {VARIABLE}={','.join(unknown)}"
        )
    return needed
