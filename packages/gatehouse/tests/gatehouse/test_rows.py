"""Rows told apart by their content: the same row hashes alike in any table."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gatehouse.rows import row_hashes


def test_hashes_stay_what_they_are() -> None:
    """Attacks a library or code change that would move rows of a fork's history."""
    frame = pd.DataFrame({"n": [1, -7, 2**60 + 1], "c": ["a", None, "é"], "x": [0.5, np.nan, -0.0]})
    assert row_hashes(frame).tolist() == [
        11_686_246_498_439_789_747,
        12_383_887_204_970_492_596,
        13_537_002_259_789_114_863,
    ]


def test_hashes_see_values_not_types() -> None:
    """Attacks old rows moving when one new missing value turns a column into another type."""
    texts = pd.Series(["a", "b", None], dtype="str")
    before = row_hashes(pd.DataFrame({"n": [0, 5, 2**53 - 1], "c": texts}))
    for other in (
        pd.DataFrame({"n": [-0.0, 5.0, 2.0**53 - 1], "c": texts.astype(object)}),
        pd.DataFrame({"n": pd.array([0, 5, 2**53 - 1], "Int64"), "c": texts.astype("category")}),
        pd.DataFrame({"n": [0, 5, 2**53 - 1], "c": ["a", "b", np.nan]}),
    ):
        assert row_hashes(other).tolist() == before.tolist()


def test_text_that_is_a_number_can_be_read_as_one() -> None:
    """Attacks rows that move when a column's type changes between number and text."""
    numbers = [0, 7, -7, 2**53, 0.5, 1e-05, 1e22, np.nan]
    as_numbers = row_hashes(pd.DataFrame({"n": np.array(numbers)}), read_numbers=True).tolist()
    for texts in (
        ["0", "7", "-7", str(2**53), "0.5", "1e-05", "1e+22", None],
        ["0.0", "7.0", "-7.0", str(2.0**53), "0.5", "1e-05", "1e+22", ""],
    ):
        frame = pd.DataFrame({"n": pd.array(texts, "str")})
        assert row_hashes(frame, read_numbers=True).tolist() == as_numbers
    others = pd.DataFrame({"n": ["07", "+7", " 7", "7.", "7.00", "7e0", "\u0667", "1_0", "inf"]})
    assert not set(row_hashes(others, read_numbers=True)) & {*as_numbers}
    assert row_hashes(others, read_numbers=True).tolist() == row_hashes(others).tolist()


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats(), st.none() | st.text()
        ),
        min_size=1,
        max_size=20,
    )
)
@example([(None, None), (None, "\0"), (None, "\0a"), (-0.0, "")])
@settings(max_examples=50, deadline=None)
def test_a_rows_hash_depends_on_the_row_alone(rows: list[tuple[float | None, str | None]]) -> None:
    """Attacks any influence of other rows: alone, each row hashes as it does among others."""
    frame = pd.DataFrame(
        {
            "n": pd.array([n for n, _ in rows], dtype="Float64").to_numpy(float, na_value=np.nan),
            "c": pd.array([c for _, c in rows], dtype="str"),
        }
    )
    alone = [int(row_hashes(frame.iloc[[i]])[0]) for i in range(len(rows))]
    assert row_hashes(frame).tolist() == alone
