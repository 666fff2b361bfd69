"""Attacks Argo CD's Applications that point nowhere, or deploy where another one does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.objects import DEPLOY, load

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
