"""Attacks the Bento: code of the commit's folder that runs, and code that the image lacks."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.release.bento import build_bento
from gatehouse.release.machinery import CODE
from gatehouse.typed import parse_yaml, read_text

ROOT = Path(__file__).parents[5]


def test_no_module_of_the_commit_s_folder_runs(tmp_path: Path) -> None:
    """A module named as a library, in the folder from which BentoML is started."""
    pytest.importorskip("bentoml")
    folder = tmp_path / "commit"
    folder.mkdir()
    for name in ("bentoml", "click", "sitecustomize"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with pytest.raises(GatehouseError):  # there is nothing to build
        build_bento(Mock(folder=folder, commit="0" * 40, time=0), tmp_path / "bento")
    assert not (tmp_path / "ran").exists()


def test_the_image_holds_all_code_that_decides() -> None:
    """`src/gates` too: a column kind of a fork's own is needed where rows are answered."""
    included = parse_yaml(read_text(ROOT / "bentofile.yaml"), "bentofile.yaml")["include"]
    assert {f"{folder}/**/*.py" for folder in CODE} <= set(included)
    assert not any("pipeline" in pattern for pattern in included)
