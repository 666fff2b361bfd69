"""Writes data/digits.parquet: scikit-learn's handwritten digits, one row for each image.

1,797 images of 8 x 8 pixels from 0 (paper) to 16 (ink), from Alpaydin and Kaynak, "Optical
Recognition of Handwritten Digits" (UCI, 1998). They lie inside scikit-learn: nothing is downloaded.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FILE = Path("data/digits.parquet")
SIDE = 8
PIXELS = [f"p{row}{column}" for row in range(SIDE) for column in range(SIDE)]
"""The pixels' columns, row by row."""


def digits() -> pd.DataFrame:
    """All images, with what they show as text."""
    from sklearn.datasets import load_digits

    found = load_digits()
    return table(found.images).assign(digit=found.target.astype(str))


def table(images: NDArray[Any]) -> pd.DataFrame:
    """Images [N, 8, 8] of 0 to 16 as columns: the pixels, and what drifts of a whole image.

    Brightness is the mean of the pixels, x and y say where the ink's centre lies (0 is left, top).
    """
    ink = images.sum(axis=(1, 2)).clip(1)
    places = np.arange(SIDE)
    columns = dict(zip(PIXELS, images.reshape(len(images), -1).astype(np.int64).T, strict=True))
    whole = {
        "image_brightness": images.mean(axis=(1, 2)),
        "image_x": (images.sum(axis=1) * places).sum(axis=1) / ink,
        "image_y": (images.sum(axis=2) * places).sum(axis=1) / ink,
    }
    return pd.DataFrame(columns | whole)


def main() -> None:
    """Write the file into the current directory; the same bytes each time."""
    FILE.parent.mkdir(exist_ok=True)
    digits().to_parquet(FILE, index=False)
    print(f"rows: {FILE}")


if __name__ == "__main__":
    main()
