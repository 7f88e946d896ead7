"""What can be imported from hpsearch, and what a model may hold, is said once."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest
from every_layer import declared

import hpsearch
from hpsearch.models import layers, names
from hpsearch.models.layers import Declared

SOURCE = Path(hpsearch.__file__).read_text(encoding="utf-8")


def test_every_name_can_be_imported_and_editors_know_where_it_is() -> None:
    followed = re.findall(r"^    from (\S+) import (\w+) as \2$", SOURCE, re.MULTILINE)
    assert sorted(name for _, name in followed) == hpsearch.__all__
    for module, name in followed:
        assert module == hpsearch._HOMES[name], f"{name} is not where the import for editors says"
        assert getattr(hpsearch, name) is getattr(import_module(module), name)


def test_every_layer_that_may_stand_in_a_file_is_found_beside_the_others() -> None:
    assert all(issubclass(layer, Declared) for layer in declared())
    assert {layer.__name__ for layer in declared()} <= set(names.HOMES)
    with pytest.raises(AttributeError, match="no attribute 'Conv3D'"):
        _ = layers.Conv3D
