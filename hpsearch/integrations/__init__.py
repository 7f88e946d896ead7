"""Callbacks that report a framework's epochs to a trial, and stop its training where the study says so.

No framework is imported before its callback is asked for::

    lightgbm.train(params, data, callbacks=[lightgbm_callback(trial)])
"""

from __future__ import annotations

from hpsearch.integrations.boosting import catboost_callback, lightgbm_callback, xgboost_callback
from hpsearch.integrations.networks import keras_callback, lightning_callback, transformers_callback

__all__ = [
    "catboost_callback",
    "keras_callback",
    "lightgbm_callback",
    "lightning_callback",
    "transformers_callback",
    "xgboost_callback",
]
