"""From a study file to its Study. A mistake in the file is told in one line that names the place.

A study file is a Python program: loading it runs it. Load only files that you would run.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

from hpsearch.errors import UserError, did_you_mean
from hpsearch.space import Choice, Float, Int
from hpsearch.study.naming import PREFIX, data_word
from hpsearch.study.study import Study

_UNEXPECTED = re.compile(r"(\w+)\.__init__\(\) got an unexpected keyword argument '(\w+)'")
_MISSING = re.compile(r"(\w+)\.__init__\(\) missing \d+ required positional arguments?: (.+)")
_OWN: dict[str, type[Any]] = {"Study": Study, "Float": Float, "Int": Int, "Choice": Choice}


_study_folders: list[str] = []
"""Folders that were put first on the import path for the study files in them."""


@contextmanager
def study_folders_last() -> Iterator[None]:
    """Put the folders of study files last on the import path for a while.

    A process that is started meanwhile takes the path over before it has imported anything. Files beside a study file
    that are called as modules of hpsearch, of Python or of what we need must not stand in for them.
    """
    earlier = list(sys.path)
    moved = [folder for folder in sys.path if folder in _study_folders]
    sys.path[:] = [folder for folder in sys.path if folder not in _study_folders] + moved
    try:
        yield
    finally:
        sys.path[:] = earlier + [folder for folder in sys.path if folder not in earlier]


@dataclass(frozen=True)
class StudyFile:
    """A study file that was run.

    Attributes:
        path: Where it is.
        source: Its text, for the record.
        studies: What it declares, in order.
        by_data: Whether it declares them by a function of the name of the data, which has been called.
    """

    path: Path
    source: str
    studies: tuple[Study, ...]
    by_data: bool = False

    @property
    def study(self) -> Study:
        """The study, where there is one.

        Raises:
            UserError: There are several.
        """
        if len(self.studies) > 1:
            raise UserError(f"{self.path}: declares {len(self.studies)} studies, where one is needed")
        return self.studies[0]

    @property
    def about(self) -> str:
        """What the file says of itself: its docstring, or nothing."""
        return ast.get_docstring(ast.parse(self.source)) or ""


def load_study(path: str | Path, name: str | None = None, data: str | None = None) -> Study:
    """Run a study file and return the ``study`` that it declares.

    Args:
        path: The file.
        name: Which of several, by the name without ``@…``; None where there is one.
        data: As for :func:`load_file`.

    Raises:
        UserError: The file cannot be read or run, or declares no such study.
    """
    file = load_file(path, data)
    named = [study for study in file.studies if name and study.name.partition("@")[0] == name.partition("@")[0]]
    return named[0] if named else file.study


def load_file(path: str | Path, data: str | None = None) -> StudyFile:
    """Run a study file and return it with its text and what it declares.

    It declares a ``study``, or several ``studies`` as a list; either may also be a function of the name of the data,
    with a default, that returns them: settings that suit one data set need not suit another.

    The file runs as a module of its own, once, with ``__file__`` set and its folder first on the import path, as when
    it is run as a script; ``__name__`` is not ``"__main__"``.

    Args:
        path: The file.
        data: What a function is asked for, where that is not its default: the studies are then named ``name@data``.

    Raises:
        UserError: The file cannot be read or run, or declares no study.
    """
    path = Path(path)
    source = _read(path)
    # Under its full name, so that sources can still be read when the working directory changes.
    resolved = path.resolve()
    try:
        code = compile(source, str(resolved), "exec", dont_inherit=True)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno or 1}: {type(error).__name__}: {error.msg}") from error
    except ValueError as error:  # a NUL byte
        raise UserError(f"{path}: no Python file ({error})") from error
    module = ModuleType(PREFIX + path.stem)
    module.__file__ = str(resolved)
    # Classes defined in the file look their module up by its name; the folder stays importable, since an objective may
    # import from it when it runs.
    sys.modules[module.__name__] = module
    if str(resolved.parent) not in sys.path:
        sys.path.insert(0, str(resolved.parent))
        _study_folders.append(str(resolved.parent))
    try:
        exec(code, module.__dict__)
    except SystemExit as error:
        raise UserError(f"{_place(error, path)}: the file ended the program (exit {error.code})") from error
    except UserError as error:
        raise UserError(f"{_place(error, path)}: {error}") from error
    except Exception as error:
        raise UserError(f"{_place(error, path)}: {_explain(error, module)}") from error
    return _declared(module, path, source, data)


def _read(path: Path) -> str:
    if path.is_dir():
        files = sorted(entry.name for entry in path.glob("*.py"))
        hint = f"; it holds {', '.join(files[:5])}" if files else ""
        raise UserError(f"{path}: a folder, not a study file{hint}")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file{_nearby(path)}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: no text in UTF-8 (byte {error.start})") from error


def _nearby(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"; the folder {folder} does not exist either"
    names = [entry.name for entry in folder.glob("*.py")]
    return did_you_mean(path.name, names) if names else ""


def _place(error: BaseException, path: Path) -> str:
    """Return file:line of the last line of the study file, or of a file in its folder, that led to an error."""
    study_path = path.resolve()
    place = str(path)
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == str(study_path):
            place = f"{path}:{frame.lineno}"
        elif Path(frame.filename).parent == study_path.parent:
            place = f"{path.with_name(Path(frame.filename).name)}:{frame.lineno}"
    return place


def _explain(error: Exception, module: ModuleType) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, TypeError) and (match := _UNEXPECTED.search(text)):
        owner, name = match.groups()
        parameters = _keywords(vars(module).get(owner, _OWN.get(owner)))
        return f"{owner} has no parameter {name!r}" + (did_you_mean(name, parameters) if parameters else "")
    if isinstance(error, TypeError) and (match := _MISSING.search(text)):
        return f"{match.group(1)} needs {match.group(2)}"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _keywords(owner: Any) -> list[str]:
    return [name for name in inspect.signature(owner).parameters if name != "self"] if callable(owner) else []


def _declared(module: ModuleType, path: Path, source: str, data: str | None) -> StudyFile:
    bound = vars(module)
    named = [name for name in ("study", "studies") if name in bound]
    if not named:
        others = [name for name, value in bound.items() if isinstance(value, Study)]
        hint = f"; rename {others[0]!r} to 'study'" if others else "; it must say study = Study(…)"
        raise UserError(f"{path}: declares no variable 'study'{hint}")
    if len(named) > 1:
        raise UserError(f"{path}: declares both 'study' and 'studies'; put all into 'studies'")
    value = bound[named[0]]
    other_data = False
    by_data = inspect.isfunction(value)
    if by_data:
        value, other_data = _by_data(value, module, path, data)
    studies = list(value) if named == ["studies"] and isinstance(value, list | tuple) else [value]
    for study in studies:
        if not isinstance(study, Study):
            expected = "a Study" if named == ["study"] else "a list of them"
            raise UserError(f"{path}: {named[0]!r} is a {type(study).__name__}, not {expected}")
    names = [study.name for study in studies]
    if not names or len(set(names)) < len(names):
        problem = f"two studies are called {max(names, key=names.count)!r}" if names else "'studies' is empty"
        raise UserError(f"{path}: {problem}")
    if other_data:
        studies = [replace(study, name=f"{study.name}@{data_word(data)}") for study in studies]
    return StudyFile(path, source, tuple(studies), by_data)


def _by_data(function: Any, module: ModuleType, path: Path, data: str | None) -> tuple[Any, bool]:
    """Return what a function declares for these data, and whether they are not its default."""
    params = list(inspect.signature(function).parameters.values())
    if len(params) != 1 or not isinstance(params[0].default, str):
        name = function.__name__
        raise UserError(f'{path}: {name} must be a function of the data with a default: def {name}(data="digits")')
    try:
        value = params[0].default if data is None else data
        return function(value), value != params[0].default
    except UserError as error:
        raise UserError(f"{_place(error, path)}: {error}") from error
    except Exception as error:
        raise UserError(f"{_place(error, path)}: {_explain(error, module)}") from error
