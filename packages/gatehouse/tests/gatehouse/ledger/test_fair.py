"""fair-deal: honest changes pass, and rows that were chosen by their split do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.ledger.compare import TEST, Outcome
from gatehouse.ledger.fair import fair_deal
from tests.gatehouse.ledger.rows import SHARES, ledger, people, splits

ALPHA = 1e-6
BASE = people(12_000)


def nudged(rows: pd.DataFrame, seed: int = 5) -> pd.DataFrame:
    """Rows whose pay is moved by cents until the public hash puts none of them into test."""
    rng = np.random.default_rng(seed)
    found = rows.copy()
    while (bad := splits(found) == TEST).any():
        found.loc[bad, "pay"] = np.round(found.loc[bad, "pay"] + rng.normal(0, 0.5, bad.sum()), 2)
    return found


@pytest.mark.parametrize("n", [1, 20, 600, 20_000])
def test_an_honest_deal_is_not_accused(n: int) -> None:
    """Attacks honest data: 500 simulated deals, none of them below 1e-6 and few below 5 %."""
    rng = np.random.default_rng(n)
    draws = [rng.multinomial(n, SHARES) for _ in range(500)]
    deals = (fair_deal(np.repeat(np.arange(3), draw).astype(np.uint8), SHARES) for draw in draws)
    p_values = np.array([dealt.p_value for dealt in deals])
    assert p_values.min() > ALPHA
    assert (p_values < 0.05).mean() <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 500)


@pytest.mark.parametrize(("n", "caught"), [(61, False), (75, True), (3_442, True)])
def test_none_in_test_is_caught_from_75_rows_on(n: int, caught: bool) -> None:
    """Attacks with rows that all fall into train and valid, at the rate of the contract."""
    dealt = np.random.default_rng(0).choice(2, n, p=[0.8, 0.2]).astype(np.uint8)
    assert (fair_deal(dealt, SHARES).p_value < ALPHA) is caught


def test_an_empty_deal_is_fair() -> None:
    """Attacks a change without such rows."""
    assert fair_deal(np.empty(0, np.uint8), SHARES).p_value == 1.0


@pytest.mark.parametrize("seed", range(3))
def test_honest_growth_and_loss_pass(seed: int, tmp_path: Path) -> None:
    """Attacks honest data: 5 % more rows, and 3 % of the old ones gone."""
    kept = BASE.sample(frac=0.97, random_state=seed)
    found = ledger(tmp_path, BASE, pd.concat([kept, people(600, seed=10 + seed)]))
    for outcome in (Outcome.ADDED, Outcome.GONE):
        dealt = fair_deal(found.units(outcome), SHARES)
        assert dealt.n > 300
        assert dealt.p_value > ALPHA


def test_rows_nudged_out_of_test_fail(tmp_path: Path) -> None:
    """Attacks: 3,442 near-copies of exam rows, none of which falls into test."""
    exam = BASE[splits(BASE) == TEST]
    copies = nudged(exam.sample(3_442, replace=True, random_state=0, ignore_index=True))
    found = ledger(tmp_path, BASE, pd.concat([BASE, copies]))
    dealt = fair_deal(found.units(Outcome.ADDED), SHARES)
    assert dealt.counts[TEST] == 0
    assert dealt.p_value < ALPHA
    assert dealt.deviation > 0.15
    assert found.exam.all(), "which is why an untouched exam proves nothing by itself"


@pytest.mark.parametrize("outcome", [Outcome.GONE, Outcome.CHANGED, Outcome.RELABELLED])
def test_rows_chosen_by_their_split_fail(outcome: Outcome, tmp_path: Path) -> None:
    """Attacks: old rows of train alone are taken out, changed or relabelled."""
    chosen = np.flatnonzero(splits(BASE) == 0)[:300]
    new = BASE.copy()
    if outcome is Outcome.GONE:
        new = new.drop(chosen)
    else:
        column = "sex" if outcome is Outcome.CHANGED else "rich"
        new.loc[chosen, column] = new.loc[chosen, column].map(
            {"f": "m", "m": "f", "no": "yes", "yes": "no"}
        )
    found = ledger(tmp_path, BASE, new)
    assert fair_deal(found.units(outcome), SHARES).p_value < ALPHA
    assert found.count(outcome) == 300
