"""Attacks what explains rows that are gone: sweeps that are none, and lists that are forged."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse.contract import Contract, Retention, parse_contract
from gatehouse.ledger.compare import TEST, Outcome
from gatehouse.ledger.explained import Kept, Reason, keep, past
from gatehouse.pipeline.ingest import typed
from gatehouse.privacy.erased import Erased
from tests.gatehouse.ledger.rows import CONTRACT, people, splits, table

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DATED = CONTRACT.replace(
    "split:", "  seen: {type: string, role: ignored, missing: true, description: When}\nsplit:"
)
KEEPS = parse_contract(f"{DATED}retention: {{column: seen, days: 365}}\n", "contract.yaml")
YEAR = Retention(column="seen", days=365)
CUTOFF = "2025-11-20"
"""Older than a year before `NOW`, and younger than a year before the newest row."""


def dated(count: int = 2_000, seed: int = 0) -> pd.DataFrame:
    """Rows of two years up to the day before `NOW`."""
    days = np.random.default_rng(seed).integers(1, 730, count)
    days[:2] = 20, 700
    seen = [str(np.datetime64("2026-11-30") - np.timedelta64(int(each), "D")) for each in days]
    return people(count, seed).assign(seen=seen)


BASE = dated()[lambda frame: frame["seen"] <= "2026-11-15"].reset_index(drop=True)
IN_TEST = splits(BASE) == TEST
OLD = (BASE["seen"] < CUTOFF).to_numpy()


@pytest.fixture
def against_base(tmp_path: Path) -> Callable[..., Kept]:
    """What became of the base's rows in others."""

    def against_base(
        rows: pd.DataFrame,
        contract: Contract = KEEPS,
        erased: Erased | None = None,
        base: pd.DataFrame = BASE,
    ) -> Kept:
        old, new = table(tmp_path / "base", base), table(tmp_path / "new", rows)
        return keep(old, new, contract, erased, NOW)

    return against_base


def swept(frame: pd.DataFrame, cutoff: str = CUTOFF) -> pd.DataFrame:
    old = frame["seen"].str.startswith("20", na=False) & (frame["seen"] < cutoff)
    return frame[~old].reset_index(drop=True)


def test_a_complete_sweep_explains(against_base: Callable[..., Kept]) -> None:
    """A false alarm: every row past the age is gone, and new ones have come."""
    kept = against_base(pd.concat([swept(BASE), dated(300, 9).query("seen > '2026-01-01'")]))
    assert kept.count(Reason.RETENTION) == OLD.sum()
    assert kept.count(Reason.RETENTION, TEST) == (OLD & IN_TEST).sum() > 50
    assert not kept.touched.any()


def test_a_timestamp_is_a_date(against_base: Callable[..., Kept]) -> None:
    """A false alarm: the column is of type timestamp, and ingest has stored moments."""
    when = "{type: timestamp, timezone: UTC, role: ignored, missing: true, description: When}"
    text = DATED.replace("{type: string, role: ignored, missing: true, description: When}", when)
    contract = parse_contract(f"{text}retention: {{column: seen, days: 365}}\n", "contract.yaml")
    rows = swept(BASE)
    stored = typed(rows, contract), typed(BASE, contract)
    assert stored[0]["seen"].dtype == "datetime64[us, UTC]"
    kept = against_base(stored[0], contract, base=stored[1])
    assert kept.count(Reason.RETENTION) == OLD.sum()
    assert not kept.touched.any()


def test_rows_without_a_date_stay(against_base: Callable[..., Kept]) -> None:
    """A false alarm: a date is missing, or is none; such a row is never past the age."""
    base = BASE.copy()
    base.loc[:30, "seen"] = ["", None, "soon", "now", "today", *[""] * 26]
    kept = against_base(swept(base), base=base)
    assert kept.count(Reason.RETENTION) == OLD[31:].sum()
    assert not kept.touched.any()


def partial(frame: pd.DataFrame) -> pd.DataFrame:
    """Only the hard rows among the old ones are gone."""
    return frame[~(OLD & (frame["rich"] == "yes"))]


