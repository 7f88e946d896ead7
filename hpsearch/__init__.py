"""hpsearch: hyper-parameter search and experiment tracking, many networks as one program, deterministically.

Everything that a study file needs is one import away; modules are loaded when a name is first used, so that importing
the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpsearch.errors import Pruned as Pruned
    from hpsearch.errors import UserError as UserError
    from hpsearch.models.augmentation import Augmentation as Augmentation
    from hpsearch.models.estimators.classifier import MLPClassifier as MLPClassifier
    from hpsearch.models.estimators.regressor import MLPRegressor as MLPRegressor
    from hpsearch.models.preprocessing.columns import Columns as Columns
    from hpsearch.models.preprocessing.parts import DateParts as DateParts
    from hpsearch.models.preprocessing.parts import PlainText as PlainText
    from hpsearch.models.preprocessing.parts import SmoothClip as SmoothClip
    from hpsearch.running.single import track as track
    from hpsearch.running.study import Study as Study
    from hpsearch.search_cv.search import StudySearchCV as StudySearchCV
    from hpsearch.space import Choice as Choice
    from hpsearch.space import Float as Float
    from hpsearch.space import Int as Int
    from hpsearch.study.comparison import Against as Against
    from hpsearch.study.comparison import Comparison as Comparison
    from hpsearch.study.comparison import Curves as Curves
    from hpsearch.study.comparison import Published as Published
    from hpsearch.study.samples import Samples as Samples
    from hpsearch.study.scaling import Scale as Scale
    from hpsearch.study.table import Table as Table
    from hpsearch.study.warm_start import WarmStart as WarmStart
    from hpsearch.tracking.load_model import load as load
    from hpsearch.tracking.load_model import load_model as load_model

__version__ = "0.2.0"

_HOMES = {
    "Against": "hpsearch.study.comparison",
    "Augmentation": "hpsearch.models.augmentation",
    "Choice": "hpsearch.space",
    "Columns": "hpsearch.models.preprocessing.columns",
    "Comparison": "hpsearch.study.comparison",
    "Curves": "hpsearch.study.comparison",
    "DateParts": "hpsearch.models.preprocessing.parts",
    "Float": "hpsearch.space",
    "Int": "hpsearch.space",
    "MLPClassifier": "hpsearch.models.estimators.classifier",
    "MLPRegressor": "hpsearch.models.estimators.regressor",
    "Pruned": "hpsearch.errors",
    "PlainText": "hpsearch.models.preprocessing.parts",
    "Published": "hpsearch.study.comparison",
    "Samples": "hpsearch.study.samples",
    "Scale": "hpsearch.study.scaling",
    "SmoothClip": "hpsearch.models.preprocessing.parts",
    "Study": "hpsearch.running.study",
    "StudySearchCV": "hpsearch.search_cv.search",
    "Table": "hpsearch.study.table",
    "UserError": "hpsearch.errors",
    "WarmStart": "hpsearch.study.warm_start",
    "load": "hpsearch.tracking.load_model",
    "load_model": "hpsearch.tracking.load_model",
    "track": "hpsearch.running.single",
}

__all__ = [
    "Against",
    "Augmentation",
    "Choice",
    "Columns",
    "Comparison",
    "Curves",
    "DateParts",
    "Float",
    "Int",
    "MLPClassifier",
    "MLPRegressor",
    "PlainText",
    "Pruned",
    "Published",
    "Samples",
    "Scale",
    "SmoothClip",
    "Study",
    "StudySearchCV",
    "Table",
    "UserError",
    "WarmStart",
    "load",
    "load_model",
    "track",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
