"""Weights and units of rows: from the contract, on the exam, and in the gate's numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Of
from gatehouse.gates.units import BLOCKS, units_of, weights_of
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by

ContractOf = Callable[..., Contract]

WEIGHT = {"role": "weight"}


def dated(contract: Contract) -> Contract:
    """The contract with a split by the time column `at`."""
    split = contract.split.model_copy(update={"by": "time", "time": "at"})
    return contract.model_copy(update={"split": split})


def test_a_contract_without_weight_or_group_has_neither(contract_of: ContractOf) -> None:
    """Attacks weights and units that nobody asked for."""
    rows = pd.DataFrame({"age": [1.0, 2.0]})
    assert weights_of(rows, contract_of()) is None
    assert units_of(rows, contract_of()) is None


def test_weights_are_the_columns(contract_of: ContractOf) -> None:
    """Attacks the column's type: whole numbers weigh too, and 0 is a weight."""
    contract = contract_of(age=WEIGHT)
    found = weights_of(pd.DataFrame({"age": pd.array([2, 0, 1], dtype="Int64")}), contract)
    assert found is not None
    assert found.tolist() == [2.0, 0.0, 1.0]


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1.0, None], "1 rows have no weight"),
        ([1.0, -1.0], "1 rows"),
        ([0.0, 0.0], "weights are 0"),
    ],
)
def test_weights_that_count_nothing_are_refused(
    contract_of: ContractOf, values: list[Any], reason: str
) -> None:
    """Attacks a metric of NaN, or of rows that count against."""
    with pytest.raises(GatehouseError, match=rf"column 'age': .*{reason}"):
        weights_of(pd.DataFrame({"age": values}), contract_of(age=WEIGHT))


def test_rows_of_a_group_are_a_unit(contract_of: ContractOf) -> None:
    """Attacks rows without a group, which must not become one large group."""
    contract = contract_of(age={"role": "group", "type": "integer"})
    rows = pd.DataFrame({"age": pd.array([7, 8, 7, None, None], dtype="Int64")})
    found = units_of(rows, contract)
    assert found is not None
    assert found[0] == found[2]
    assert len(set(found)) == 4


@pytest.mark.parametrize("step", ["6h", "1min"])
def test_time_is_cut_into_blocks(contract_of: ContractOf, step: str) -> None:
    """Attacks days that are cut, blocks of unlike size, and the order of the rows."""
    times = pd.Series(pd.date_range("2026-01-01", periods=1200, freq=step, tz="UTC"))
    mixed = times.sample(frac=1, random_state=0).reset_index(drop=True)
    contract = dated(contract_of())
    found = units_of(pd.DataFrame({"at": mixed}), contract)
    assert found is not None
    assert len(set(found)) == BLOCKS
    assert (np.diff(found[mixed.argsort()]) >= 0).all()
    assert np.bincount(found).min() > 1200 / BLOCKS / 2
    if step == "6h":
        assert (pd.Series(found).groupby(mixed.dt.date).nunique() == 1).all()


def test_the_exam_counts_by_the_bases_weights_and_groups(
    make_workspace: Callable[..., Workspace], contract_of: ContractOf, policy: Policy
) -> None:
    """Attacks a change that picks the questions by giving the hard rows of the exam no weight."""
    contract = contract_of(
        heft={"type": "number", "role": "weight", "range": [0, 9]},
        home={"type": "string", "role": "group"},
    )
    test = make_workspace("plain").split("test")
    rng = np.random.default_rng(0)
    test = test.assign(heft=rng.uniform(0, 2, len(test)),
                       home=[f"h{k}" for k in rng.integers(0, 150, len(test))])  # fmt: skip
    base = make_workspace("base", test=test, contract=contract)
    right = test["y"] == np.where(base.model.scores(test) >= 0.5, "yes", "no")
    candidate = make_workspace("c", test=test.assign(heft=right * 1.0), contract=contract)
    evidence = evidence_by("accuracy", candidate, base, policy)
    found = {m.of: m for m in evidence.measurements if (m.name, m.slice) == ("accuracy", "all")}
    expected = np.average(right, weights=test["heft"])
    assert found[Of.CANDIDATE].value == found[Of.BASE].value == pytest.approx(expected)
    assert found[Of.CANDIDATE].n == test["home"].nunique()
    assert "over groups" in found[Of.CANDIDATE].method
    assert found[Of.COMPARISON].value == 0
