"""The network's encoding of numbers, and the encoding of categories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from pipeline.encode import Encoding
from pipeline.fairness import equalized_odds_penalty
from pipeline.network import NumericEncoding, bin_edges

if TYPE_CHECKING:
    from tests.pipeline.conftest import Shop

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
    """Plain quantiles give one bin where nine of ten rows are 0, and hide all that differs."""
    values = np.concatenate([np.zeros(9000), np.arange(1, 1001)]).astype(np.float32)
    assert len(bin_edges(values, 32)) > 20


@given(
    st.lists(st.floats(width=32), min_size=1, max_size=40),
    st.lists(st.floats(width=32), min_size=1, max_size=20),
)
def test_any_number_is_encoded_within_0_and_1(seen: list[float], asked: list[float]) -> None:
    """Infinite, huge, tiny and missing numbers, in training as in serving: never NaN."""
    encoding = NumericEncoding(np.array(seen, np.float32)[:, None], bins=4)
    got = encoding(column(*asked))
    assert ((got >= 0) & (got <= 1)).all()


@pytest.mark.parametrize("values", [[], [NAN, NAN], [INF, -INF], [7, 7, 7]])
def test_a_column_that_says_nothing_has_no_bins(values: list[float]) -> None:
    assert len(bin_edges(np.array(values, np.float32), 8)) < 2


def test_categories_have_rows_of_their_own(shop: Shop) -> None:
    """Missing, unknown and each listed value of each column: no two share a table row."""
    encoding = Encoding.of(shop.contract)
    frame = pd.DataFrame(
        {
            "age": [1.0, np.nan, 3, 4, 5],
            "size in cm": 1.0,
            "colour": ["red", "green", "blue", "pink", np.nan],
            "room": ["bath", "hall", "", "red", np.nan],
        }
    )
    numbers, rows = encoding.encode(frame)
    assert numbers.dtype == np.float32
    assert np.isnan(numbers[1, 0])
    assert rows[:, 0].tolist() == [2, 3, 4, 1, 0]
    assert rows[:, 1].tolist() == [7, 8, 5, 6, 5]
    assert encoding.table_rows == 9
    assert encoding.unknown_rows == [1, 6]


def test_protected_attributes_and_weights_are_no_inputs(shop: Shop) -> None:
    encoding = Encoding.of(shop.contract)
    assert [*encoding.numbers, *encoding.categories] == ["age", "size in cm", "colour", "room"]


def test_the_penalty_is_the_gap_in_soft_error_rates() -> None:
    """By hand: positives .8 and .4 around .6; negatives equal; a row of no group is left out."""
    scores = torch.tensor([0.8, 0.4, 0.3, 0.3, 0.9], requires_grad=True)
    labels, groups = torch.tensor([1, 1, 0, 0, 1]), torch.tensor([0, 1, 0, 1, -1])
    penalty = equalized_odds_penalty(scores, labels, groups)
    assert penalty.item() == pytest.approx(0.4)
    torch.autograd.backward(penalty)
    assert scores.grad is not None
    assert scores.grad[4] == 0


def test_the_penalty_of_a_batch_without_groups_is_0() -> None:
    """A batch can lack a class or all groups; the loss must stay a number."""
    none = torch.full((3,), -1)
    assert equalized_odds_penalty(torch.rand(3), torch.ones(3), none) == 0
