"""Labels: three formats, given late, in part, twice, or wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.monitor import labels
from gatehouse.monitor.labels import Labels, identity, read_labels
from tests.gatehouse.monitor import logs

TOLD = pd.DataFrame(
    {
        "request_id": ["a", "b", "b", "007"],
        "index": [0, 0, 1, 0],
        "rich": ["yes", "no", "yes", "no"],
        "sex": ["f", "m", None, "m"],
    }
)


def write(path: Path, frame: pd.DataFrame) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if ".csv" in path.name:
        frame.to_csv(path, index=False)
    elif ".parquet" in path.name:
        frame.to_parquet(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True)
    return path


def read(path: Path) -> Labels:
    return read_labels(str(path), logs.contract())


def of(found: Labels, *asked: tuple[str, int]) -> list[str | None]:
    """The label of each (request id, index)."""
    records = pa.table(
        {"request_id": [name for name, _ in asked], "index": [number for _, number in asked]}
    )
    places = found.places(identity(records))
    return [found.frame["rich"].iloc[place] if place >= 0 else None for place in places]


@pytest.mark.parametrize(
    "name", ["x.csv", "x.jsonl", "x.parquet", "x.json", "x.csv.gz", "x.jsonl.xz", "x.csv.bz2"]
)
def test_each_format(tmp_path: Path, name: str) -> None:
    """Attacks a format whose ids, such as 007, or missing values come out otherwise."""
    found = read(write(tmp_path / name, TOLD))
    asked = [("a", 0), ("b", 0), ("b", 1), ("007", 0), ("a", 1), ("7", 0), ("c", 0), ("", 0)]
    assert of(found, *asked) == ["yes", "no", "yes", "no", None, None, None, None]
    assert found.given == 4
    assert sorted(found.frame["sex"].fillna("none")) == ["f", "m", "m", "none"]
    assert (np.diff(found.hashes.astype(object)) > 0).all()


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_no_index_means_the_first_row(tmp_path: Path, name: str) -> None:
    """Attacks labels of requests with one row, which need no index."""
    found = read(write(tmp_path / name, TOLD.drop(columns="index").iloc[[0, 1, 3]]))
    assert of(found, ("a", 0), ("a", 1), ("b", 0)) == ["yes", None, "no"]
    empty = TOLD.assign(index=pd.array([None, None, 1, 0], "Int64"))
    assert of(read(write(tmp_path / name, empty)), ("a", 0), ("b", 1)) == ["yes", "yes"]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_a_label_that_is_not_there_yet_is_none(tmp_path: Path, name: str) -> None:
    """Attacks a delay that is an error: also where a whole first block has no label yet."""
    late = pd.DataFrame(
        {"request_id": [f"late {n}" for n in range(80_000)], "rich": None, "sex": None}
    )
    path = write(tmp_path / name, pd.concat([late, TOLD]).assign(index=0))
    found = read(path)
    assert found.given == 4
    assert of(found, ("late 3", 0), ("a", 0)) == [None, "yes"]
    assert "sex" in found.frame


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
def test_of_labels_given_twice_the_last_counts(tmp_path: Path, name: str) -> None:
    """Attacks a correction that is passed over, in one file and in a later one."""
    again = pd.concat([TOLD, TOLD.assign(rich="yes"), TOLD.iloc[[0]].assign(rich="no")])
    found = read(write(tmp_path / name, again))
    assert found.given == 9
    assert of(found, ("a", 0), ("b", 0), ("007", 0)) == ["no", "yes", "yes"]
    for number, value in enumerate(("yes", "no", "yes")):
        write(tmp_path / f"many/2026-0{number}{name}", TOLD.assign(rich=value))
    assert set(read(tmp_path / "many").frame["rich"]) == {"yes"}
    write(tmp_path / f"rotated/{name}", TOLD.assign(rich="no"))
    (tmp_path / f"rotated/{name}").rename(tmp_path / f"rotated/{name}.1")
    write(tmp_path / f"rotated/{name}", TOLD.iloc[:1].assign(rich="yes"))
    assert of(read(tmp_path / "rotated"), ("a", 0), ("b", 1)) == ["yes", "no"]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rich": "maybe"}, "column 'rich' of request .* is none of .*'no', 'yes'"),
        ({"rich": " yes"}, "column 'rich' of request "),
        ({"index": "first"}, "cannot be read as labels"),
        ({"index": 0.5}, "cannot be read as labels"),
    ],
)
def test_wrong_labels_are_told(
    tmp_path: Path, name: str, change: dict[str, Any], message: str
) -> None:
    """Attacks a class nobody knows that counts as the negative one, and tracebacks."""
    path = write(tmp_path / name, TOLD.assign(**change))
    with pytest.raises(GatehouseError, match=f"{path}: {message}"):
        read(path)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
@pytest.mark.parametrize("column", ["request_id", "rich"])
def test_a_missing_column_is_told(tmp_path: Path, name: str, column: str) -> None:
    """Attacks labels of nothing that pass for delayed ones."""
    path = write(tmp_path / name, TOLD.drop(columns=column))
    with pytest.raises(GatehouseError, match=rf"{path}: .*needs? request_id(,| and) rich"):
        read(path)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.parquet"])
@pytest.mark.parametrize("change", ["gone", "empty"])
def test_a_protected_column_without_a_value_is_no_column(
    tmp_path: Path, name: str, change: str
) -> None:
    """Attacks fairness that passes because all rows are of one group, the missing one."""
    frame = TOLD.drop(columns="sex") if change == "gone" else TOLD.assign(sex=None)
    assert "sex" not in read(write(tmp_path / name, frame)).frame


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.csv", b""),
        ("x.csv", b"request_id,rich\n"),
        ("x.csv", b"request_id,rich\na,yes,more\n"),
        ("x.csv", b"request_id,rich\n\xff,yes\n"),
        ("x.csv", b"\0\0\0"),
        ("x.jsonl", b""),
        ("x.jsonl", b"{"),
        ("x.jsonl", b'{"request_id": 7, "rich": "yes"}\n'),
        ("x.jsonl", b"[1, 2]\n"),
        ("x.parquet", b"request_id,rich\na,yes\n"),
        ("x.parquet", b""),
    ],
)
def test_what_is_no_table_is_an_error(tmp_path: Path, name: str, content: bytes) -> None:
    """Attacks tracebacks of Arrow."""
    path = logs.write_bytes(tmp_path / name, content)
    with pytest.raises(GatehouseError, match=str(path)):
        read(path)


def test_numbers_as_ids_and_classes_in_parquet(tmp_path: Path) -> None:
    """Attacks ids that are numbers in one file and text in the log, and so never meet."""
    frame = TOLD.iloc[[0, 1]].assign(request_id=[7, 8], index=[0.0, 1.0])
    found = read(write(tmp_path / "x.parquet", frame))
    assert of(found, ("7", 0), ("8", 1), ("8", 0)) == ["yes", "no", None]


def test_many_labels_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks memory, and a sample of the first labels or of what was corrected since."""
    monkeypatch.setattr(labels, "MOST", 100)
    frame = pd.DataFrame({"request_id": [f"r{n}" for n in range(5000)], "rich": "no"})
    whole = pd.concat([frame, frame.assign(rich="yes")])
    found = read(write(tmp_path / "x.parquet", whole))
    assert (found.given, len(found.hashes), len(found.frame)) == (10_000, 100, 100)
    assert set(found.frame["rich"]) == {"yes"}
    parts = tmp_path / "parts"
    for part in range(50):
        write(parts / f"{part:02}.csv", whole.iloc[part * 200 : part * 200 + 200])
    again = read(parts)
    assert again.hashes.tolist() == found.hashes.tolist()
    assert set(again.frame["rich"]) == {"yes"}
