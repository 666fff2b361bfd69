"""examples/digits runs the repository's own pipeline."""

from __future__ import annotations

import runpy
import shutil
from pathlib import Path

from dvc.repo import Repo

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


def test_a_gate_of_one_s_own_has_its_stage(tmp_path: Path) -> None:
    """Attacks stages of the example that know the built-in gates alone."""
    folder = Path(shutil.copytree(EXAMPLE, tmp_path / "digits"))
    policy = (folder / "policy.yaml").read_text("utf-8")
    (line,) = [line for line in policy.splitlines() if line.startswith("gates: {}")]
    own = 'gates: {ink: {object: "gates.ink:INK"}}'
    (folder / "policy.yaml").write_text(policy.replace(line, own), "utf-8")
    with Repo(str(folder), config={"core": {"no_scm": True}}) as repo:
        (stage,) = (each for each in repo.index.stages if each.addressing.endswith("own@ink"))
    assert stage.cmd == "gatehouse measure ink"
    assert "reports/fingerprints/own-ink.txt" in {dep.def_path for dep in stage.deps}
