"""Attacks the reading of a table that nobody has prepared: what is guessed is told."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adopt.table import Table, open_table
from gatehouse.errors import GatehouseError

ROWS = 300


def opened(folder: Path, content: str | bytes) -> Table:
    path = folder / "t.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return open_table(path, "t.csv")


def read(table: Table) -> dict[str, list[str]]:
    found: dict[str, list[str]] = pa.concat_tables(table.blocks()).to_pydict()
    return found


def towns(*names: bytes) -> bytes:
    """A file of many rows, whose last ones are in these towns."""
    return b"town,y\n" + b"Ulm,no\n" * ROWS + b"".join(name + b",yes\n" for name in names)


@pytest.mark.parametrize("right", ["Zürich", "Łódź", "東京", "Köln 🙂"])
@pytest.mark.parametrize("wrong", [b"Orl\xe9ans", b"\xff", b"Gen\xe8ve \x81"])
@pytest.mark.parametrize("turned", [False, True])
def test_two_encodings_are_told(tmp_path: Path, right: str, wrong: bytes, turned: bool) -> None:
    """Attacks one byte that makes another encoding of all: Zürich would be ZÃ¼rich."""
    names = (wrong, right.encode()) if turned else (right.encode(), wrong)
    with pytest.raises(GatehouseError) as caught:
        opened(tmp_path, towns(*names))
    first, second = ROWS + 2, ROWS + 3
    bad, good = (first, second) if turned else (second, first)
    byte = next(byte for byte in wrong if byte > 0x7F)
    assert f"t.csv:{bad}: is not UTF-8 (byte 0x{byte:02x}), and line {good} is" in str(caught.value)


@pytest.mark.parametrize(
    ("byte", "encoding", "letter"), [(0xE9, "cp1252", "é"), (0x80, "cp1252", "€"),
                                     (0x81, "latin-1", "\x81")],
)  # fmt: skip
def test_a_guessed_encoding_is_told(tmp_path: Path, byte: int, encoding: str, letter: str) -> None:
    """With the line and byte that are no UTF-8."""
    table = opened(tmp_path, towns(bytes([byte])))
    assert table.dialect.encoding == encoding
    assert read(table)["town"][-1] == letter
    (note,) = table.notes
    assert f"line {ROWS + 2}, byte 0x{byte:02x}" in note
    assert f"taken for {encoding}" in note


def test_utf8_needs_no_word(tmp_path: Path) -> None:
    """With and without a mark, and where a character lies on the border of two chunks."""
    wide = "a" * (2**20 - 8) + "é" * 20
    for mark in ("", "\ufeff"):
        table = opened(tmp_path, f"{mark}town,y\n{wide},no\nŁódź,yes\n")
        assert table.notes == ()
        assert read(table)["town"] == [wide, "Łódź"]


def test_blanks_behind_separators_belong_to_nothing(tmp_path: Path) -> None:
    """Quoted or not; a text with a separator stays one."""
    table = opened(tmp_path, 'age, town, y\n1, "Ulm, Au", no\n2, Bonn , yes\n')
    assert table.columns == ("age", "town", "y")
    assert read(table) == {"age": ["1", "2"], "town": ["Ulm, Au", "Bonn "], "y": ["no", "yes"]}
    assert "the blanks after ',' are no part of a value" in table.notes[0]


def test_blanks_around_names_alone(tmp_path: Path) -> None:
    """The values keep theirs."""
    table = opened(tmp_path, "age , town,y\n1, Ulm,no\n")
    assert read(table) == {"age": ["1"], "town": [" Ulm"], "y": ["no"]}
    assert "blanks around names are taken off" in table.notes[0]
    with pytest.raises(GatehouseError, match="names the column 'town' twice"):
        opened(tmp_path, "town , town,y\n1,2,3\n")


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u200b", "\ufeff", "\u3000"])
def test_blanks_that_do_not_look_so_around_names(tmp_path: Path, blank: str) -> None:
    """Attacks names copied from pages and sheets: what is typed as --target must find them."""
    table = opened(tmp_path, f"age,{blank}town,y{blank}\n1,Ulm{blank},no\n")
    assert read(table) == {"age": ["1"], "town": [f"Ulm{blank}"], "y": ["no"]}
    assert "blanks around names are taken off" in table.notes[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 500, "is an old file of Excel's; save the sheet as CSV"),
        (b"\x28\xb5\x2f\xfdabc", "is packed by zstd"),
        (b"BZh91AY", "is packed by bzip2"),
        (b"ARROW1\0\0", "is an Arrow or Feather file; save it as Parquet"),
        (b"SQLite format 3\0", "is an SQLite database"),
        ("a,b\n1,2\n".encode("utf-32"), "is text in UTF-32; save it as UTF-8"),
        ("a,b\n1,2\n".encode("utf-32-le"), "is neither text nor Parquet"),
        (b"\0\xd8" + b"a\0" * 300, "is neither text nor Parquet"),
        (b"\0" * 400, "is neither text nor Parquet"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, message: str) -> None:
    """Attacks with files of other kinds: a line that says which, and what to do."""
    with pytest.raises(GatehouseError, match=message):
        opened(tmp_path, content)


def test_letters_that_were_lost_are_told(tmp_path: Path) -> None:
    """Attacks U+FFFD, which some program wrote in place of what it could not read."""
    table = opened(tmp_path, towns("Orl\ufffdans".encode()))
    assert f"line {ROWS + 2} holds U+FFFD" in table.notes[0]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end(tmp_path: Path, end: str) -> None:
    """Attacks files of old Macs, whose lines end with a carriage return alone."""
    for comma in (",", ", "):
        rows = [comma.join(row) for row in (("age", "town"), ("1", "Ulm"), ("2", "Bonn"))]
        table = opened(tmp_path, end.join(rows) + end)
        assert read(table) == {"age": ["1", "2"], "town": ["Ulm", "Bonn"]}


def test_a_fault_far_down_is_told_with_its_line(tmp_path: Path) -> None:
    """Attacks a parser's number of a row, which is none of the editor's."""
    table = opened(tmp_path, "a,b\n" + '"x\ny",1\n' * 5_000 + "1,2,3\n")
    with pytest.raises(GatehouseError, match=r"t\.csv: line 10002 has 3 columns"):
        list(table.blocks())


def test_text_that_is_none_is_told_with_its_column(tmp_path: Path) -> None:
    """Attacks an error of Arrow's that names no column."""
    bad = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )
    pq.write_table(pa.table({"ok": ["a"], "bad": bad}), tmp_path / "t.parquet")
    table = open_table(tmp_path / "t.parquet", "t.parquet")
    with pytest.raises(GatehouseError, match=r"column 'bad' \(string\) cannot be read"):
        list(table.blocks())
