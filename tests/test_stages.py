"""dvc.yaml: a pipeline that makes the gates' inputs, and runs again when its code changes."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo
from gatehouse.digest import PREPARED
from gatehouse.evidence import evidence_path
from gatehouse.fingerprint.stages import FINGERPRINTS, fingerprint_path, write_fingerprints
from gatehouse.lock.resolve import GENERATED
from gatehouse.pipeline.settings import PARAMS_FILE, load_settings
from gatehouse.pipeline.trainer import find_trainer
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.run import CARD
from gatehouse.source import find_source
from gatehouse.table import RAW
from gatehouse.typed import parse_yaml, read_text
from gatehouse.workspace import EVIDENCE, MODEL, MODEL_FP32

ROOT = Path(__file__).parents[1]

FIRST = "fingerprints"
"""The stage that writes the fingerprints of the others."""


@pytest.fixture(scope="module")
def stages() -> list[Any]:
    """Return the stages of dvc.yaml as DVC reads them; DVC refuses an invalid file."""
    with Repo(str(ROOT), config={"core": {"no_scm": True}}) as repo:
        return [stage for stage in repo.index.stages if stage.path_in_repo == "dvc.yaml"]


def paths(stage: Any, kind: str) -> set[str]:
    """Return the files of a stage (`deps` or `outs`), without settings."""
    found = [each for each in getattr(stage, kind) if not isinstance(each, ParamsDependency)]
    return {Path(each.def_path).as_posix() for each in found}


def test_the_stages_write_what_is_judged(stages: list[Any]) -> None:
    """Attacks a removed stage, or a renamed output: the gates would find nothing."""
    gates = load_policy(ROOT / POLICY_FILE).gate_names
    evidence = [evidence_path(EVIDENCE, gate) for gate in gates]
    wanted = {path.as_posix() for path in (RAW, PREPARED, MODEL_FP32, MODEL, CARD, *evidence)}
    written = set().union(*(paths(stage, "outs") for stage in stages))
    assert wanted <= written, f"dvc.yaml: no stage writes {', '.join(sorted(wanted - written))}"


def test_every_stage_depends_on_its_own_code(stages: list[Any], tmp_path: Path) -> None:
    """Attacks a stage that ignores a change of its modules, or reruns for another stage's code."""
    for stage in stages:
        named = {path for path in paths(stage, "deps") if path.startswith(f"{FINGERPRINTS}/")}
        wanted = {fingerprint_path(stage.name).as_posix()} - {fingerprint_path(FIRST).as_posix()}
        assert named == wanted, f"dvc.yaml: {stage.name}: its fingerprint is {wanted or 'nothing'}"
    for file in ("dvc.yaml", "params.yaml", "policy.yaml", "contract.yaml", "requirements"):
        (tmp_path / file).symlink_to(ROOT / file)
    write_fingerprints(tmp_path)
    settings = load_settings(ROOT / PARAMS_FILE)
    train = find_trainer(settings.train.trainer).train
    read = find_source(settings.data.source).read
    for code, made in ((train, MODEL_FP32), (read, RAW)):
        (stage,) = [each for each in stages if made.as_posix() in paths(each, "outs")]
        lines = read_text(tmp_path / fingerprint_path(stage.name)).splitlines()
        assert code.__module__ in [line.split()[0] for line in lines]


def test_every_setting_that_a_stage_names_is_there(stages: list[Any]) -> None:
    """Attacks a section that was renamed in params.yaml or policy.yaml but not in dvc.yaml."""
    lost = []
    for stage in stages:
        for each in stage.deps:
            if isinstance(each, ParamsDependency):
                file = Path(each.def_path)
                settings = parse_yaml(read_text(ROOT / file), file)
                lost += [
                    f"{stage.name}: {file} has no {key}"
                    for key in each.params
                    if not _has(settings, key.split("."))
                ]
    assert lost == []


def _has(settings: Any, parts: list[str]) -> bool:
    for part in parts:
        if not isinstance(settings, dict) or part not in settings:
            return False
        settings = settings[part]
    return True


def test_every_stage_keeps_its_folder_off_the_path(stages: list[Any]) -> None:
    """Attacks a stage that imports a local file, such as json.py, instead of a library's module."""
    for stage in stages:
        words = str(stage.cmd).split()
        safe = not words[0].startswith("python") or words[1] == "-P"
        assert safe, f"dvc.yaml: write python -P in the cmd of {stage.name}"


def test_every_file_that_a_run_writes_is_marked_as_generated() -> None:
    """Attacks a new report that Git would merge line by line."""
    written = {"reports/verdict.json", "reports/report.md", "reports/base.json"}
    for stage in parse_yaml(read_text(ROOT / "dvc.yaml"), "dvc.yaml")["stages"].values():
        outs = [out for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
        # An output with options is a map, and stays in Git.
        written.update(*(out for out in outs if isinstance(out, dict)))
    written -= {PREPARED.as_posix(), FINGERPRINTS.as_posix()}  # ignored by Git and DVC
    inside = {f"{path}/x": path for path in written} | {path: path for path in written}
    output = subprocess.run(
        ["git", "check-attr", GENERATED, "--", *inside, "reports/README.md"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    marked = [line.split(": ")[0] for line in output if line.endswith(": set")]
    assert "reports/README.md" not in marked
    lost = sorted(written - {inside[path] for path in marked})
    assert lost == [], f".gitattributes: mark these as {GENERATED}, as the others are"
