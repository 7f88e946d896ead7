"""Seconds of the processor that imports take, the least of several processes in turn.

    python tests/benchmarks/import_time.py [--processes 7]

Nobody with an estimator of scikit-learn's can avoid ``import sklearn.base``; what a study of our networks takes beyond
it is ours. Compiled files must be there: the first round writes them.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

STUDY = """\
from hpsearch import Float, MLPClassifier, Study
Study(name="s", model=MLPClassifier(), space={"l2": Float(0.1, 1)}, data="digits", n_trials=1)
"""

CASES = {
    "import hpsearch": "import hpsearch",
    "import sklearn.base": "import sklearn.base",
    "Study + MLPClassifier": STUDY,
}

TIMED = "import time\nbegun = time.process_time()\n{code}\nprint(time.process_time() - begun)"


def seconds(code: str) -> float:
    """Return what a process of its own takes for some lines of Python."""
    done = subprocess.run([sys.executable, "-c", TIMED.format(code=code)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> None:
    """Print a line for each case."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--processes", type=int, default=7, metavar="N")
    rounds = parser.parse_args().processes
    measurements = [{name: seconds(code) for name, code in CASES.items()} for _ in range(rounds)]
    least = {name: min(measurement[name] for measurement in measurements) for name in CASES}
    for name, value in least.items():
        print(f"{name:24}{value:8.3f} s{value / least['import sklearn.base']:8.2f} ×")


if __name__ == "__main__":
    main()
