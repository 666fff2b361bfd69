"""What a network reads of a row, and what the fairness penalty adds to its loss."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import torch

from gatehouse.pipeline.encode import Encoding
from gatehouse.pipeline.fairness_penalty import equalized_odds_penalty

if TYPE_CHECKING:
    from tests.gatehouse.pipeline.conftest import Shop


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
