"""Refuses to build from a checkout without symbolic links; all else about the package stands in pyproject.toml."""

import sys
from pathlib import Path

from setuptools import setup

if not Path(__file__).with_name("hpsearch").joinpath("models", "__init__.py").is_file():
    sys.exit(
        "hpsearch/models is not the link to the folder models/ that it should be, so that the package would lack its "
        "models: this checkout has no symbolic links. Run `git config core.symlinks true` and `git checkout -- "
        "hpsearch/models` (on Windows in developer mode), then install again."
    )

setup()
