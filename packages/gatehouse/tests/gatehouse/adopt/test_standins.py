"""Attacks numbers that stand for a missing value: they are told, and long tails are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gatehouse.adopt.standins import standins
from tests.gatehouse.adopt.conftest import lay_out, run_init
from tests.gatehouse.adopt.shapes import plain

ROWS = 1_000


@pytest.mark.parametrize(
    ("standin", "rows"),
    [("999999999", 2), ("-999", 50), ("9999", 300), ("999", 1), ("18446744073709551615", 1),
     ("-9999.0", 400), ("1e30", 1)],
)  # fmt: skip
def test_a_standin_is_found(standin: str, rows: int) -> None:
    """As it is written, whether one row holds it or nearly half of them."""
    ages = np.random.default_rng(0).integers(18, 90, ROWS).astype(str)
    assert standins([*ages, *[standin] * rows]) == (standin,)


def test_a_decimal_comma_is_read() -> None:
    """Attacks files in which 1,5 is one and a half."""
    values = [f"{value:.2f}".replace(".", ",") for value in np.linspace(1, 9, 200)]
    assert standins([*values, "-999,0", "-999,0"], ",") == ("-999,0",)


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(0).lognormal(0, 1.5, ROWS),
        np.random.default_rng(0).standard_cauchy(ROWS),
        np.where(np.arange(ROWS) % 10, 0, np.arange(ROWS)),
        np.arange(ROWS) % 2,
        np.full(ROWS, 7),
        np.array([99, 1, 2]),
        np.array([]),
    ],
    ids=["long tail", "longer tail", "mostly zero", "binary", "constant", "three", "none"],
)
def test_other_columns_are_left_alone(values: np.ndarray) -> None:
    """Attacks false alarms."""
    assert standins(values.astype(str)) == ()


def test_text_and_missing_values_are_left_out() -> None:
    """Attacks what a numeric column holds beside numbers."""
    assert standins([np.nan, "", "x", "inf", "1", "2", "3", "4"] * 10) == ()


def test_init_tells_it(tmp_path: Path) -> None:
    """Attacks a contract whose range reaches to 999999999 without a word."""
    table = plain()
    table.loc[[3, 9], "age"] = 999_999_999
    table.to_csv(tmp_path / "t.csv", index=False)
    arguments = str(tmp_path / "t.csv"), "--target", "bought", "--yes", "--force"
    result = run_init(lay_out(tmp_path / "fork"), *arguments)
    assert result.exit_code == 0
    assert "999999999.0 far from the others: for missing?" in " ".join(result.output.split())
