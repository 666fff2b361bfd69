"""Adjusted p-values: Holm's by hand, and by his procedure."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.gates.holm import holm


def test_holm_by_hand() -> None:
    """Attacks the adjustment: Holm's steps computed by hand, as statsmodels gives them."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.5, 0.5]) == [1.0, 1.0, 1.0]
    assert holm([0.2]) == [0.2]
    assert holm([]) == []
    assert holm([0.0, 1.0]) == [0.0, 1.0]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.001, 0.2))
def test_holm_rejects_as_the_step_down_procedure(values: list[float], alpha: float) -> None:
    """Attacks the adjustment by Holm's own definition: stop at the first that does not reject."""
    rejected = [p < alpha for p in holm(values)]
    expected = [False] * len(values)
    for rank, position in enumerate(np.argsort(values, kind="stable")):
        if values[position] * (len(values) - rank) >= alpha:
            break
        expected[position] = True
    assert rejected == expected
