"""A table of one's own, from the command to DVC's record."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gatehouse.samples.simulate import simulate
from tests.end_to_end.clone import copy_checkout

pytestmark = pytest.mark.slow


def test_a_changed_file_is_ingested_again(tmp_path: Path) -> None:
    """Attacks a run on yesterday's rows, a path that DVC does not know, and one that is gone."""
    clone = copy_checkout(tmp_path / "work")
    rows = simulate(rows=300, seed=0)
    own = clone.root / "data/own/my rows.csv"
    rows.to_csv(own, index=False)
    clone.gatehouse("set", "data.source=file", 'data.file.path="data/own/my rows.csv"')
    stage = ("dvc", "repro", "ingest")
    assert "ingest: 300 rows from 'file'" in clone.run(*stage)
    assert "Stage 'ingest' didn't change" in clone.run(*stage)
    read = pd.read_parquet(clone.root / "data/raw/rows.parquet")
    pd.testing.assert_frame_equal(read, rows, check_dtype=False)
    rows.head(200).to_csv(own, index=False)
    assert "ingest: 200 rows from 'file'" in clone.run(*stage)
    # The rows of before come from DVC's run cache: it knows the file by its content.
    rows.to_csv(own, index=False)
    assert "is cached" in clone.run(*stage)
    assert len(pd.read_parquet(clone.root / "data/raw/rows.parquet")) == 300
    own.unlink()
    told = clone.gatehouse("run", code=2)
    assert "data/own/my rows.csv: there is no such file" in told
    assert len(pd.read_parquet(clone.root / "data/raw/rows.parquet")) == 300
