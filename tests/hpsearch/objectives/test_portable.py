from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from hpsearch.objectives.portable import pack

UNPACK = "import sys; from hpsearch.objectives.portable import unpack; print(unpack(sys.stdin.buffer.read())(20))"


def loaded(file: Path, name: str) -> ModuleType:
    """The module of a file under a name of our own, which no import finds."""
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["kept_apart", "somewhere.kept_apart"])
def test_what_was_loaded_from_a_file_under_a_name_that_no_import_finds_travels_by_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    file = tmp_path / "other_name.py"
    file.write_text("OFFSET = 1\ndef maker(data):\n    return 2 * data + OFFSET\n")
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    packed = pack(loaded(file, name).maker)
    file.unlink()
    completed = subprocess.run(
        [sys.executable, "-c", UNPACK], input=packed, capture_output=True, cwd=tmp_path, check=True
    )
    assert completed.stdout.decode().strip() == "41"


def test_what_can_be_imported_travels_by_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "beside_it.py").write_text("def maker(data):\n    return data\n")
    monkeypatch.syspath_prepend(tmp_path)
    from beside_it import maker  # type: ignore[import-not-found]

    assert b"beside_it" in (packed := pack(maker))
    assert b"beside_it.py" not in packed  # the file is named by code that is sent by value
    monkeypatch.delitem(sys.modules, "beside_it")
