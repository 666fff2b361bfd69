"""Attacks the baseline with copies of rows, which the pipeline's split never parts."""

from __future__ import annotations

import numpy as np
import pandas as pd

from gatehouse.adopt.baseline import Learning, leaks, measure
from gatehouse.contract import Task

ROWS = 600


def rows() -> tuple[pd.DataFrame, np.ndarray]:
    """Noise that says nothing of the labels: what is learned of it is learned by heart."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(ROWS, 6)), columns=list("abcdef"))
    return frame, rng.integers(0, 2, ROWS).astype(np.float64)


def learning(times: int, *, known: bool) -> Learning:
    """Each row `times` times; `known`: the copies have the identity of their row."""
    frame, labels = rows()
    count = ROWS * times
    identities = np.arange(count, dtype=np.uint64)
    return Learning(
        features=pd.concat([frame] * times, ignore_index=True),
        categorical=(),
        labels=np.tile(labels, times),
        task=Task.BINARY,
        classes=2,
        identities=identities % ROWS if known else identities,
    )


def test_copies_are_not_learned_by_heart() -> None:
    """Boosted trees that saw the copy of a row know its label; by a key, rows are no copies."""
    plain, copied, keyed = (
        measure(learning(times, known=known), 100).scores["roc_auc"].boosted
        for times, known in ((1, True), (3, True), (3, False))
    )
    assert abs(plain - 0.5) < 0.06
    assert abs(copied - 0.5) < 0.06
    assert keyed > 0.7


def test_a_column_that_tells_a_copy_s_label_is_no_leak() -> None:
    """Attacks a number that only tells rows apart."""
    assert leaks(learning(3, known=True)) == {}
