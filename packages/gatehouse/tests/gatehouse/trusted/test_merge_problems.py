"""Attacks the border: a change to a file that decides needs an owner, whatever the base says."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from gatehouse.codeowners import OWNERS_FILE
from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.trusted import merge_problems
from gatehouse.trusted.handover import Fetched
from gatehouse.trusted.merge_problems import owned_files


@pytest.mark.parametrize("border", [None, "* owned\n", "* owned @OWNER\n", "* owned @octo/ml\n"])
@pytest.mark.parametrize("owners", [None, "* @OWNER\n", "/docs/ @octo/ml\n"])
@pytest.mark.parametrize(
    "path",
    ["policy.yaml", "Makefile", ".dvc/config", "src/sklearn.py", ".github/CODEOWNERS",
     "src/pipeline/train.py"],
)  # fmt: skip
def test_what_decides_is_exposed_without_owners(
    path: str, owners: str | None, border: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks each file that decides, by each base that names nobody for it, or can't be read."""
    readable = border is not None and "@" in border
    if border is not None:
        border += "src/pipeline/ free\n"
    texts = {OWNERS_FILE: owners, OWNERSHIP_FILE: border}
    monkeypatch.setattr(merge_problems, "file_at", lambda commit, file, root: texts[file])
    found = Fetched(head="0" * 40, changed=(path,))
    _, unowned = owned_files(found, Mock(), Path())
    # "* @OWNER" guards it too, by an owner that is none.
    free = path == "src/pipeline/train.py" and readable and owners != "* @OWNER\n"
    assert [".github/" in each for each in unowned] == ([] if free else [True])


def test_a_change_of_too_many_files_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a list of files that GitHub cut, so that an owned one may be missing."""
    texts = {OWNERS_FILE: "* @octo/ml\n", OWNERSHIP_FILE: "* owned @octo/ml\n"}
    monkeypatch.setattr(merge_problems, "file_at", lambda commit, file, root: texts[file])
    found = Fetched(head="0" * 40, changed=(), whole=False)
    assert owned_files(found, Mock(), Path())[1] == [
        "it changes more files than GitHub lists; split it"
    ]
