"""hpsearch: hyper-parameter search and experiment tracking, many networks as one program, deterministically.

Everything that a study file needs is one import away; modules are loaded when a name is first used, so that importing
the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.comparison import Against as Against
    from hpsearch.comparison import Comparison as Comparison
    from hpsearch.comparison import Curves as Curves
    from hpsearch.comparison import Published as Published
    from hpsearch.errors import UserError as UserError
    from hpsearch.scaling import Scale as Scale
    from hpsearch.single import track as track
    from hpsearch.space import Choice as Choice
    from hpsearch.space import Float as Float
    from hpsearch.space import Int as Int
    from hpsearch.study import Study as Study
    from models.augmentation import Augmentation as Augmentation
    from models.estimator import MLPClassifier as MLPClassifier
    from models.regressor import MLPRegressor as MLPRegressor

__version__ = "0.1.0"

_HOMES = {
    "Against": "hpsearch.comparison",
    "Augmentation": "models.augmentation",
    "Choice": "hpsearch.space",
    "Comparison": "hpsearch.comparison",
    "Curves": "hpsearch.comparison",
    "Float": "hpsearch.space",
    "Int": "hpsearch.space",
    "MLPClassifier": "models.estimator",
    "MLPRegressor": "models.regressor",
    "Published": "hpsearch.comparison",
    "Scale": "hpsearch.scaling",
    "Study": "hpsearch.study",
    "UserError": "hpsearch.errors",
    "track": "hpsearch.single",
}

__all__ = [
    "Against",
    "Augmentation",
    "Choice",
    "Comparison",
    "Curves",
    "Float",
    "Int",
    "MLPClassifier",
    "MLPRegressor",
    "Published",
    "Scale",
    "Study",
    "UserError",
    "track",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
