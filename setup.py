"""Refuses to build from a checkout without symbolic links, and gives the package's description links that hold.

All else about the package stands in pyproject.toml.
"""

import runpy
import sys
from pathlib import Path

from setuptools import setup

if not Path(__file__).with_name("hpsearch").joinpath("models", "__init__.py").is_file():
    sys.exit(
        "hpsearch/models is not the link to the folder models/ that it should be, so that the package would lack its "
        "models: this checkout has no symbolic links. Run `git config core.symlinks true` and `git checkout -- "
        "hpsearch/models` (on Windows in developer mode), then install again."
    )

links = runpy.run_path(str(Path(__file__).with_name("scripts") / "links.py"))
setup(long_description=links["package_readme"](), long_description_content_type="text/markdown")
