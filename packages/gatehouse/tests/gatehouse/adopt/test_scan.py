"""What the columns hold: missing values, ids, samples of big files."""

from __future__ import annotations

import contextlib
from pathlib import Path

from gatehouse.adopt.questions import Questions
from gatehouse.adopt.target import find_target
from gatehouse.contract import Role, load_contract
from gatehouse.pipeline.file_source import load
from gatehouse.pipeline.ingest import ingest
from gatehouse.pipeline.settings import load_settings
from gatehouse.table import read_table
from tests.gatehouse.adopt.conftest import run_init
from tests.gatehouse.adopt.shapes import plain
from tests.gatehouse.adopt.tables import CSV, seen, written


def test_marks_of_missing_values_are_found(tmp_path: Path) -> None:
    """Attacks tables of UCI: marks among numbers, a blank; a minus that is a class or a name."""
    frame = plain(200).astype({"age": object, "visits": object})
    frame.loc[::40, "age"] = "-"
    frame.loc[::50, "visits"] = "Unknown"
    frame.loc[::25, "city"] = " ?"
    frame = frame.assign(
        sign=["+", "-"] * 100,
        spent=["1.5", " ", "2.5", "3.5"] * 50,
        state=["unknown", "Unknown", "new", "used"] * 50,
        code=["12", "--", "x", "7"] * 50,
        day=["2024-01-02", "-", "2024-01-03", "-"] * 50,
    )
    found = seen(tmp_path, frame, "sign")
    assert found.marks == (" ", " ?", "-", "Unknown")
    assert found.marked()["state"] == ("Unknown",), "one text means one thing in all of a table"
    profiles = found.profiles
    kinds = {name: (str(p.kind), p.missing) for name, p in profiles.items() if name != "bought"}
    assert kinds == {
        "age": ("number", 5), "visits": ("integer", 4), "city": ("category", 8),
        "sign": ("category", 0), "spent": ("number", 50), "state": ("category", 50),
        "code": ("category", 0), "day": ("date", 100),
    }  # fmt: skip
    assert set(profiles["code"].counts) == {"12", "--", "x", "7"}
    assert found.sample["state"].isna().sum() == 50
    target = find_target(found, "sign", None, None, Questions(interactive=False))
    assert set(target.classes) == {"+", "-"}
    assert found.sample["sign"].notna().all()


def test_marks_are_written_for_the_pipeline(root: Path, tmp_path: Path) -> None:
    """Attacks a mark that one step knows of and the next one reads as text."""
    frame = plain(120).astype({"age": object})
    frame.loc[::30, "age"] = "?"
    frame.loc[::40, "city"] = "?"
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "bought", "--force")
    assert result.exit_code == 0, result.output
    assert "'?' counts as a missing value (in age, city)" in result.output
    settings, contract = load_settings(root / "params.yaml"), load_contract(root / "contract.yaml")
    assert settings.data.file.missing == ("?",)
    assert contract.columns["city"].categories == ("Aachen", "Bonn", "Celle")
    with contextlib.chdir(root):
        ingest(settings.data, contract)
        rows = read_table(root / "data/raw/rows.parquet")
    assert [int(rows[name].isna().sum()) for name in ("age", "city")] == [4, 3]
    # The next table has none.
    assert run_init(root, written(tmp_path, CSV), "--target", "bought", "--force").exit_code == 0
    assert load_settings(root / "params.yaml").data.file.missing == ()


def test_big_files_are_sampled_for_the_baseline_and_looked_through_whole(tmp_path: Path) -> None:
    """Attacks memory, and a range that the rows which were not sampled break."""
    frame = plain(30_000)
    frame.loc[29_999, "visits"] = 9_000
    found = seen(tmp_path, frame)
    assert len(found.sample) == 20_000
    assert found.rows == 30_000
    assert found.profiles["visits"].high == 9_000


def test_a_torn_row_is_not_quoted(root: Path, tmp_path: Path) -> None:
    """Attacks a person's row on the screen, or in the log of a workflow."""
    path = written(tmp_path, CSV + "jane@example.org,1,2,3,4\n")
    done = run_init(root, path, "--target", "bought", "--force")
    assert done.exit_code == 2
    assert "has 5 columns, the header 4" in done.output
    assert "jane" not in done.output


def test_none_is_a_value_among_texts_and_missing_among_numbers(root: Path, tmp_path: Path) -> None:
    """Attacks a wall without veneer that counts as unknown, and a class called None; both as the
    pipeline reads them.
    """
    frame = plain(240).astype({"age": object, "visits": object})
    frame.loc[::30, "age"] = "None"
    frame.loc[::40, "visits"] = "none"
    frame["veneer"] = ["None", "Brick", "Stone", ""] * 60
    frame["alley"] = ["none", "gravel", "paved", "none"] * 60
    frame["price"] = ["$1,200", "$900", "None", "$1,000"] * 60
    for name, none in (("referral_id", "None"), ("voucher", "none")):
        frame[name] = [none if i % 3 == 0 else f"{name[0]}-{i:04d}" for i in range(240)]
    frame["pool"] = ["None", *["round", "square"] * 119, "round"]
    frame["bought"] = ["None", "some", "much"] * 80
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "bought", "--force")
    assert result.exit_code == 0, result.output
    settings, contract = load_settings(root / "params.yaml"), load_contract(root / "contract.yaml")
    assert settings.data.file.missing == ("none",), "None is known without"
    assert contract.classes == ("None", "much", "some")
    assert {contract.columns[name].role for name in ("referral_id", "voucher")} == {Role.IGNORED}
    assert result.output.count("ignored: a different value in every row") == 2
    assert contract.columns["veneer"].categories == ("Brick", "None", "Stone")
    assert contract.columns["alley"].categories == ("gravel", "none", "paved")
    with contextlib.chdir(root):
        rows = load(settings.data.file, contract)
    columns = ["age", "visits", "veneer", "alley"]
    assert rows[columns].isna().sum().tolist() == [8, 6, 60, 0]
    missing = {name: rows[name].isna().mean() for name in contract.inputs}
    assert all(share <= contract.columns[name].missing for name, share in missing.items())
    assert set(rows["pool"]) == {*(contract.columns["pool"].categories or ())}
    assert len(rows) == 240
