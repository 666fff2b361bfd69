"""From a merge to an image that staging may run, with the workflow run for real."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from gatehouse.release.promote import STAGING
from tests.release.chain import PASSWORD, Chain, make_keys
from tests.release.needed import need_tools
from tests.release.registry import Registry
from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.world import World

WORKFLOW = ".github/workflows/release.yml"
PAYLOAD: dict[str, Any] = {"repository": {"default_branch": "main"}}
SCAN = ".venv/bin/pip-audit"


def cache_of_uv() -> str:
    """Where this machine's uv keeps packages, which a runner's home has none of."""
    words = [sys.executable, "-m", "uv", "cache", "dir"]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()


def settings(world: World, registry: Registry, folder: Path) -> dict[str, str]:
    """A runner's environment: the registry is trusted, and the origin is where github.com is."""
    origin = world.github.origin.as_uri()
    address = f"https://github.com/{world.github.full_name}.git"
    (folder / "gitconfig").write_text(f'[url "{origin}"]\n\tinsteadOf = {address}\n')
    return {
        "SSL_CERT_FILE": registry.variables["SSL_CERT_FILE"],
        "GIT_CONFIG_GLOBAL": str(folder / "gitconfig"),
        "UV_CACHE_DIR": cache_of_uv(),
    }


def test_what_merged_is_released(world: World, tmp_path: Path) -> None:
    """Judged, built, pushed, signed, registered, and proposed for staging by its digest."""
    need_tools()
    # The scan asks a service for known vulnerabilities, and their answer is no affair of a test.
    world.author.replace(WORKFLOW, SCAN, "true")
    world.author.commit("No scan")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    world.author.gatehouse("image", "base")
    keys = make_keys(tmp_path / "keys")
    with Registry(tmp_path / "registry") as registry:
        chain = Chain(world.author, registry, keys)
        result = world.act.run(
            "release.yml",
            "workflow_dispatch",
            PAYLOAD,
            run_id=7,
            variables={
                "IMAGE": chain.name,
                "REGISTRY_USER": registry.user,
                "BASE_IMAGE": f"oci:{world.author.root}/.gatehouse/base-image",
            },
            secrets={
                "REGISTRY_PASSWORD": registry.password,
                "COSIGN_PRIVATE_KEY": (keys / "cosign.key").read_text(),
                "COSIGN_PASSWORD": PASSWORD,
            },
            environment=settings(world, registry, tmp_path),
            timeout=900,
        )
        assert result.code == 0, result.log[-6000:]
        jobs = ("plan", "build", "publish", "register", "propose")
        assert result.results == dict.fromkeys(jobs, "success")
        image = result.job("publish").step("Push, sign, attest, and verify").outputs["image"]
        said = chain.gatehouse("image", "verify", image, "--key", chain.public)
        assert f"{image}: verified" in said
    git = world.github.git.git
    assert git("for-each-ref", "--format=%(refname:short) %(contents:subject)", "refs/tags") == (
        f"model@v0.0.1 {image}"
    )
    assert git("rev-parse", "model@v0.0.1^{commit}") == git("rev-parse", "main")
    (pull,) = world.github.state.pulls.values()
    assert (pull.head_branch, pull.base_branch) == ("release-7-1", "main")
    assert git("diff", "--name-only", "main", "release-7-1").split() == [str(STAGING)]
    assert f"digest: {image.partition('@')[2]}" in git("show", f"release-7-1:{STAGING}")


def test_without_a_recorded_model_nothing_is_released(world: World) -> None:
    """A fork's first push, before any pull request brought a model: no failure, and no release."""
    world.author.run("git", "rm", "--quiet", "dvc.lock")
    world.author.commit("No model")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    result = world.act.run("release.yml", "workflow_dispatch", PAYLOAD)
    assert (result.code, result.results) == (0, {"plan": "success"}), result.log[-3000:]
    assert "no pull request has brought a model yet" in result.summary


def test_only_the_default_branch_is_released(world: World) -> None:
    """Started by hand on another branch, it does nothing."""
    head = world.author.run("git", "rev-parse", "HEAD").strip()
    result = world.act.run(
        "release.yml", "workflow_dispatch", PAYLOAD, sha=head, ref="refs/heads/change"
    )
    assert result.code == 0
    assert "success" not in result.results.values()


def test_who_may_write_what() -> None:
    """The job that measures and builds can write nothing; the one that opens pull requests runs no
    code of the repository; one job alone may sign and push."""
    jobs = load(REPOSITORY / WORKFLOW)["jobs"]
    assert "write" not in jobs["build"]["permissions"].values()
    no_code_of_the_repository(jobs["propose"])
    signing = [name for name, job in jobs.items() if "id-token" in job["permissions"]]
    pushing = [name for name, job in jobs.items() if "packages" in job["permissions"]]
    assert signing == pushing == ["publish"]
    assert os.fspath(STAGING) in jobs["propose"]["steps"][-1]["with"]["files"]
