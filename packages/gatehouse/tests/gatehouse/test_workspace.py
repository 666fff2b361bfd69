"""Files of a run: digests change with any byte, and what is missing is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import onnx
import pytest

from gatehouse.digest import file_digest, raw_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Subject
from gatehouse.measure import measure_and_write
from gatehouse.seal import data_digest
from gatehouse.table import read_table, write_table
from gatehouse.workspace import MODEL, MODEL_FP32
from tests.gatehouse.tiny import Finished, make_graph, origin, rows
from tests.shared import NAMES, SPECS

FIELDS = {
    "contract": "contract.yaml",
    "raw": "data/raw/rows.parquet",
    "data": "data/prepared/test.parquet",
    "model": MODEL.as_posix(),
    "model_fp32": MODEL_FP32.as_posix(),
}


@pytest.mark.parametrize(("field", "path"), FIELDS.items())
def test_a_changed_file_changes_its_digest_and_no_other(
    finished: Finished, field: str, path: str
) -> None:
    """Attacks evidence that outlives what it speaks of."""
    before = finished.workspace.present()
    file = finished.root / path
    if field == "contract":
        file.write_text(file.read_text().replace("[0, 120]", "[0, 121]"))
    else:
        file.write_bytes(file.read_bytes() + b"\0")
    after = finished.workspace.present()
    changed = {
        name for name in Subject.model_fields if getattr(before, name) != getattr(after, name)
    }
    assert changed == {field}
    file.unlink()
    assert getattr(finished.workspace.present(), field) is None
    gate = next(gate for gate in NAMES if field in SPECS[gate].looks_at)
    with pytest.raises(GatehouseError):
        finished.workspace.subject(SPECS[gate])


def test_swapped_splits_are_other_data(finished: Finished) -> None:
    """Attacks a digest of contents without names: train as test would look the same."""
    folder = finished.workspace.prepared
    write_table(rows(21), folder / "test.parquet")
    before = data_digest(folder)
    shutil.move(folder / "test.parquet", folder / "x")
    shutil.move(folder / "valid.parquet", folder / "test.parquet")
    shutil.move(folder / "x", folder / "valid.parquet")
    assert data_digest(folder) != before


def test_a_published_test_file_is_part_of_the_raw_digest(finished: Finished) -> None:
    """Attacks a test file swapped beside the same rows."""
    before = raw_digest(finished.workspace.raw)
    write_table(rows(5), finished.workspace.raw / "test.parquet")
    assert raw_digest(finished.workspace.raw) != before


def test_equal_tables_are_equal_bytes(tmp_path: Path) -> None:
    """Attacks tables that differ from run to run though their rows do not."""
    for name in ("one", "two"):
        write_table(rows(50), tmp_path / name)
    assert file_digest(tmp_path / "one") == file_digest(tmp_path / "two")


def test_tables_that_cannot_be_read_are_told(finished: Finished) -> None:
    """Attacks the reader: no file, no Parquet, cut short, a column short, no rows."""
    folder = finished.workspace.prepared
    whole = (folder / "test.parquet").read_bytes()
    with pytest.raises(GatehouseError, match="no such file; run `make run` first"):
        read_table(folder / "none.parquet")
    for content in (b"", b"age,job\n1,cook\n", whole[: len(whole) // 2]):
        (folder / "test.parquet").write_bytes(content)
        with pytest.raises(GatehouseError, match="cannot be read as Parquet"):
            finished.workspace.split("test")
    (folder / "test.parquet").write_bytes(whole)
    with pytest.raises(GatehouseError, match=r"has no column \['height'\]"):
        read_table(folder / "test.parquet", ["age", "height"])
    write_table(rows(0), folder / "test.parquet")
    with pytest.raises(GatehouseError, match="has no rows"):
        finished.workspace.split("test")


def test_missing_text_is_read_as_missing(tmp_path: Path) -> None:
    """Attacks None turned into the word 'None' on the way through a file."""
    write_table(rows(6), tmp_path / "t.parquet")
    frame = read_table(tmp_path / "t.parquet")
    assert frame["job"].isna().tolist() == [False, False, True] * 2
    assert frame["age"].tolist() == rows(6)["age"].tolist()


@pytest.mark.parametrize("path", [MODEL, MODEL_FP32])
@pytest.mark.parametrize("field", ["contract", "data"])
def test_a_graph_from_elsewhere_is_refused(finished: Finished, path: Path, field: str) -> None:
    """Attacks a graph that was made from other rows, the test split's among them, or by hand."""

    def load() -> object:
        workspace = finished.workspace
        return workspace.model if path == MODEL else workspace.model_fp32

    assert load()
    honest = origin(finished.root)
    for digest in ("sha256:0", "", honest[field].upper()):
        graph = make_graph(**honest | {field: digest})
        onnx.save_model(graph, finished.root / path)
        with pytest.raises(GatehouseError, match=f"{path}: .* trained on another {field}"):
            load()
    onnx.save_model(make_graph(**honest), finished.root / path)
    assert load()
    if field == "contract":
        contract = finished.root / "contract.yaml"
        contract.write_text(contract.read_text().replace("[0, 120]", "[0, 121]"))
    else:
        write_table(rows(21), finished.workspace.prepared / "valid.parquet")
    with pytest.raises(GatehouseError, match=f"trained on another {field}"):
        load()


def test_a_measuring_that_fails_leaves_no_evidence(finished: Finished) -> None:
    """Attacks stale evidence left where a failed measuring should have written."""
    path = finished.write_evidence("fairness")
    (finished.root / MODEL).unlink()
    with pytest.raises(GatehouseError):
        measure_and_write(SPECS["fairness"], finished.workspace, None, finished.policy)
    assert not path.exists()
