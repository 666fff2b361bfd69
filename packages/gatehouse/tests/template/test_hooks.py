"""The hooks of `make check` on what a repository of one's own holds besides code."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

CONFIG = Path(__file__).parents[4] / ".pre-commit-config.yaml"


@pytest.fixture(scope="module")
def hooks() -> dict[str, dict[str, Any]]:
    """The hooks by id."""
    (repository,) = yaml.safe_load(CONFIG.read_text("utf-8"))["repos"]
    return {hook["id"]: hook for hook in repository["hooks"]}


@pytest.mark.parametrize(
    "hook", ["detect-secrets", "merge-conflict", "end-of-file", "trailing-space"]
)
@pytest.mark.parametrize("path", ["rows.csv", "data/own/odd rows.dat", "data/other/rows.tsv"])
def test_no_hook_takes_a_table_for_text(
    hooks: dict[str, dict[str, Any]], hook: str, path: str
) -> None:
    """Attacks ids taken for secrets, and rows whose bytes a hook changes."""
    assert re.search(hooks[hook]["exclude"], path)
    assert not re.search(hooks[hook]["exclude"], "src/pipeline/network.py")


def test_a_digest_of_dvc_is_no_secret(hooks: dict[str, dict[str, Any]]) -> None:
    """Attacks a fork that can commit neither its rows' digest nor a snapshot's."""
    for path in ("data/own/rows.csv.dvc", "data/snapshots/a.parquet.dvc", "dvc.lock"):
        assert re.search(hooks["detect-secrets"]["exclude"], path)


def test_codeowners_is_made_with_each_commit_of_either_file(
    hooks: dict[str, dict[str, Any]],
) -> None:
    """Attacks a commit whose CODEOWNERS is not what ownership.txt makes."""
    hook = hooks["codeowners"]
    assert hook["entry"] == ".venv/bin/gatehouse github owners"
    for path in (".github/CODEOWNERS", ".github/ownership.txt"):
        assert re.search(hook["files"], path)


def test_a_large_table_is_refused(hooks: dict[str, dict[str, Any]]) -> None:
    """Attacks a table that everybody's clone would hold for good."""
    beside = hooks["large-files"]["exclude"]
    assert re.search(beside, "vendor/gatehouse-1.2.3-py3-none-any.whl"), "which an owner approves"
    wheel = "data/vendor/gatehouse-1.2.3-py3-none-any.whl"
    for path in ("rows.csv", "data/own/rows.csv", "vendor/rows.csv", "vendor/gatehouse.csv", wheel):
        assert not re.search(beside, path)
