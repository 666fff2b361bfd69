"""The training data of a served model: from the work tree, or from the commit that judged it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.monitor.reference import find_reference
from gatehouse.workspace import MODEL, VERDICT
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import Finished


def judged(repository: Repository) -> str:
    """Commit a verdict on the model that is here."""
    digest = file_digest(repository.root / MODEL)
    path = repository.root / VERDICT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"candidate": {"model": digest}}))
    repository.commit("a verdict")
    return digest


def test_the_work_tree(finished: Finished) -> None:
    """Attacks a model that is here and is looked for elsewhere: this is no Git repository."""
    digest = file_digest(finished.root / MODEL)
    found = find_reference(digest, finished.root)
    assert (found.model, found.found, found.workspace.root) == (
        digest, "the work tree", finished.root,
    )  # fmt: skip


def test_history_by_dvc(repository: Repository) -> None:
    """Attacks a served model that the work tree has no more, or whose data there is another's."""
    digest = judged(repository)
    expected = repository.workspace.split("train")
    commit = repository.git("rev-parse", "HEAD").strip()
    (repository.root / VERDICT).write_text("{no JSON")
    repository.commit("a broken verdict")
    (repository.root / "data/prepared/train.parquet").unlink()
    expected.iloc[:10].to_parquet(repository.root / "data/prepared/train.parquet", index=False)
    found = find_reference(digest, repository.root)
    assert found.found == f"commit {commit[:12]}"
    assert found.workspace.split("train").equals(expected)
    shutil.rmtree(repository.root / "models")
    assert find_reference(digest, repository.root).found == found.found


def test_a_model_that_nobody_judged(repository: Repository) -> None:
    """Attacks a comparison with the data of another model."""
    judged(repository)
    with pytest.raises(GatehouseError, match=r"no commit here has judged .*git fetch --unshallow"):
        find_reference("sha256:" + "0" * 64, repository.root)


def test_no_repository(finished: Finished) -> None:
    """Attacks a traceback where there is nothing but files."""
    with pytest.raises(GatehouseError, match="git log"):
        find_reference("sha256:" + "0" * 64, finished.root)


def test_data_that_no_remote_has(repository: Repository) -> None:
    """Attacks an error that leaves the user without the next step."""
    digest = judged(repository)
    for folder in ("data", "models", ".dvc/cache", ".gatehouse"):
        shutil.rmtree(repository.root / folder, ignore_errors=True)
    with pytest.raises(GatehouseError, match="dvc push"):
        find_reference(digest, repository.root)


def test_a_verdict_on_another_model_at_that_commit(repository: Repository) -> None:
    """Attacks a verdict that was copied: the model at its commit is not the one it names."""
    path = repository.root / VERDICT
    path.parent.mkdir(parents=True, exist_ok=True)
    wanted = "sha256:" + "1" * 64
    path.write_text(json.dumps({"candidate": {"model": wanted}}))
    repository.commit("a verdict")
    with pytest.raises(GatehouseError, match="no commit here has judged"):
        find_reference(wanted, Path(repository.root))
