"""The one format that every data set comes out in, and the checks that bring features and targets into it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class DatasetError(ValueError):
    """Data that cannot be used: one line that names the file or array, what was expected and what was found.

    Examples:
        >>> from hpsearch.models.datasets import load
        >>> load("mnits")
        Traceback (most recent call last):
            ...
        hpsearch.models.datasets.dataset.DatasetError: ...mnits...
    """


@dataclass(frozen=True)
class Dataset:
    """Training, validation and test data of one problem.

    The arrays are read-only: one data set serves many trials. Labels are int64, bool or str; targets of a floating
    dtype are float64 and mean regression.

    Args:
        name: What the user calls it: a catalogue name, a file's or folder's name, or "memory".
        X_train: ndarray of shape (n_train, n_features), float32 unless the loader was asked to keep its dtype; of
            a table a data frame, of sparse data a sparse matrix.
        y_train: ndarray of shape (n_train,), or (n_train, n_outputs) for regression.
        X_valid: ndarray of shape (n_valid, n_features).
        y_valid: Its labels or targets.
        X_test: ndarray of shape (n_test, n_features), or None.
        y_test: Its labels or targets, or None.
        digest: sha256 (hex) over the field names, shapes, dtypes and bytes of all arrays, in this order.
        image_shape: (rows, columns) where a sample is an image, else None.
        source: "embedded", "memory" or the path that the data came from.
        w_train: Weights of the training samples, shape (n_train,), or None.
        w_valid: Weights of the validation samples, or None.
        w_test: Weights of the test samples, or None.
        preprocessing: Of a table the unfitted steps, each with its name, that stand before a model; else empty.
        encodes: Whether these steps turn the columns into standardised numbers.
        target: Name of the target column, or None.
        said: What was found and decided about a table, in lines for people.
        warnings: What looks wrong with it.
        example: Of a table some validation rows as they were read, features alone: what a model is tried with.
        own_split: Whether the parts were divided by us; else they came so.
        reader: The rules by which the data were read.
        places: Of each row of the training and of the validation part, where it stood in the data as they were given;
            None where the parts came so.
        groups: The group of each row of the data as they were given, shape (n,), or None.

    Examples:
        >>> import numpy as np
        >>> from hpsearch.models.datasets import load
        >>> data = load((np.arange(20.0).reshape(10, 2), np.arange(10) % 2))
        >>> type(data).__name__, data.X_train.shape, data.X_valid.shape, data.X_test.shape
        ('Dataset', (6, 2), (2, 2), (2, 2))
    """

    name: str
    X_train: Any
    y_train: Array
    X_valid: Any
    y_valid: Array
    X_test: Any
    y_test: Array | None
    digest: str
    image_shape: tuple[int, int] | None
    source: str
    w_train: Array | None = None
    w_valid: Array | None = None
    w_test: Array | None = None
    preprocessing: tuple[tuple[str, Any], ...] = ()
    encodes: bool = False
    target: str | None = None
    said: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    example: Any = None
    own_split: bool = False
    reader: int = 1
    places: tuple[Array, Array] | None = None
    groups: Array | None = None

    @property
    def classes(self) -> Array | None:
        """The sorted distinct training labels, or None for a regression problem."""
        return None if self.y_train.dtype.kind == "f" else np.unique(self.y_train)


class Part(NamedTuple):
    """Samples with their targets: X (n, n_features) float32, y (n,) or (n, n_outputs), and the image shape if any."""

    X: Any
    y: Array
    image_shape: tuple[int, int] | None

    def take(self, rows: Array | slice) -> Part:
        """Return the samples at `rows`; a slice gives views."""
        return Part(self.X[rows], self.y[rows], self.image_shape)


def as_part(
    X: object,
    y: object,
    where: str,
    names: tuple[str, str] = ("X", "y"),
    *,
    keep_dtype: bool = False,
    regression: bool = False,
) -> Part:
    """Check features and targets and bring them into the format.

    Args:
        X: Anything np.asarray takes, of shape (n, n_features) or (n, rows, columns). uint8 images of three dimensions
            are divided by 255; everything else keeps its scale. NaN (a missing value) passes, infinity does not.
        y: n labels (integers, booleans or strings), or float regression targets of shape (n,) or (n, n_outputs).
        where: The file or argument that an error names.
        names: What the two arrays are called there.
        keep_dtype: Whether features keep their dtype, and sparse ones stay sparse, instead of becoming float32.
        regression: Whether targets are numbers to predict, whole ones too.

    Returns:
        The checked part.

    Raises:
        DatasetError: The values, shapes or lengths do not fit.
    """
    features, image_shape = _features(X, f"{where}: {names[0]}", keep_dtype)
    targets = _targets(y, f"{where}: {names[1]}")
    if regression and targets.dtype.kind in "iub":
        targets = targets.astype(np.float64)
    if features.shape[0] != len(targets):
        raise DatasetError(
            f"{where}: {names[0]} has {features.shape[0]} samples, but {names[1]} has {len(targets)}; expected as many"
        )
    return Part(features, targets, image_shape)


def _features(X: Any, where: str, keep_dtype: bool) -> tuple[Any, tuple[int, int] | None]:
    if hasattr(X, "toarray"):
        if keep_dtype:
            return _sparse(X, where), None
        X = X.toarray()
    array = _asarray(X, where)
    if array.ndim not in (2, 3) or array.size == 0:
        raise DatasetError(
            f"{where} has shape {array.shape}; expected (samples, features) or (samples, rows, columns), none of them 0"
        )
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DatasetError(f"{where} holds something that is not a number: {error}") from error
    if array.dtype.kind not in "biuf":
        raise DatasetError(f"{where} has dtype {array.dtype}; expected numbers")
    image_shape = (array.shape[1], array.shape[2]) if array.ndim == 3 else None
    is_pixels = array.ndim == 3 and array.dtype == np.uint8
    array = array.reshape(len(array), -1)
    if is_pixels:
        return np.divide(array, np.float32(255), dtype=np.float32), image_shape
    if keep_dtype and array.dtype != np.float16:
        if array.dtype.kind == "f" and (infinite := np.isinf(array)).any():
            row, column = (int(i) for i in np.argwhere(infinite)[0])
            raise DatasetError(f"{where} is infinite in row {row}, column {column}")
        return np.ascontiguousarray(array), image_shape
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype=np.float32)
    if array.dtype.kind == "f" and (infinite := np.isinf(result)).any():
        row, column = (int(i) for i in np.argwhere(infinite)[0])
        raise DatasetError(f"{where} is infinite, or too large for float32, in row {row}, column {column}")
    return result, image_shape


def _sparse(X: Any, where: str) -> Any:
    """Return a sparse matrix of scipy by rows, in the one order that its contents can have."""
    rows = X.tocsr()
    rows.sum_duplicates()
    if rows.ndim != 2 or 0 in rows.shape or not np.isfinite(rows.data).all():
        raise DatasetError(f"{where} is sparse, of shape {rows.shape}; expected finite numbers, (samples, features)")
    return rows


def _targets(y: object, where: str) -> Array:
    array = _asarray(y, where)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.dtype.kind == "O":
        array = _from_objects(array, where)
    if array.ndim != 1 and not (array.ndim == 2 and array.dtype.kind == "f"):
        raise DatasetError(f"{where} has shape {array.shape}; expected (samples,), or 2-d floats for regression")
    if array.dtype.kind == "f":
        if not np.isfinite(array).all():
            raise DatasetError(f"{where} has a missing or infinite value; every sample needs a target")
        return np.ascontiguousarray(array, dtype=np.float64)
    if array.dtype.kind == "u" and array.size and int(array.max()) > np.iinfo(np.int64).max:
        raise DatasetError(f"{where} has a label beyond int64: {array.max()}")
    if array.dtype.kind in "iu":
        return np.ascontiguousarray(array, dtype=np.int64)
    if array.dtype.kind in "bUT":
        return np.ascontiguousarray(array.astype(np.str_) if array.dtype.kind == "T" else array)
    raise DatasetError(f"{where} has dtype {array.dtype}; expected integers, strings or floats")


def _from_objects(array: Array, where: str) -> Array:
    # An object array's bytes are pointers: without a plain dtype the digest would differ from run to run.
    values = [value.item() if isinstance(value, np.generic) else value for value in array.tolist()]
    types = {type(value) for value in values}
    if len(types) == 1 and types <= {str, int, float, bool}:
        return np.asarray(values)
    listed = ", ".join(sorted(value_type.__name__ for value_type in types))
    raise DatasetError(f"{where} mixes or holds values of type {listed}; expected all strings or all numbers")


def _asarray(values: object, where: str) -> Array:
    try:
        return np.asarray(values)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{where} is not an array: {error}") from error


def assemble(name: str, source: str, train: Part, valid: Part, test: Part | None) -> Dataset:
    """Put parts together into a Dataset, check that they belong together, and compute the digest.

    Args:
        name: The data set's name.
        source: Where it came from.
        train: Training part.
        valid: Validation part.
        test: Test part, or None.

    Returns:
        The data set; its arrays are read-only views of the parts'.

    Raises:
        DatasetError: The parts differ in features, in image shape or in the kind of targets.
    """
    for label, part in (("validation", valid), ("test", test)):
        if part is None:
            continue
        if part.X.shape[1] != train.X.shape[1] or part.image_shape != train.image_shape:
            raise DatasetError(
                f"{source}: the {label} samples have {_shape(part)}, but the training samples have {_shape(train)}"
            )
        if part.y.dtype.kind != train.y.dtype.kind or part.y.shape[1:] != train.y.shape[1:]:
            raise DatasetError(
                f"{source}: the {label} targets are {_kind(part.y)}, but the training targets are {_kind(train.y)}"
            )
    dataset = Dataset(
        name=name,
        X_train=_frozen(train.X),
        y_train=_frozen(train.y),
        X_valid=_frozen(valid.X),
        y_valid=_frozen(valid.y),
        X_test=None if test is None else _frozen(test.X),
        y_test=None if test is None else _frozen(test.y),
        digest="",
        image_shape=train.image_shape,
        source=source,
    )
    return replace(dataset, digest=digest(dataset))


def _shape(part: Part) -> str:
    return f"{part.image_shape[0]}x{part.image_shape[1]} pixels" if part.image_shape else f"{part.X.shape[1]} features"


def _kind(y: Array) -> str:
    names = {"f": "floats (regression)", "i": "integers", "b": "booleans", "U": "strings"}
    return names[y.dtype.kind] + (f" of {y.shape[1]} outputs" if y.ndim == 2 else "")


def _frozen(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def digest(dataset: Dataset) -> str:
    """Return the sha256 (hex) over the names, dtypes, shapes and bytes of a data set's arrays, in a fixed order."""
    hasher = hashlib.sha256()
    for name in ("X_train", "y_train", "X_valid", "y_valid", "X_test", "y_test"):
        array = getattr(dataset, name)
        if array is None:
            hasher.update(f"{name} none\n".encode())
            continue
        if hasattr(array, "toarray"):
            hasher.update(f"{name} sparse {array.shape}\n".encode())
            for piece in (array.data, array.indices.astype(np.int64), array.indptr.astype(np.int64)):
                hasher.update(f"{piece.dtype.str}\n".encode() + piece.tobytes())
            continue
        hasher.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        hasher.update(array.reshape(-1).view(np.uint8).data)
    return hasher.hexdigest()
