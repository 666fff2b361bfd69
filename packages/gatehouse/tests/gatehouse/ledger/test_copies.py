"""Copies across splits: attacks twins under other ids, and alarms over rows that coincide."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.ledger.copies import Copies, copies
from gatehouse.ledger.ledger import deal_parts
from gatehouse.ledger.parts import raw_parts
from gatehouse.table import write_table
from tests.gatehouse.visits import BY_GROUP, BY_HASH, BY_TIME, contract, visits


def measured(
    folder: Path, rows: pd.DataFrame, split: str = BY_HASH, *, group: bool = False
) -> tuple[Copies, Copies]:
    made = contract(split, group=group)
    write_table(rows, folder / "rows.parquet")
    parts = tuple(raw_parts(folder))
    return copies(deal_parts(parts, made, official_test=False), made, key=b"k")


def again(rows: pd.DataFrame, share: float = 1.0) -> pd.DataFrame:
    """The rows, and copies of some of them under other ids."""
    more = rows.sample(frac=share, random_state=0)
    return pd.concat([rows, more.assign(visit=more["visit"] + 10**6)], ignore_index=True)


def alarm(found: Copies) -> bool:
    return found.p_value < 0.001 and found.share > 0.01


@pytest.mark.parametrize("share", [0.15, 1.0])
def test_twins_under_other_ids_are_found(share: float, tmp_path: Path) -> None:
    """Attacks fault 6: every row has a twin with another id."""
    equal, near = measured(tmp_path, again(visits(2_000), share))
    assert alarm(equal)
    assert alarm(near)
    assert equal.share == pytest.approx(0.8 * 2 * share / (1 + share), abs=0.05)


def test_near_copies_are_found(tmp_path: Path) -> None:
    """Attacks twins with another value of one input, and twins with each number nudged."""
    rows = again(visits(2_000))
    new = rows["visit"] >= 10**6
    other = rows.assign(x=rows["x"].where(~new, -rows["x"]))
    equal, near = measured(tmp_path / "one", other)
    assert not alarm(equal)
    assert alarm(near)
    nudged = rows.assign(**{name: rows[name] + 1e-4 * new for name in "xzuv"})
    equal, near = measured(tmp_path / "all", nudged)
    assert not alarm(equal)
    assert alarm(near)


def test_copies_in_one_split_do_not_leak(tmp_path: Path) -> None:
    """Attacks an alarm over a patient's equal rows, which share a split."""
    found = measured(tmp_path, again(visits(2_000, patients=600)), BY_GROUP, group=True)
    assert not any(map(alarm, found))


@pytest.mark.parametrize("seed", range(5))
def test_rows_that_coincide_by_chance_are_none(seed: int, tmp_path: Path) -> None:
    """Attacks an alarm over inputs with few values, of which some are rare."""
    rng = np.random.default_rng(seed)
    n = 3_000
    few: dict[str, Any] = {
        "x": np.minimum(rng.zipf(1.5, n), 300),
        "z": np.round(rng.normal(0, 8, n)),
    }
    rows = visits(n, **few, u=rng.integers(0, 2, n), v=rng.integers(0, 3, n))
    for split in (BY_HASH, BY_TIME):
        assert not any(alarm(found) for found in measured(tmp_path / split[:7], rows, split))


def test_what_cannot_be_told_is_not_seen(tmp_path: Path) -> None:
    """Attacks a pass where two inputs of five values make all rows alike."""
    few: dict[str, Any] = {name: np.random.default_rng(0).integers(0, 3, 2_000) for name in "xz"}
    rows = visits(2_000, patients=1, **few, u=0.0, v=0.0, at="2026-01-01")
    assert [found.seen for found in measured(tmp_path, again(rows))] == [None, None]
