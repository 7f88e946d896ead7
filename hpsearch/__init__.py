"""hpsearch: hyper-parameter search and experiment tracking, many networks as one program, deterministically.

Everything that a study file needs is one import away; modules are loaded when a name is first used, so that importing
the package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from hpsearch.models import names

if TYPE_CHECKING:
    from hpsearch.errors import Pruned as Pruned
    from hpsearch.errors import UserError as UserError
    from hpsearch.models.augmentation import Augmentation as Augmentation
    from hpsearch.models.estimators.classifier import MLPClassifier as MLPClassifier
    from hpsearch.models.estimators.gradients import check_gradients as check_gradients
    from hpsearch.models.estimators.network2 import load_network2 as load_network2
    from hpsearch.models.estimators.network2 import save_network2 as save_network2
    from hpsearch.models.estimators.network_classifier import NetworkClassifier as NetworkClassifier
    from hpsearch.models.estimators.network_regressor import NetworkRegressor as NetworkRegressor
    from hpsearch.models.estimators.onnx_file import save_onnx as save_onnx
    from hpsearch.models.estimators.regressor import MLPRegressor as MLPRegressor
    from hpsearch.models.estimators.safetensors_file import load_safetensors as load_safetensors
    from hpsearch.models.estimators.safetensors_file import save_safetensors as save_safetensors
    from hpsearch.models.estimators.torch_state import load_torch_state as load_torch_state
    from hpsearch.models.estimators.torch_state import torch_state as torch_state
    from hpsearch.models.layers.activation import Activation as Activation
    from hpsearch.models.layers.avg_pool2d import AvgPool2D as AvgPool2D
    from hpsearch.models.layers.batch_norm import BatchNorm as BatchNorm
    from hpsearch.models.layers.conv2d import Conv2D as Conv2D
    from hpsearch.models.layers.dense import Dense as Dense
    from hpsearch.models.layers.dropout import Dropout as Dropout
    from hpsearch.models.layers.flatten import Flatten as Flatten
    from hpsearch.models.layers.group_norm import GroupNorm as GroupNorm
    from hpsearch.models.layers.layer_norm import LayerNorm as LayerNorm
    from hpsearch.models.layers.max_pool2d import MaxPool2D as MaxPool2D
    from hpsearch.models.layers.residual import Residual as Residual
    from hpsearch.models.layers.spatial_dropout import SpatialDropout as SpatialDropout
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
    **{name: f"hpsearch.models{home}" for name, home in names.HOMES.items()},
    "Against": "hpsearch.study.comparison",
    "Choice": "hpsearch.space",
    "Comparison": "hpsearch.study.comparison",
    "Curves": "hpsearch.study.comparison",
    "Float": "hpsearch.space",
    "Int": "hpsearch.space",
    "Pruned": "hpsearch.errors",
    "Published": "hpsearch.study.comparison",
    "Samples": "hpsearch.study.samples",
    "Scale": "hpsearch.study.scaling",
    "Study": "hpsearch.running.study",
    "StudySearchCV": "hpsearch.search_cv.search",
    "Table": "hpsearch.study.table",
    "UserError": "hpsearch.errors",
    "WarmStart": "hpsearch.study.warm_start",
    "check_gradients": "hpsearch.models.estimators.gradients",
    "load": "hpsearch.tracking.load_model",
    "load_model": "hpsearch.tracking.load_model",
    "load_network2": "hpsearch.models.estimators.network2",
    "load_safetensors": "hpsearch.models.estimators.safetensors_file",
    "load_torch_state": "hpsearch.models.estimators.torch_state",
    "save_network2": "hpsearch.models.estimators.network2",
    "save_onnx": "hpsearch.models.estimators.onnx_file",
    "save_safetensors": "hpsearch.models.estimators.safetensors_file",
    "torch_state": "hpsearch.models.estimators.torch_state",
    "track": "hpsearch.running.single",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'hpsearch' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
