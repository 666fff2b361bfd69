"""examples/digits runs the repository's own pipeline."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[4]
EXAMPLE = ROOT / "examples/digits"


def test_the_stages_are_those_of_the_repository() -> None:
    """Attacks a copy of dvc.yaml that falls behind."""
    wanted = runpy.run_path(str(EXAMPLE / "stages.py"))["stages"](
        (ROOT / "dvc.yaml").read_text(encoding="utf-8")
    )
    assert (EXAMPLE / "dvc.yaml").read_text(encoding="utf-8") == wanted, (
        "run `python stages.py` in examples/digits"
    )
