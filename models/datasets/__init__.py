"""Data sets in one format: train, validation and test, features in float32, named image sets scaled to [0, 1].

`load` takes a name, a path or arrays, `subset` a part of what that returns; `fetch` downloads a named set; `names` and
`describe` list what there is.
"""

from .catalogue import DatasetInfo, describe, names
from .dataset import Dataset, DatasetError
from .fetch import fetch
from .load import load
from .subset import subset

__all__ = ["Dataset", "DatasetError", "DatasetInfo", "describe", "fetch", "load", "names", "subset"]
