"""Attacks a demo that begins with data it can tell no story of."""

from __future__ import annotations

from pathlib import Path

from gatehouse.git import git
from tests.gatehouse.conftest import Command
from tests.gatehouse.tiny import CONTRACT


def test_data_of_ones_own_is_refused(tmp_path: Path, gatehouse: Command) -> None:
    """One line and code 2, before anything is made; what is committed counts, as it is played."""
    (tmp_path / "contract.yaml").write_text(CONTRACT)
    git("init", "--quiet", root=tmp_path)
    git("add", "contract.yaml", root=tmp_path)
    author = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    git(*author, "commit", "--quiet", "--message", "Own data", root=tmp_path)
    (tmp_path / "contract.yaml").unlink()
    result = gatehouse("demo", "--folder", str(tmp_path / "demo"), cwd=tmp_path)
    assert result.exit_code == 2
    (line,) = result.output.splitlines()
    assert line.startswith("error: contract.yaml: is of 'tiny'")
    assert not (tmp_path / "demo").exists()
