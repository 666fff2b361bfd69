"""The catalogue of defects: what the drill promises to try."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.drill import run_drill
from gatehouse.drill.catalogue import CONTROLS, defects_of
from gatehouse.errors import GatehouseError
from gatehouse.gates import GATES
from tests.shared import NAMES


def test_every_gate_has_a_defect_and_every_control_is_clean() -> None:
    """Attacks a gate that no planted defect ever turns red."""
    assert {defect.gate for defect in defects_of(GATES)} - {None} == set(NAMES)
    assert all(control.gate is None for control in CONTROLS)


def test_names_are_told_apart() -> None:
    """Attacks `--only`, which names a defect."""
    names = [defect.name for defect in (*CONTROLS, *defects_of(GATES))]
    assert len(set(names)) == len(names)


def test_an_unknown_name_is_told(tmp_path: Path) -> None:
    """Attacks a mistyped `--only` that would try nothing and pass."""
    with pytest.raises(GatehouseError, match=r"no defect is called 'nope'.*mean shift"):
        run_drill(tmp_path, only=["nope"])


def test_no_finished_run_is_told(tmp_path: Path) -> None:
    """Attacks a drill in a fresh clone, which has nothing to copy."""
    with pytest.raises(GatehouseError, match="make run"):
        run_drill(tmp_path)
