"""The digest of rows: equal for equal rows however they are stored, and for no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import GatehouseError
from gatehouse.ledger.digest import _sorted, rows_digest
from gatehouse.ledger.parts import Part, raw_parts

TABLE = pa.table(
    {
        "age": [31, 31, 47, None],
        "job": ["nurse", "nurse", None, "cook"],
        "rate": [1.0, 1.0, 0.5, -0.0],
    }
)


def part(path: Path, table: pa.Table, *, official: bool = False, **how: Any) -> Part:
    pq.write_table(table, path, **how)
    return Part(path.name, "sha256:0", path, official)


@pytest.fixture
def digest(tmp_path: Path) -> str:
    return rows_digest([part(tmp_path / "first", TABLE)])


@pytest.mark.parametrize(
    "how",
    [
        {"row_group_size": 1},
        {"use_dictionary": False, "compression": "none"},
        {"version": "1.0", "data_page_version": "2.0"},
        {"write_statistics": False, "store_schema": False},
    ],
    ids=str,
)
def test_the_writer_does_not_count(how: dict[str, Any], tmp_path: Path, digest: str) -> None:
    """Attacks a digest that changes though no row did."""
    assert rows_digest([part(tmp_path / "other", TABLE, **how)]) == digest


@pytest.mark.parametrize(
    "table",
    [
        TABLE.take([3, 1, 0, 2]),
        TABLE.select(["rate", "age", "job"]),
        TABLE.set_column(0, "age", pa.array([31.0, 31.0, 47.0, None])),
        TABLE.set_column(1, "job", TABLE["job"].dictionary_encode()),
        TABLE.set_column(1, "job", pa.array(["nurse", "nurse", "", "cook"], "large_string")),
    ],
)
def test_order_and_types_do_not_count(table: pa.Table, tmp_path: Path, digest: str) -> None:
    """Attacks a digest that changes though no row did."""
    assert rows_digest([part(tmp_path / "other", table)]) == digest


def test_parts_do_not_count(tmp_path: Path, digest: str) -> None:
    """Attacks a manifest whose digest depends on how its rows were cut."""
    cut = [part(tmp_path / "a", TABLE.slice(2)), part(tmp_path / "b", TABLE.slice(0, 2))]
    assert rows_digest(cut) == digest


@pytest.mark.parametrize(
    "table",
    [
        TABLE.slice(0, 3),
        TABLE.take([0, 1, 2, 3, 3]),
        TABLE.take([0, 2, 2, 3]),
        TABLE.rename_columns(["years", "job", "rate"]),
        TABLE.set_column(0, "age", pa.array([31, 32, 47, None])),
        TABLE.set_column(0, "age", pa.array([31, 47, 31, None])),  # the same cells, other rows
        TABLE.append_column("new", pa.array([1, 1, 1, 1])),
        TABLE.drop_columns("rate"),
    ],
)
def test_every_row_and_cell_counts(table: pa.Table, tmp_path: Path, digest: str) -> None:
    """Attacks rows that were changed under the same digest."""
    assert rows_digest([part(tmp_path / "other", table)]) != digest


def test_official_test_rows_count_apart(tmp_path: Path, digest: str) -> None:
    """Attacks test rows that were moved into the file that is trained on."""
    rows, test = TABLE.slice(0, 2), TABLE.slice(2)
    parts = [part(tmp_path / "rows", rows), part(tmp_path / "test", test, official=True)]
    turned = [part(tmp_path / "rows2", test), part(tmp_path / "test2", rows, official=True)]
    assert len({rows_digest(parts), rows_digest(turned), digest}) == 3


def test_pairs_of_rows_do_not_cancel(tmp_path: Path) -> None:
    """Attacks a digest by XOR or of a set, in which a row that stands twice is as good as gone."""
    found = {
        rows_digest(
            [
                part(
                    tmp_path / f"{count}",
                    pa.concat_tables([TABLE.slice(0, 0), *[TABLE.slice(0, 1)] * count]),
                )
            ]
        )
        for count in range(5)
    }
    assert len(found) == 5


@given(st.permutations([bytes([first, n]) + bytes(30) for first in (0, 1) for n in range(3)] * 2))
@settings(deadline=None)
def test_half_collisions_do_not_make_the_order_count(rows: Sequence[bytes]) -> None:
    """Attacks the sort with digests that are equal in their first 8 bytes and differ later."""
    half = [row[:1] + bytes(20) + row[1:12] for row in rows]
    assert _sorted(b"".join(half)) == b"".join(sorted(half))


def test_an_unreadable_file_is_an_error(tmp_path: Path) -> None:
    """Attacks a traceback in place of a sentence."""
    (tmp_path / "rows.parquet").write_text("no rows")
    with pytest.raises(GatehouseError, match=r"rows\.parquet: cannot be read as Parquet"):
        rows_digest(list(raw_parts(tmp_path)))
    with pytest.raises(GatehouseError, match="cannot be read"):
        list(raw_parts(tmp_path / "nowhere"))


def test_lists_and_twins_of_names_are_errors(tmp_path: Path) -> None:
    """Attacks the reader with what no table holds."""
    with pytest.raises(GatehouseError, match="column 'x' holds list"):
        rows_digest([part(tmp_path / "list", pa.table({"x": [[1], [2]]}))])
    twice = pa.table([[1], [2]], names=["x", "x"])
    with pytest.raises(GatehouseError, match="two columns are named 'x'"):
        rows_digest([part(tmp_path / "twice", twice)])
