"""Tables that are labelled in part: what is learned and written goes by the labelled rows."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from gatehouse.adopt.profile import Kind
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.scan import Scan, scan
from gatehouse.adopt.table import Table, open_table
from gatehouse.adopt.unlabelled import drop_unlabelled
from gatehouse.contract import load_contract
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.ingest import ingest
from gatehouse.pipeline.settings import load_settings
from gatehouse.policy import load_policy
from gatehouse.snapshot.check import check
from gatehouse.table import read_table
from tests.gatehouse.adopt.conftest import FILES, lay_out, run_init
from tests.gatehouse.adopt.shapes import plain


def labelled_in_part(share: float) -> pd.DataFrame:
    """The last rows have no label, and values that no other row has."""
    frame = plain(300).astype({"bought": object})
    last = frame.index >= share * len(frame)
    frame.loc[last, "visits"] = 5_000
    frame.loc[last, "city"] = "Nowhere"
    frame.loc[last, "bought"] = None
    return frame


def looked(folder: Path, frame: pd.DataFrame, target: str) -> tuple[Table, Scan]:
    frame.to_csv(folder / "rows.csv", index=False)
    table = open_table(folder / "rows.csv", "rows.csv")
    return table, scan(table, target)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_the_files_are_of_the_labelled_rows(tmp_path: Path, kind: str) -> None:
    """Attacks limits, floors and allowances that rows without a label have moved."""
    root, path = lay_out(tmp_path / "repository"), tmp_path / f"rows.{kind}"
    frame = labelled_in_part(0.7)
    frame.to_csv(path, index=False) if kind == "csv" else frame.to_parquet(path)
    result = run_init(root, str(path), "--target", "bought", "--yes", "--force")
    assert result.exit_code == 0, result.output
    assert "'bought' has no value in 90 of 300 rows (90 empty): they are dropped" in result.output
    assert "210 rows; task: binary" in result.output
    assert "only 210" not in result.output
    contract = load_contract(root / "contract.yaml")
    assert contract.columns["bought"].missing == 0
    assert contract.columns["city"].categories == ("Aachen", "Bonn", "Celle")
    assert contract.columns["visits"].range is not None
    assert contract.columns["visits"].range[1] < 100
    assert "on 210 rows" in (root / "policy.yaml").read_text()
    assert load_policy(root / "policy.yaml").rules
    data = load_settings(root / "params.yaml").data
    assert data.file.unlabelled == "drop"
    with contextlib.chdir(root):
        assert ingest(data, contract) == "ingest: 210 rows from 'file'"
        rows = read_table(root / "data/raw/rows.parquet")
    assert check(rows, contract) == []
    # The next table is whole.
    plain(120).to_csv(tmp_path / "whole.csv", index=False)
    result = run_init(root, str(tmp_path / "whole.csv"), "--target", "bought", "--force")
    assert "no value" not in result.output
    assert load_settings(root / "params.yaml").data.file.unlabelled == "refuse"


def test_few_labels_are_warned_of_and_too_few_refused(tmp_path: Path) -> None:
    """Attacks a model of a tenth of the rows that nobody knows of, and splits without a row."""
    root = lay_out(tmp_path / "repository")
    table = str(tmp_path / "rows.csv")
    labelled_in_part(0.4).to_csv(table, index=False)
    result = run_init(root, table, "--target", "bought", "--force")
    assert result.exit_code == 0, result.output
    assert "warning: only 120 of 300 rows have a value of 'bought'" in result.output
    before = {name: (root / name).read_bytes() for name in FILES}
    labelled_in_part(0.1).to_csv(table, index=False)
    result = run_init(root, table, "--target", "bought", "--force")
    assert (result.exit_code, "has a value in 30 of 300 rows" in result.output) == (2, True)
    assert {name: (root / name).read_bytes() for name in FILES} == before


def test_a_terminal_is_asked_whether_they_may_go(tmp_path: Path) -> None:
    """Attacks a class called NA that is dropped as missing, and a no that is not heard."""
    frame = plain(240)
    frame["bought"] = ["mild", "NA", "severe", "NA", "NULL", ""] * 40
    table, seen = looked(tmp_path, frame, "bought")
    with CliRunner().isolation(input="\n") as (_, said, *_):
        assert drop_unlabelled(table, seen, "bought", Questions(interactive=True)).rows == 80
        told = said.getvalue().decode()
    assert (
        "no value in 160 of 240 rows (80 'NA', 40 'NULL', 40 empty); rename a class of that" in told
    )
    with (
        CliRunner().isolation(input="n\n"),
        pytest.raises(GatehouseError, match="let these rows be dropped, or give them a value"),
    ):
        drop_unlabelled(table, seen, "bought", Questions(interactive=True))


def test_row_numbers_and_marks_stay_what_they_are_in_the_whole_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a row number that is an amount once rows are dropped, copies hidden by it, and a
    mark of missing values that stood in the target too.
    """
    frame = plain(200).assign(
        index=range(200), place=["-", "x", "y", "z"] * 50, batch_no=[i % 50 for i in range(200)],
        sample_no=[i + 7 - i // 50 for i in range(200)],
    )  # fmt: skip
    frame["price"] = np.where(np.arange(200) % 4 == 1, "-", (frame["age"] * 7).round(1).astype(str))
    others = frame.columns.drop(["index", "sample_no"])
    frame.loc[100:, others] = frame.loc[:99, others].to_numpy()
    table, seen = looked(tmp_path, frame, "price")
    assert seen.profiles["index"].is_row_number
    found = drop_unlabelled(table, seen, "price", Questions(interactive=False))
    assert "(50 '-'): they are dropped" in (said := capsys.readouterr().err)
    assert "rename a class of that name" not in said, "the target is a number"
    assert (found.rows, found.copies, found.marks) == (150, 1, ("-",))
    assert list(found.profiles) == list(seen.profiles)
    assert found.profiles["index"].is_row_number
    assert found.profiles["sample_no"].is_row_number
    assert found.profiles["batch_no"].counts_up
    assert found.profiles["price"].missing == 0
    assert (found.profiles["place"].missing, set(found.profiles["place"].counts)) == (
        50, {"y", "z"},
    )  # fmt: skip
    assert (len(found.sample), found.sample["index"].notna().all()) == (150, True), "for --keep"


def test_null_and_empty_texts_are_one(tmp_path: Path) -> None:
    """Attacks a count of rows without a target that forgets some."""
    frame = plain(90).assign(bought=["yes", "no", "", None, "NA", "no"] * 15)
    frame.to_parquet(tmp_path / "rows.parquet")
    found = scan(open_table(tmp_path / "rows.parquet", "rows.parquet"), "bought").profiles["bought"]
    assert (found.absent, found.missing) == ({"": 30, "NA": 15}, 45)


def test_ids_stay_what_they_are_in_the_whole_table(tmp_path: Path) -> None:
    """Attacks a ticket that is an amount once rows are dropped, and copies that the pipeline, which
    reads it, will never find.
    """
    frame = pd.concat([plain(100), plain(100)], ignore_index=True).astype({"bought": object})
    frame["ticket"] = np.random.default_rng(1).permutation(np.arange(100_000, 100_200))
    frame.loc[frame.index % 4 == 1, "bought"] = None
    table, seen = looked(tmp_path, frame, "bought")
    found = drop_unlabelled(table, seen, "bought", Questions(interactive=False))
    assert (found.profiles["ticket"].kind, found.profiles["ticket"].rows) == (Kind.ID, 150)
    assert (found.rows, found.copies) == (150, 0)


def test_a_column_that_nothing_can_be_learned_from_is_told_first(tmp_path: Path) -> None:
    """Attacks a question about rows of a target that is refused anyway."""
    frame = plain(120).assign(churned=["yes", None] * 60, none=None)
    for name, message in (("churned", "same value in every row"), ("none", "has no values")):
        table, seen = looked(tmp_path, frame, name)
        with pytest.raises(GatehouseError, match=message):
            drop_unlabelled(table, seen, name, Questions(interactive=True))
