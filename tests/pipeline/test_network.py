"""The network's encoding of numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.network import NumericEncoding, bin_edges

NAN, INF = float("nan"), float("inf")


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_a_number_fills_the_bins_below_it() -> None:
    """The definition of the encoding: 1 below, the share of the way within, 0 above."""
    encoding = NumericEncoding(np.array([[0], [10], [20], [30]], np.float32), bins=3)
    got = encoding(column(-5, 5, 20, 27, 99))[:, :-1]
    want = [[0, 0, 0], [0.5, 0, 0], [1, 1, 0], [1, 1, 0.7], [1, 1, 1]]
    torch.testing.assert_close(got, torch.tensor(want, dtype=torch.float32))


def test_a_missing_number_is_the_median_and_says_so() -> None:
    encoding = NumericEncoding(np.array([[0], [10], [30], [NAN]], np.float32), bins=2)
    missing, median = encoding(column(NAN, 10))
    assert missing[-1] == 1
    assert median[-1] == 0
    torch.testing.assert_close(missing[:-1], median[:-1])


def test_most_rows_at_one_value_leave_bins_for_the_rest() -> None:
    """Plain quantiles give one bin if nine of ten rows are 0, which hides all differences."""
    values = np.concatenate([np.zeros(9000), np.arange(1, 1001)]).astype(np.float32)
    assert len(bin_edges(values, 32)) > 20


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=40),
    st.lists(st.floats(width=32), min_size=1, max_size=20),
)
def test_any_number_is_encoded_within_0_and_1(seen: list[float], asked: list[float]) -> None:
    """Infinite, huge, tiny and missing numbers never give NaN, in training or in serving."""
    encoding = NumericEncoding(np.array(seen, np.float32)[:, None], bins=4)
    got = encoding(column(*asked))
    assert ((got >= 0) & (got <= 1)).all()


@pytest.mark.parametrize("values", [[], [NAN, NAN], [INF, -INF], [7, 7, 7]])
def test_a_column_that_says_nothing_has_no_bins(values: list[float]) -> None:
    assert len(bin_edges(np.array(values, np.float32), 8)) < 2
