"""Attacks the way from staging to production, with the workflow run for real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gatehouse.release.promote import PRODUCTION, Image, parse_image, stage
from tests.deploy.objects import as_template
from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.results import Result
from tests.workflows.world import World

WORKFLOW = ".github/workflows/promote.yml"
NAME = "registry.test:5000/octo/credit"
VERIFY = ".venv/bin/gatehouse image verify"
PAYLOAD = {"repository": {"default_branch": "main"}}
# cosign's answer to an image that nobody signed.
UNSIGNED = """\
#!/bin/sh
case $1 in verify*) echo "no signatures found" >&2; exit 10 ;; esac
"""


@pytest.fixture(autouse=True)
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand-ins on the runner: a registry that lets everybody in, and no image is signed."""
    folder = tmp_path / "tools"
    for name, text in {"skopeo": "#!/bin/sh\n", "cosign": UNSIGNED}.items():
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def release(world: World, digit: str) -> Image:
    """What release.yml leaves on main: the digest of a new image in staging's overlay."""
    image = parse_image(f"{NAME}@sha256:{digit * 64}")
    stage(image, world.author.root)
    world.author.commit("Release")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    return image


def promote(world: World, run_id: int = 7, ref: str = "refs/heads/main") -> Result:
    return world.act.run(
        "promote.yml",
        "workflow_dispatch",
        PAYLOAD,
        run_id=run_id,
        ref=ref,
        variables={"REGISTRY_USER": "ci"},
        secrets={"REGISTRY_PASSWORD": "open sesame"},  # pragma: allowlist secret
    )


def changed(world: World, branch: str) -> list[str]:
    git = world.github.git.git
    assert git("diff", "--name-only", "main", branch).split() == [str(PRODUCTION)]
    lines = git("diff", "--unified=0", "main", branch).splitlines()
    return [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]


def test_the_digest_becomes_a_pull_request(world: World) -> None:
    """Its one line and nothing else, told in words; and again after the next release.

    That a signed image is verified is shown where there is one: tests/workflows/test_release.py.
    """
    world.author.replace(WORKFLOW, VERIFY, "echo verified")
    first = release(world, "1")
    result = promote(world)
    assert result.code == 0, result.log[-6000:]
    assert result.results == {"copy": "success", "propose": "success"}
    (pull,) = world.github.state.pulls.values()
    assert (pull.head_branch, pull.base_branch) == ("promote-7-1", "main")
    assert changed(world, "promote-7-1")[-2:] == [
        f"+    newName: {first.name}",
        f"+    digest: {first.digest}",
    ]
    (made,) = (
        call
        for call in world.github.state.calls
        if (call.method, call.path[-6:]) == ("POST", "/pulls")
    )
    assert f"-> {first}\n```" in made.body["body"]
    world.github.git.git("update-ref", "refs/heads/main", "refs/heads/promote-7-1")
    world.author.run("git", "pull", "--quiet", "--ff-only", "origin", "main")

    second = release(world, "2")
    assert promote(world, 8).code == 0
    assert changed(world, "promote-8-1") == [
        f"-    digest: {first.digest}",
        f"+    digest: {second.digest}",
    ]


def test_what_is_not_verified_is_not_proposed(world: World) -> None:
    """Attacks a digest that somebody wrote into staging by hand, of an image that nobody signed."""
    image = release(world, "1")
    result = promote(world)
    assert result.results == {"copy": "failure"}, result.log[-6000:]
    assert f"refused: could not verify the signature of {image}" in (
        result.job("copy").step("Verify").output
    )
    assert world.github.state.pulls == {}


@pytest.mark.parametrize("ref", ["refs/heads/change", "refs/tags/main"])
def test_only_the_default_branch_is_promoted(world: World, ref: str) -> None:
    """Attacks a branch whose staging nobody approved, and whose code would have the password."""
    assert promote(world, ref=ref).results == {}
    jobs = load(REPOSITORY / WORKFLOW)["jobs"]
    assert jobs["copy"]["environment"] == {"name": "gates", "deployment": False}


def test_nothing_to_promote_opens_nothing(world: World) -> None:
    """Before the first release the run fails and says why; later, equal digests are no failure."""
    as_template(world.author.root)
    world.author.commit("As the template")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    result = promote(world)
    assert result.code != 0
    assert "nothing was released" in result.jobs["copy"].step("Copy").output
    release(world, "1")
    world.author.gatehouse("promote")
    world.author.commit("Promote")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    result = promote(world, 8)
    assert result.code == 0, result.log[-6000:]
    assert "nothing to do" in result.summary
    assert world.github.state.pulls == {}


def test_the_job_that_may_write_runs_no_code_of_the_repository() -> None:
    """Attacks a step that would run what was checked out, beside a writing token."""
    jobs = load(REPOSITORY / WORKFLOW)["jobs"]
    assert set(jobs["copy"]["permissions"].values()) == {"read"}
    no_code_of_the_repository(jobs["propose"])
