"""docs/layers.md says what the code does."""

import inspect
import re
from pathlib import Path

import pytest

from hpsearch.models import layers
from hpsearch.models.layers import Declared

TEXT = (Path(__file__).parents[3] / "docs" / "layers.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SIGNATURES = re.findall(r"^\| `((\w+)\(.*?\))` \|", TEXT, re.MULTILINE)


def test_the_table_has_every_layer():
    declared = (getattr(layers, name) for name in layers.__all__)
    known = {each.__name__ for each in declared if issubclass(each, Declared) and each is not Declared}
    assert {name for _, name in SIGNATURES} == known


@pytest.mark.parametrize(("written", "name"), SIGNATURES)
def test_a_layer_has_the_fields_that_are_written(written, name):
    def shown(parameter):
        return parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"

    fields = inspect.signature(getattr(layers, name)).parameters.values()
    assert written == f"{name}({', '.join(map(shown, fields))})"


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_the_examples_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/layers.md", "exec"), {"__name__": "example"})
