"""Seconds to distort 50,000 images of 28×28 pixels on one core; the limit for elastic distortions is 4.

python tests/benchmarks/augmentation.py
"""

from __future__ import annotations

import time
from statistics import median

import numpy as np

from hpsearch.models.augmentation import AUGMENTATIONS
from hpsearch.models.threads import limited
from hpsearch.models.training.augmented_images import distort

IMAGES, SIDE, REPEATS = 50_000, 28, 5


def main() -> None:
    X = np.random.default_rng(0).random((IMAGES, SIDE * SIDE), np.float32)
    out = np.empty_like(X)
    for name, augmentation in AUGMENTATIONS.items():
        seconds = []
        for seed in range(REPEATS):
            begun = time.process_time()
            with limited():
                distort(X, augmentation(SIDE), SIDE, np.random.default_rng(seed), out)
            seconds.append(time.process_time() - begun)
        print(f"{name:8} {median(seconds):.2f} s for {IMAGES:,} images ({min(seconds):.2f} to {max(seconds):.2f})")


if __name__ == "__main__":
    main()
