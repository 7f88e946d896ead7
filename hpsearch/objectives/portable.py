"""Sending an objective to another process or machine, the user's own functions and classes included.

What a study file, a script or a notebook defines travels by value; modules beside them are imported where the objective
arrives, from the same folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpsearch.errors import UserError
from hpsearch.objectives.base import Objective
from hpsearch.study.loading import PREFIX

Maker = Callable[[Any], Objective]
"""Makes a fresh objective from the study's data (None where it has none)."""


def pack(maker: Maker) -> bytes:
    """Return an objective's maker in a form that any process with the same packages can unpack.

    Raises:
        UserError: Something that the objective refers to cannot be sent, such as a lock or a socket.
    """
    import cloudpickle

    modules = [module for name, module in sys.modules.items() if name.startswith(PREFIX)]
    main = getattr(sys.modules["__main__"], "__file__", None)
    files = [*(str(module.__file__) for module in modules), *([main] if main else [])]
    folders = list(dict.fromkeys(str(Path(file).resolve().parent) for file in files))
    try:
        with _by_value(modules):
            return bytes(cloudpickle.dumps((folders, cloudpickle.dumps(maker))))
    except Exception as error:  # whatever a user's object raises when it is pickled
        raise UserError(f"the objective cannot be sent to workers ({type(error).__name__}: {error})") from error


def unpack(packed: bytes) -> Maker:
    """Return the maker that :func:`pack` packed. Runs code that is in it: take it from nobody but a coordinator.

    Raises:
        UserError: A module that the objective needs is not on this machine.
    """
    import cloudpickle

    folders, maker = cloudpickle.loads(packed)
    # Also later, when it runs, the objective may import what stands beside its file; and what stands there comes first,
    # as where the study was begun, whatever packages of such names are installed.
    there = [folder for folder in folders if Path(folder).is_dir()]
    sys.path[:] = [*there, *(folder for folder in sys.path if folder not in there)]
    try:
        made: Maker = cloudpickle.loads(maker)
    except ImportError as error:
        raise UserError(f"a worker cannot load the objective ({error}); install what it needs there too") from error
    return made


@contextmanager
def _by_value(modules: list[Any]) -> Iterator[None]:
    import cloudpickle

    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)
