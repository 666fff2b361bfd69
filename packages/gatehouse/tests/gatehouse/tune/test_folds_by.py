"""Folds of rows that depend on each other: attacks a patient on both sides, and the future."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from gatehouse.prepare import prepare
from gatehouse.table import ROWS_FILE, write_table
from gatehouse.tune.folds import folds_of
from gatehouse.workspace import Workspace
from tests.gatehouse.visits import BY_GROUP, BY_TIME, contract, visits


def laid(root: Path, split: str, *, group: bool = True) -> Workspace:
    made = contract(split, group=group)
    (root / "contract.yaml").write_text(made.model_dump_json(exclude_none=True))
    workspace = Workspace(root)
    write_table(visits(1_500, patients=700), workspace.raw / ROWS_FILE)
    prepare(made, workspace.raw, workspace.prepared)
    return workspace


@pytest.mark.parametrize("split", [BY_GROUP, BY_TIME], ids=["group", "time"])
def test_a_patient_is_on_one_side_of_a_fold(split: str, tmp_path: Path) -> None:
    """Attacks settings that are chosen because a model knows the patient."""
    for fold in folds_of(laid(tmp_path, split), 3):
        inside = {*fold.data.train["patient"], *fold.data.valid["patient"]}
        assert not inside & {*fold.held_out["patient"]}


@pytest.mark.parametrize("group", [True, False])
def test_a_fold_by_time_is_after_its_train_rows(tmp_path: Path, *, group: bool) -> None:
    """Attacks settings that are chosen because a model knows the future."""
    folds = list(folds_of(laid(tmp_path, BY_TIME, group=group), 3))
    assert len(folds) == 3
    for fold in folds:
        inside = pd.concat([fold.data.train, fold.data.valid])
        assert inside["at"].max() <= fold.held_out["at"].min()
