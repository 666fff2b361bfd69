"""Hashes of files that were made elsewhere, recorded so that the real DVC finds nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.lock import relock
from tests.gatehouse.repository import Repository

UP_TO_DATE = "Data and pipelines are up to date."
EVIDENCE = "reports/evidence/accuracy.json"
PLOTS = "reports/train/plots"


def test_nothing_named_changes_no_byte(repository: Repository) -> None:
    """Attacks a layout of ours that would show as a change in every commit."""
    text = (repository.root / "dvc.lock").read_text()
    assert relock(text, repository.root, []) == text
    assert relock(text, repository.root, ["reports/verdict.json", "nowhere"]) == text


def test_what_did_not_change_keeps_its_entry(repository: Repository) -> None:
    """Attacks hashes, sizes or keys that differ from those that DVC writes."""
    text = (repository.root / "dvc.lock").read_text()
    every = ["data/raw", "data/prepared", "models/model.onnx", PLOTS, EVIDENCE, "contract.yaml"]
    assert relock(text, repository.root, every) == text


def test_evidence_measured_elsewhere_is_recorded(repository: Repository) -> None:
    """Attacks a lock after which DVC measures again, or has something to tell."""
    lock, root = repository.root / "dvc.lock", repository.root
    (root / EVIDENCE).write_text("{}\n")
    (root / PLOTS / "deeper").mkdir()
    (root / PLOTS / "deeper" / "Zé.tsv").write_text("step\n")
    assert UP_TO_DATE not in repository.dvc("status")
    lock.write_text(relock(lock.read_text(), root, [EVIDENCE, PLOTS]))
    assert UP_TO_DATE in repository.dvc("status")
    assert repository.dvc("repro", "--dry").count("Running stage") == 0
    before = lock.read_bytes()
    repository.dvc("commit", "-f")
    assert lock.read_bytes() == before


def test_a_dependency_is_recorded_in_every_stage(repository: Repository) -> None:
    """Attacks a file that is one stage's output and another's dependency, of which one stays."""
    lock, root = repository.root / "dvc.lock", repository.root
    changed = root / "models/model.onnx"
    changed.unlink()  # DVC's cache may be linked to it
    changed.write_bytes(b"another")
    text = relock(lock.read_text(), root, ["models/model.onnx"])
    assert text.count("size: 7\n") == 2
    lock.write_text(text)
    assert "up to date" in repository.dvc("status", "evidence")


def test_an_executable_is_recorded_as_one(repository: Repository) -> None:
    """Attacks a mode that DVC records and we would drop."""
    lock, root = repository.root / "dvc.lock", repository.root
    (root / EVIDENCE).chmod(0o755)
    text = relock(lock.read_text(), root, [EVIDENCE])
    assert text.count("isexec: true") == 1
    (root / EVIDENCE).chmod(0o644)
    assert relock(text, root, [EVIDENCE]) == lock.read_text()


def test_a_missing_file_is_told(repository: Repository) -> None:
    """Attacks a lock that records a file nobody has."""
    (repository.root / EVIDENCE).unlink()
    with pytest.raises(GatehouseError, match=r"accuracy\.json: there is no such file"):
        relock((repository.root / "dvc.lock").read_text(), repository.root, [EVIDENCE])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "5",
        "a: [",
        "stages: {}",
        "schema: 2.0\nstages: {}",
        "schema: '1.0'",
        "schema: '2.0'\nstages: []",
        "schema: '2.0'\nstages: {a: 5}",
        "schema: '2.0'\nstages: {a: {deps: 5}}",
        "schema: '2.0'\nstages: {a: {outs: [{md5: x}]}}",
        "schema: '2.0'\nstages: {a: {outs: [x]}}",
        "<<<<<<< HEAD\nschema: '2.0'\n=======\n>>>>>>> other\n",
    ],
)
def test_what_is_no_lock_file_is_told(tmp_path: Path, text: str) -> None:
    """Attacks a traceback, or a silent guess, at broken or older lock files."""
    with pytest.raises(GatehouseError, match=r"dvc\.lock"):
        relock(text, tmp_path, ["x"])
