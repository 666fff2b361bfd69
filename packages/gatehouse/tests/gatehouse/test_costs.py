"""What wrong decisions cost: from numbers or columns, and errors that say what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import parse_contract
from gatehouse.costs import Cost, costs_of
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.threshold import cheapest_threshold

CONTRACT = """\
version: 1
name: loans
description: A loan
columns:
  amount: {type: number, description: Amount in dollars}
  town: {type: category, categories: [a, b], description: Town}
  bad: {type: category, role: target, categories: [n, y], positive: y, description: Not repaid}
split: {hash: 1, identity: [amount, town], valid: 0.2, test: 0.2}
"""


def test_a_cost_is_a_number_or_a_column() -> None:
    """Attacks a column that counts for the wrong kind of error."""
    text = CONTRACT + "cost: {false_positive: 5, false_negative: amount}\n"
    cost = parse_contract(text, "contract.yaml").cost
    assert cost is not None
    assert costs_of(pd.DataFrame({"amount": [10, 20]}), cost).tolist() == [[5, 10], [5, 20]]


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (
            "{false_positive: amuont, false_negative: 1}",
            r"cost: there is no column 'amuont'",
        ),
        ("{false_positive: town, false_negative: 1}", r"cost: 'town' has type: category; name"),
        ("{false_positive: -1, false_negative: 1}", r"false_positive"),
        ("{false_positive: 1}", r"false_negative"),
    ],
)
def test_a_cost_that_cannot_be_is_an_error(cost: str, message: str) -> None:
    """Attacks costs that are found wrong only in the gates."""
    with pytest.raises(GatehouseError, match=rf"contract\.yaml.*{message}"):
        parse_contract(f"{CONTRACT}cost: {cost}\n", Path("contract.yaml"))


def test_several_classes_have_no_such_cost() -> None:
    """Attacks a cost that no metric can compute."""
    text = CONTRACT.replace("categories: [n, y], positive: y", "categories: [n, y, z]")
    with pytest.raises(GatehouseError, match="between two classes only"):
        parse_contract(text + "cost: {false_positive: 1, false_negative: 2}\n", "contract.yaml")


@pytest.mark.parametrize("value", [np.nan, -1.0])
def test_rows_without_a_cost_are_counted(value: float) -> None:
    """Attacks a missing cost that counts as 0."""
    cost = Cost(false_positive="amount", false_negative=1)
    with pytest.raises(GatehouseError, match="column 'amount': 1 rows hold no cost"):
        costs_of(pd.DataFrame({"amount": [1.0, value]}), cost)


@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_cheaper(seed: int) -> None:
    """Attacks the search: against all thresholds, with ties in the scores."""
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 20, 200) / 19
    labels = (rng.random(200) < scores).astype(float)
    costs = rng.exponential([1.0, 4.0], (200, 2))

    def cost(at: float) -> float:
        positive = scores >= at
        return float(
            costs[positive & (labels == 0), 0].sum() + costs[~positive & (labels == 1), 1].sum()
        )

    found = cheapest_threshold(scores, labels, costs)
    assert 0 < found < 1
    assert cost(found) == pytest.approx(min(cost(at) for at in np.linspace(0.001, 0.999, 999)))


def test_of_equal_thresholds_the_ideal_one_is_chosen() -> None:
    """Attacks a threshold at the edge of a gap, where the next rows are decided by chance."""
    scores, labels = np.array([0.01, 0.99]), np.array([0.0, 1.0])
    assert cheapest_threshold(scores, labels, np.full((2, 2), 3.0)) == 0.5
