"""``python -m hpsearch``: the command line."""

import sys

from hpsearch.cli import main

if __name__ == "__main__":
    sys.exit(main())
