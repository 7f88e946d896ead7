"""Sending an objective to another process or machine, the user's own functions and classes included.

What a study file, a script or a notebook defines travels by value, as does what was loaded from a file under a name
that no import finds (as pytest and ``importlib.util.spec_from_file_location`` do). Modules beside them are imported
where the objective arrives, from the same folder.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from hpsearch.errors import UserError
from hpsearch.objectives.base import Objective
from hpsearch.study.naming import PREFIX

Maker = Callable[[Any], Objective]
"""Makes a fresh objective from the study's data (None where it has none)."""


def pack(maker: Maker) -> bytes:
    """Return an objective's maker in a form that any process with the same packages can unpack.

    Raises:
        UserError: Something that the objective refers to cannot be sent, such as a lock or a socket.
    """
    import cloudpickle

    modules = [module for name, module in tuple(sys.modules.items()) if name.startswith(PREFIX) or _loose(name, module)]
    main = getattr(sys.modules["__main__"], "__file__", None)
    files = [*(str(module.__file__) for module in modules), *([main] if main else [])]
    folders = list(dict.fromkeys(str(Path(file).resolve().parent) for file in files))
    try:
        with _by_value(modules):
            return bytes(cloudpickle.dumps((folders, cloudpickle.dumps(maker))))
    except Exception as error:  # whatever a user's object raises when it is pickled
        culprits = ", ".join(_unpicklable_names([*modules, sys.modules["__main__"]]))
        fix = "with --workers 1, and no limits on a trial's time and memory, it need not be"
        if culprits:
            fix = f"make {culprits} inside of the function"
        raise UserError(f"the objective cannot be sent to workers ({type(error).__name__}: {error}); {fix}") from error


def unpack(packed: bytes) -> Maker:
    """Return the maker that :func:`pack` packed. Runs code that is in it: take it from a coordinator alone.

    Raises:
        UserError: A module that the objective needs is not on this machine.
    """
    import cloudpickle

    folders, maker = cloudpickle.loads(packed)
    # The objective may import modules beside its file, also later while it runs; these come first, as where the study
    # was begun, whatever packages of such names are installed.
    existing = [folder for folder in folders if Path(folder).is_dir()]
    sys.path[:] = [*existing, *(folder for folder in sys.path if folder not in existing)]
    try:
        unpacked: Maker = cloudpickle.loads(maker)
    except ImportError as error:
        raise UserError(f"a worker cannot load the objective ({error}); install what it needs there too") from error
    return unpacked


def _unpicklable_names(modules: Sequence[Any]) -> Iterator[str]:
    """Yield the variables of modules that functions of theirs use and that cannot be pickled."""
    import cloudpickle

    for module in modules:
        variables = vars(module)
        functions = [value for value in variables.values() if isinstance(value, FunctionType)]
        used = {name for function in functions for name in function.__code__.co_names}
        for name in sorted(used & set(variables)):
            if isinstance(variables[name], FunctionType | ModuleType | type):
                continue
            try:
                cloudpickle.dumps(variables[name])
            except Exception:  # whatever a user's object raises: it is this one
                yield name


def _loose(name: str, module: Any) -> bool:
    """Return whether a module was loaded from a file, and cannot be imported by its name from this process's paths."""
    file = getattr(module, "__file__", None)
    if not file or not file.endswith(".py") or name == "__main__":
        return False
    path_parts = Path(file).with_suffix("").parts
    module_parts = name.split(".") + (["__init__"] if path_parts[-1] == "__init__" else [])
    if str(Path(*path_parts[: -len(module_parts)])) in sys.path:  # nearly all of them, without a look at the disk
        return False
    finders = [finder.find_spec for finder in sys.meta_path if hasattr(finder, "find_spec")]
    top_level = name.partition(".")[0]
    return all(find(top_level, None) is None for find in finders)


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
