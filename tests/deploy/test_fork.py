"""Attacks the template as a fork gets it: what is still ours, and what points nowhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from gatehouse.release.promote import STAGING, image_of
from tests.deploy.objects import DEPLOY, load, problems

RUNBOOK = DEPLOY.parent / "docs/operations.md"


def texts(folder: Path) -> list[str]:
    """The text of every file below a folder."""
    return [file.read_text("utf-8") for file in folder.rglob("*") if file.is_file()]


APPLICATIONS = [file for file in sorted(DEPLOY.glob("argocd/*.yaml")) if file.stem != "project"]


@pytest.mark.parametrize("file", APPLICATIONS, ids=lambda file: file.stem)
def test_argo_cd_syncs_what_is_there(file: Path) -> None:
    """Attacks an Application that points to another folder, or deploys into another namespace."""
    (application,) = load(file)
    folder = DEPLOY.parent / application["spec"]["source"]["path"]
    (kustomization,) = load(folder / "kustomization.yaml")
    assert application["spec"]["destination"]["namespace"] == kustomization["namespace"]
    assert application["spec"]["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}
    assert application["metadata"]["name"] == f"model-{file.stem}"


def test_the_runbooks_command_fills_every_placeholder(tmp_path: Path) -> None:
    """The line of docs/operations.md, run on a copy: all names are then a fork's own."""
    if not any("OWNER/NAME" in text for text in texts(DEPLOY)):
        pytest.skip("this fork has filled the placeholders")
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
