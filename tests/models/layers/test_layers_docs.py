"""docs/layers.md says what the code does."""

import inspect
import re
from pathlib import Path

import pytest
from every_layer import declared

from hpsearch.models import layers

TEXT = (Path(__file__).parents[3] / "docs" / "layers.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
SIGNATURES = re.findall(r"^\| `((\w+)\(.*?\))` \|", TEXT, re.MULTILINE)


def test_the_table_has_every_layer():
    assert {name for _, name in SIGNATURES} == {layer.__name__ for layer in declared()}


@pytest.mark.parametrize(("written", "name"), SIGNATURES)
def test_a_layer_has_the_fields_that_are_written(written, name):
    def signature_of(parameter):
        return parameter.name if parameter.default is parameter.empty else f"{parameter.name}={parameter.default!r}"

    fields = inspect.signature(getattr(layers, name)).parameters.values()
    assert written == f"{name}({', '.join(map(signature_of, fields))})"


@pytest.mark.parametrize("code", CODE, ids=range(len(CODE)))
def test_the_examples_run(code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/layers.md", "exec"), {"__name__": "example"})
