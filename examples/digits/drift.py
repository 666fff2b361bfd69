"""What the drift rules say of images that went wrong, and how often they alarm where none did.

Prints a table: python drift.py
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from gatehouse.gates.drift.measure import adjusted, compare_tables
from gatehouse.judge import decide, rule_measurements
from gatehouse.policy import Policy, load_policy
from gatehouse.verdict import Outcome
from numpy.typing import NDArray
from rows import PIXELS, SIDE, digits, table
from tqdm import tqdm

Images = NDArray[Any]

SPLITS = 100
"""Random halves that the table rests on."""

WRONG: dict[str, Callable[[Images], Images]] = {
    "inverted": lambda images: 16 - images,
    "one pixel to the right": lambda images: np.pad(images, ((0, 0), (0, 0), (1, 0)))[:, :, :SIDE],
    "10 % brighter": lambda images: np.minimum(np.round(images * 1.1), 16),
    "10 % darker": lambda images: np.round(images * 0.9),
    "every pixel one lighter": lambda images: np.maximum(images - 1, 0),
}
"""What may happen to a scanner: images [N, 8, 8] in and out."""


def changed(frame: pd.DataFrame, change: Callable[[Images], Images]) -> pd.DataFrame:
    """The same digits, with each image changed and measured anew."""
    images = frame[PIXELS].to_numpy().reshape(-1, SIDE, SIDE)
    return table(change(images)).assign(digit=frame["digit"].to_numpy())


def failures(old: pd.DataFrame, new: pd.DataFrame, policy: Policy) -> list[str]:
    """The columns of `new` that the policy's drift rules fail against `old`."""
    tests = compare_tables(old, new, list(old.columns), policy.measure.drift, policy.measure.seed)
    measurements = adjusted(tests)
    return [
        measurement.slice
        for rule in policy.rules.values()
        if rule.gate == "drift"
        for measurement in rule_measurements(rule, measurements)
        if decide(rule, measurement)[0] is Outcome.FAIL
    ]


def main() -> None:
    """Halves of the digits against each other: as they are, and with one half changed."""
    policy, frame, rng = load_policy(), digits(), np.random.default_rng(0)
    alarms = dict.fromkeys(["nothing", *WRONG], 0)
    columns = dict.fromkeys(alarms, 0)
    for _ in tqdm(range(SPLITS), desc="drift", disable=None):
        mixed = frame.sample(frac=1, random_state=rng)
        old, new = mixed.iloc[::2], mixed.iloc[1::2]
        for name in alarms:
            found = failures(old, changed(new, WRONG[name]) if name in WRONG else new, policy)
            alarms[name] += bool(found)
            columns[name] += len(found)
    print("| what happened to the images | red | columns that say so |")
    print("| :--- | ---: | ---: |")
    for name, count in alarms.items():
        print(f"| {name} | {count} of {SPLITS} | {columns[name] / SPLITS:.1f} |")


if __name__ == "__main__":
    main()
