"""Data sets in one format: train, validation and test, features in float32, named image sets scaled to [0, 1].

`load` takes a name, a path or arrays, `subset` a part of what that returns; `fetch` downloads a named set; `names` and
`describe` list what there is.
"""

from models.datasets.catalogue import DatasetInfo, describe, names
from models.datasets.dataset import Dataset, DatasetError
from models.datasets.fetch import fetch
from models.datasets.load import load
from models.datasets.subset import subset

__all__ = ["Dataset", "DatasetError", "DatasetInfo", "describe", "fetch", "load", "names", "subset"]
