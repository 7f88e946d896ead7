"""A saved model as MLflow's scikit-learn flavour beside pyfunc: ``mlflow.sklearn.load_model`` gives the estimator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.models.estimators import serving

FLAVOR = "sklearn"


def add(target: Path, package: str, description: Any) -> None:
    """Describe a model that pyfunc has saved as one of scikit-learn's, too.

    MLflow reads it by skops and trusts the types that the description names, so it is for models of one's own; what
    others made is opened by :func:`hpsearch.load_model`. Our classes are those of the package that travels with the
    model. A file of skops serves both flavours; a network, which pyfunc reads from an npz archive, gets one.

    Args:
        target: The folder that pyfunc wrote.
        package: What the package is called that travels with the model.
        description: The MLflow ``Model`` that describes the folder.
    """
    import sklearn
    from mlflow.models.model import MLMODEL_FILE_NAME

    pyfunc = description.flavors["python_function"]
    data = target / pyfunc["data"]
    content, types = serving.for_carried(data, package)
    path = data / serving.SKOPS if (data / serving.SKOPS).exists() else target / serving.SKOPS
    path.write_bytes(content)
    description.add_flavor(
        FLAVOR,
        pickled_model=path.relative_to(target).as_posix(),
        sklearn_version=sklearn.__version__,
        serialization_format="skops",
        skops_trusted_types=types,
        code=pyfunc["code"],
    )
    description.model_size_bytes = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    description.save(str(target / MLMODEL_FILE_NAME))
