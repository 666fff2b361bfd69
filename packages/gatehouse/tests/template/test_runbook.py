"""Attacks the runbook, docs/operations.md: commands that leave something out, alerts it lacks."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import yaml

from gatehouse.release.promote import STAGING, image_of
from tests.deploy.objects import DEPLOY, problems
from tests.deploy.watched import rules

RUNBOOK = Path(__file__).parents[2] / "docs/operations.md"


def texts(folder: Path) -> list[str]:
    """The text of every file below a folder."""
    return [file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()]


def test_the_runbooks_command_fills_every_placeholder(tmp_path: Path) -> None:
    """The line of docs/operations.md, run on a copy: all names are then a fork's own."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (block,) = re.findall(r"```sh\n( *repository=.*?)```", RUNBOOK.read_text("utf-8"), re.S)
    subprocess.run(["sh", "-eu", "-c", block], cwd=tmp_path, check=True)
    filled = texts(tmp_path / "deploy")
    assert len(filled) == len(texts(DEPLOY))
    assert not [text for text in filled if "OWNER" in text]
    assert image_of(tmp_path / STAGING).name == "ghcr.io/acme/credit"
    assert "github.com/Acme/Credit/" in (tmp_path / "deploy/admission/kyverno.yaml").read_text()


def test_flux_s_objects_fit_their_schemas() -> None:
    """Those in the runbook, which people copy from there."""
    section = RUNBOOK.read_text("utf-8").split("\n## Flux\n")[1]
    (block,) = re.findall(r"```yaml\n(.*?)```", section, re.S)
    objects = list(yaml.safe_load_all(block))
    assert problems(objects) == []
    assert (DEPLOY.parent / objects[1]["spec"]["path"] / "kustomization.yaml").is_file()


def test_every_alert_is_in_the_runbook() -> None:
    """Attacks alerts that wake someone up and don't say what to do."""
    runbook = RUNBOOK.read_text("utf-8")
    for rule in rules():
        assert f"### {rule['alert']}\n" in runbook
    headings = set(re.findall(r"^### (Model\w+)$", runbook, re.M))
    assert headings == {rule["alert"] for rule in rules()}
