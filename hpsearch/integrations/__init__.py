"""Callbacks that report a framework's epochs to a trial, and stop its training where the study says so.

No framework is imported before its callback is asked for::

    lightgbm.train(params, data, callbacks=[lightgbm_callback(trial)])
"""

from __future__ import annotations

from hpsearch.integrations.boosting import lightgbm_callback, xgboost_callback

__all__ = ["lightgbm_callback", "xgboost_callback"]
