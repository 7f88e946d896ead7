"""Draw the pictures of the pages in docs/images: the live page and the report, wide and narrow, light and dark.

    python scripts/screenshots.py [FOLDER]

A study of the shipped digits is run in a temporary folder, its pages are opened in a browser without a window
(Chromium), and what is seen is written as WebP images of at most 150 KB.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "support"))

from browser import Browser  # noqa: E402

from hpsearch import Choice, Float, MLPClassifier, Study  # noqa: E402
from hpsearch.cli import main as hpsearch  # noqa: E402
from hpsearch.report.watching import Server  # noqa: E402

SHAPES = {"wide": (1280, 1150), "phone": (390, 1400)}
SCHEMES = ("light", "dark")
MOST = 150_000


def study() -> Study:
    """The study that is shown."""
    return Study(
        "digits",
        model=MLPClassifier(max_epochs=20),
        space={
            "learning_rate": Float(0.01, 10, log=True),
            "l2": Float(0.01, 10, log=True),
            "hidden_layer_sizes": Choice([(10,), (30,), (100,)]),
        },
        data="digits",
        n_trials=64,
        seed=1,
    )


@contextmanager
def serving(root: Path) -> Iterator[Server]:
    """Serve the live page meanwhile."""
    with Server(root, 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def shoot(browser: Browser, address: str, ready: str, shape: tuple[int, int], scheme: str, path: Path) -> None:
    """Write a picture of a page once an expression in it is true."""
    width, height = shape
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.ask(
        "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500
    )
    browser.open("about:blank")
    browser.open(address)
    browser.wait(ready)
    time.sleep(1)  # what is drawn after that
    drawn = path.with_suffix(".png")
    browser.picture(drawn)
    with Image.open(BytesIO(drawn.read_bytes())) as image:
        for quality in (90, 80, 70, 50):
            image.convert("RGB").save(path, "WEBP", quality=quality, method=6)
            if path.stat().st_size <= MOST:
                break
    drawn.unlink()
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} KB")


def main() -> None:
    """Run the study and draw the pictures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, nargs="?", default=ROOT / "docs" / "images")
    options = parser.parse_args()
    rows = "document.querySelectorAll('#trials tbody tr').length === 64"
    with tempfile.TemporaryDirectory() as place:
        root = Path(place) / "mlruns"
        study().run(root, quiet=True, tracking=False)
        report = Path(place) / "report.html"
        hpsearch(["report", "digits", "--root", str(root), "-o", str(report)])
        with serving(root) as server, Browser(Path(place) / "browser") as browser:
            for name, address in (("watch", f"{server.address}#digits"), ("report", report.as_uri())):
                for kind, shape in SHAPES.items():
                    for scheme in SCHEMES:
                        shoot(browser, address, rows, shape, scheme, options.folder / f"{name}-{kind}-{scheme}.webp")


if __name__ == "__main__":
    main()