def one_split(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~(OLD & IN_TEST)]


def too_few(frame: pd.DataFrame) -> pd.DataFrame:
    """A sweep to an age of nearly two years, which leaves rows that are past theirs."""
    return swept(frame, "2025-01-01")


def but_one(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([swept(frame), frame[OLD].iloc[:1]])


def planted(frame: pd.DataFrame) -> pd.DataFrame:
    """A new row that is old: the sweep left it out, or the change brought it."""
    return pd.concat([swept(frame), people(1, 77).assign(seen="2020-01-01")])


def without_dates(frame: pd.DataFrame) -> pd.DataFrame:
    return swept(frame).drop(columns="seen")


def dates_of_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    return swept(frame).assign(seen=20261130)


@pytest.mark.parametrize(
    "change",
    [partial, one_split, too_few, but_one, planted, without_dates, dates_of_numbers],
)
def test_a_sweep_that_is_not_complete_explains_nothing(
    change: Callable[[pd.DataFrame], pd.DataFrame], against_base: Callable[..., Kept]
) -> None:
    """Attacks the exam under the name of a retention."""
    kept = against_base(change(BASE))
    assert not kept.reasons.any()
    assert kept.touched.sum() >= 10


def test_an_official_test_that_is_swept_alone(tmp_path: Path) -> None:
    """Attacks by a sweep of one file: the rows to learn from are as old as before."""
    official = dated(600, 5).query("seen <= '2026-11-15'")
    old = table(tmp_path / "base", BASE, official)
    for rows, explains in ((BASE, False), (swept(BASE), True)):
        new = table(tmp_path / "new", rows, swept(official))
        kept = keep(old, new, KEEPS, None, NOW)
        assert kept.touched.any() != explains
        assert (kept.count(Reason.RETENTION, TEST) > 50) == explains


def test_younger_rows_are_never_swept(against_base: Callable[..., Kept]) -> None:
    """Attacks the age: a sweep beyond it, and hard young rows that go along."""
    beyond = against_base(swept(BASE, "2026-03-01"))
    assert beyond.count(Reason.RETENTION) == (BASE["seen"] <= "2025-11-30").sum()
    young = IN_TEST & ((BASE["seen"] > "2025-12-01") & (BASE["seen"] < "2026-03-01")).to_numpy()
    assert beyond.touched.sum() >= young.sum() > 10
    hard = np.flatnonzero(IN_TEST & ~OLD)[:7]
    assert against_base(swept(BASE.drop(index=hard))).touched.sum() == 7


@pytest.mark.parametrize("how", ["dated again", "no date"])
def test_an_old_row_that_is_dated_anew_is_a_new_row(
    how: str, against_base: Callable[..., Kept]
) -> None:
    """Attacks a sweep that keeps the easy rows: they count as growth of the exam."""
    easy = BASE[OLD & IN_TEST].iloc[:30].assign(seen="2026-11-01" if how == "dated again" else "")
    kept = against_base(pd.concat([swept(BASE), easy]))
    assert kept.count(Reason.RETENTION) == OLD.sum()
    assert kept.ledger.count(Outcome.ADDED, TEST) == 30


@pytest.mark.parametrize("days", [10, 800])
def test_another_age_explains_nothing(days: int, against_base: Callable[..., Kept]) -> None:
    """Attacks: the rows are swept at an age that the base's contract doesn't name."""
    retention = Retention(column="seen", days=days)
    kept = against_base(swept(BASE), KEEPS.model_copy(update={"retention": retention}))
    assert not kept.reasons.any()


def test_a_column_that_is_no_date_explains_nothing(against_base: Callable[..., Kept]) -> None:
    """Attacks by a retention of the wrong column."""
    wrong = KEEPS.model_copy(update={"retention": Retention(column="rich", days=365)})
    assert not against_base(swept(BASE), wrong).reasons.any()


def test_dates_to_come_make_no_row_old() -> None:
    """Attacks by a row of the future, which would push the age, or stop every sweep."""
    day = np.datetime64("2026-11-30T00", "us")
    base = day - np.arange(0, 700).astype("timedelta64[D]")
    later = np.append(base, day + np.timedelta64(9_000, "D"))
    gone = past(later, later[later >= day - np.timedelta64(365, "D")], YEAR, NOW)
    assert gone.sum() == (base < day - np.timedelta64(365, "D")).sum() > 300
    assert not past(base, later[-1:], YEAR, NOW)[:365].any()


PLAIN = parse_contract(DATED, "contract.yaml")


def listed(rows: pd.DataFrame, contract: Contract = PLAIN) -> Erased:
    """A list that names these rows."""
    made = Erased(key="a1" * 32, rows=())
    batch = pa.RecordBatch.from_pandas(rows, preserve_index=False)
    return made.with_rows(made.entries(batch, contract))


HARD = np.flatnonzero(IN_TEST)[:3]


def test_an_erased_row_is_explained(against_base: Callable[..., Kept]) -> None:
    """A false alarm: three persons asked, in whatever type the list's rows were read."""
    people_ = BASE.iloc[[*HARD, *np.flatnonzero(~IN_TEST)[:40]]]
    erased = listed(people_.astype({"rich": "category", "age": "float64"}))
    kept = against_base(BASE.drop(index=people_.index), PLAIN, erased)
    assert (kept.count(Reason.ERASURE), kept.count(Reason.ERASURE, TEST)) == (43, 3)
    assert not kept.touched.any()


@pytest.mark.parametrize(
    "forge",
    [
        lambda gone: listed(gone.assign(rich="maybe")),
        lambda gone: listed(gone.assign(age=gone["age"] + 0.01)),
        lambda gone: listed(gone.drop(columns="sex")),
        lambda gone: listed(gone[["age", "pay", "job"]]),
        lambda gone: listed(gone).model_copy(update={"key": "b2" * 32}),
        lambda gone: listed(BASE[~IN_TEST]),
        lambda gone: Erased(key="a1" * 32, rows=("0" * 64, "f" * 64)),
        lambda gone: None,
    ],
    ids=["label", "value", "column", "identity", "key", "train", "made up", "none"],
)
def test_a_forged_list_explains_nothing(
    forge: Callable[[pd.DataFrame], Erased | None], against_base: Callable[..., Kept]
) -> None:
    """Attacks by entries that are of other rows, of parts of rows, or of train alone."""
    gone = BASE.iloc[HARD]
    kept = against_base(BASE.drop(index=gone.index), PLAIN, forge(gone))
    assert kept.touched.sum() == 3
    assert not kept.reasons.any()


def test_more_than_one_in_a_hundred_is_explained_by_no_list(
    against_base: Callable[..., Kept],
) -> None:
    """Attacks by a list that an owner approved unseen: all hard rows of the exam."""
    most = int(0.01 * IN_TEST.sum())
    for count, touched in ((most, 0), (most + 1, most + 1)):
        gone = BASE.iloc[np.flatnonzero(IN_TEST)[:count]]
        kept = against_base(BASE.drop(index=gone.index), PLAIN, listed(gone))
        assert kept.touched.sum() == touched


def test_a_listed_row_that_is_only_changed_is_touched(against_base: Callable[..., Kept]) -> None:
    """Attacks by a list that lets a row be relabelled: a person who asked is not there at all."""
    other = BASE.copy()
    other.loc[HARD, "rich"] = other.loc[HARD, "rich"].map({"no": "yes", "yes": "no"})
    assert against_base(other, PLAIN, listed(BASE.iloc[HARD])).touched.sum() == 3


def test_an_identity_that_is_still_there_was_not_erased(
    against_base: Callable[..., Kept],
) -> None:
    """Attacks by a list that takes one of a person's rows, the hard one, and leaves the other."""
    twice = pd.concat([BASE, BASE.iloc[HARD].assign(sex="f", rich="no")], ignore_index=True)
    twice.loc[HARD, ["sex", "rich"]] = "m", "yes"
    kept = against_base(twice.drop(index=HARD), PLAIN, listed(twice.iloc[HARD]), twice)
    assert kept.touched.sum() == 3
