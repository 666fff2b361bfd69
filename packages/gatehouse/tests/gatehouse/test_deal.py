"""Dealing raw rows where a change is judged: attacks splits that the change brings itself."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gatehouse.base import BaseRecord, Outputs, folder_of, write_record
from gatehouse.deal import deal_both
from gatehouse.digest import SPLITS, dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.seal import SEAL, data_digest, sealed_digest
from gatehouse.table import RAW, read_table, write_table
from gatehouse.workspace import Workspace
from tests.gatehouse.tiny import CONTRACT, rows


@pytest.fixture
def candidate(tmp_path: Path) -> Workspace:
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    write_table(rows(400), tmp_path / RAW / "rows.parquet")
    return Workspace(tmp_path)


def test_what_lay_there_is_dealt_anew(candidate: Workspace) -> None:
    """Attacks prepared rows that came along: easy test rows, an old note, another file."""
    deal_both(candidate.root)
    before = candidate.present().data
    test = candidate.split("test")
    write_table(test.iloc[:3], candidate.prepared / "test.parquet")
    (candidate.prepared / "more.parquet").write_bytes(b"PAR1")
    assert candidate.present().data is None
    deal_both(candidate.root)
    assert candidate.split("test").equals(test)
    assert candidate.present().data == before
    assert sorted(path.name for path in candidate.prepared.iterdir()) == sorted(
        [SEAL, *(f"{split}.parquet" for split in SPLITS)]
    )


def base_of(candidate: Workspace, contract: str, *, official: bool = False) -> Workspace:
    """A recorded base of the same rows under a contract of its own."""
    outputs = Outputs(contract="sha256:0", outs={})
    folder = candidate.root / folder_of(outputs)
    write_table(rows(400), folder / RAW / "rows.parquet")
    if official:
        write_table(rows(100, 400), folder / RAW / "test.parquet")
    (folder / "contract.yaml").write_text(contract)
    base = Workspace(folder)
    outs = {RAW.as_posix(): dvc_md5(folder / RAW)}
    record = BaseRecord(outputs=Outputs(contract=base.contract.digest, outs=outs))
    folder.rename(candidate.root / record.folder)
    write_record(record, candidate.root)
    return Workspace(candidate.root / record.folder)


def test_the_base_s_rule_deals(candidate: Workspace) -> None:
    """Attacks a deal by another rule than the one that dealt the exam."""
    base = base_of(candidate, CONTRACT)
    deal_both(candidate.root)
    for split in SPLITS:
        assert candidate.split(split).equals(base.split(split))
    assert candidate.present().data == base.present().data


def test_the_digest_is_one_of_rows(candidate: Workspace) -> None:
    """Attacks a model that is of other data because a file was written otherwise."""
    deal_both(candidate.root)
    before = data_digest(candidate.prepared)
    for split in SPLITS:
        path = candidate.prepared / f"{split}.parquet"
        frame = read_table(path).sample(frac=1, random_state=1)
        frame.to_parquet(path, index=False, compression="gzip", row_group_size=7)
    with pytest.raises(GatehouseError, match="deal the rows again"):
        sealed_digest(candidate.prepared)
    assert data_digest(candidate.prepared) == before
    path = candidate.prepared / "train.parquet"
    frame = read_table(path)
    frame.loc[0, "age"] += 1e-9
    write_table(frame, path)
    assert data_digest(candidate.prepared) != before


def test_no_table_is_opened_to_compare_digests(candidate: Workspace) -> None:
    """Attacks the judge's own process by a table that only bytes can be read of."""
    deal_both(candidate.root)
    before = candidate.present()
    for split in SPLITS:
        (candidate.prepared / f"{split}.parquet").write_bytes(b"no table")
    assert candidate.present() == before.model_copy(update={"data": None})


def test_rows_that_cannot_be_dealt_leave_no_splits(candidate: Workspace) -> None:
    """Attacks a failed deal behind which the candidate's own splits are measured."""
    deal_both(candidate.root)
    frame: pd.DataFrame = rows(400).drop(columns="job")
    write_table(frame, candidate.raw / "rows.parquet")
    with pytest.raises(GatehouseError, match=r"split of contract\.yaml needs column job"):
        deal_both(candidate.root)
    assert not candidate.prepared.exists()
