"""From a merge to an image that staging may run, with the workflow run for real."""

from __future__ import annotations

import os
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from gatehouse.release.promote import PRODUCTION, STAGING
from tests.release.base import base_image
from tests.release.chain import PASSWORD, Chain, make_keys
from tests.release.needed import need_tools
from tests.release.registry import Registry
from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.world import World

WORKFLOW = ".github/workflows/release.yml"
PAYLOAD: dict[str, Any] = {"repository": {"default_branch": "main", "visibility": "public"}}
SCAN = ".venv/bin/pip-audit"
LOG_IN = ".github/actions/log-in/action.yml"
DIGEST = "sha256:" + "1" * 64
# Stand-ins for what two scripts call: a key whose public part is its name, and a registry that
# writes down who came.
COSIGN = '#!/bin/sh\n[ -n "$COSIGN_PRIVATE_KEY" ] && echo "public part of $COSIGN_PRIVATE_KEY"\n'
SKOPEO = '#!/bin/sh\n{ echo "$*"; cat; } >"$LOGINS"\n'


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


@pytest.mark.slow
@pytest.mark.parametrize("fork", ["world", "slim_world"])
def test_what_merged_is_released(
    fork: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Judged, built, pushed, signed, registered, proposed for staging, and then for production."""
    need_tools()
    world: World = request.getfixturevalue(fork)
    # The scan asks a service for known vulnerabilities, and their answer is no affair of a test.
    world.author.replace(WORKFLOW, SCAN, "true")
    world.author.commit("No scan")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    keys = make_keys(tmp_path / "keys")
    with Registry(tmp_path / "registry") as registry:
        chain = Chain(world.author, registry, keys)
        variables = {
            "REGISTRY_USER": registry.user,
            "COSIGN_PUBLIC_KEY": (keys / "cosign.pub").read_text(),
        }
        password = {"REGISTRY_PASSWORD": registry.password}
        result = world.act.run(
            "release.yml",
            "workflow_dispatch",
            PAYLOAD,
            run_id=7,
            variables=variables
            | {
                "IMAGE": chain.name,
                "BASE_IMAGE": base_image(tmp_path_factory),
            },
            secrets=password
            | {
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
        tags = git("for-each-ref", "--format=%(refname:short) %(contents:subject)", "refs/tags")
        assert tags == f"model@v0.0.1 {image}"
        assert git("rev-parse", "model@v0.0.1^{commit}") == git("rev-parse", "main")
        (pull,) = world.github.state.pulls.values()
        assert (pull.head_branch, pull.base_branch) == ("release-7-1", "main")
        assert git("diff", "--name-only", "main", "release-7-1").split() == [str(STAGING)]
        assert f"digest: {image.partition('@')[2]}" in git("show", f"release-7-1:{STAGING}")
        # Merged, it is promoted: the job verifies the image anew.
        git("update-ref", "refs/heads/main", "refs/heads/release-7-1")
        result = world.act.run(
            "promote.yml",
            "workflow_dispatch",
            PAYLOAD,
            run_id=8,
            variables=variables,
            secrets=password,
            environment=settings(world, registry, tmp_path),
        )
        assert result.code == 0, result.log[-6000:]
        assert f"{image}: verified" in result.job("copy").step("Verify").output
        assert f"digest: {image.partition('@')[2]}" in git("show", f"promote-8-1:{PRODUCTION}")


def test_without_a_recorded_model_nothing_is_released(world: World) -> None:
    """A fork's first push, before any pull request brought a model: no failure, and no release."""
    world.author.run("git", "rm", "--quiet", "dvc.lock")
    world.author.commit("No model")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    result = world.act.run("release.yml", "workflow_dispatch", PAYLOAD)
    assert (result.code, result.results) == (0, {"plan": "success"}), result.log[-3000:]
    assert "no pull request has brought a model yet" in result.summary


@pytest.mark.parametrize("ref", ["refs/heads/change", "refs/tags/main"])
def test_only_the_default_branch_is_released(world: World, ref: str) -> None:
    """Started by hand on another branch, or on a tag with main's name, it does nothing."""
    head = world.author.run("git", "rev-parse", "HEAD").strip()
    result = world.act.run("release.yml", "workflow_dispatch", PAYLOAD, sha=head, ref=ref)
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
    # One fetches bytes for the next job, and opens none of them.
    assert signing == ["fetch", "publish"]
    assert pushing == ["publish"]
    assert os.fspath(STAGING) in jobs["propose"]["steps"][-1]["with"]["files"]


def scripted(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script in the new `folder`, with stand-ins for what it calls."""
    tools = {"bin/cosign": COSIGN, "bin/skopeo": SKOPEO}
    tools[".venv/bin/python"] = f"#!/bin/sh\necho {DIGEST}\n"
    for name, text in tools.items():
        tool = folder / name
        tool.parent.mkdir(parents=True, exist_ok=True)
        tool.write_text(text)
        tool.chmod(0o755)
    environment = {
        "PATH": f"{folder / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(folder),
        "RUNNER_TEMP": str(folder),
        "GITHUB_ENV": str(folder / "environment"),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_REPOSITORY": "Octo/Credit",
        "GITHUB_ACTOR": "ada",
        "LOGINS": str(folder / "logins"),
    }
    words = ["bash", "-e", "-c", script]
    return subprocess.run(
        words, cwd=folder, env=environment | variables, capture_output=True, text=True, check=False
    )


def step(name: str) -> Any:
    """A step of the job that publishes."""
    steps = load(REPOSITORY / WORKFLOW)["jobs"]["publish"]["steps"]
    (found,) = (each for each in steps if each["name"] == name)
    return found


CHECK = "Check that it fits this commit"
SETTLE = "Settle what is pushed, and who signs it"


@pytest.mark.parametrize(
    ("given", "image"),
    [("", "ghcr.io/octo/credit"), ("registry.test:5000/a/b", "registry.test:5000/a/b")],
)
def test_the_image_s_name(given: str, image: str, tmp_path: Path) -> None:
    """Of the repository, in lower case as registries want it, where the variable is empty."""
    keys = {"COSIGN_PUBLIC_KEY": "", "COSIGN_PRIVATE_KEY": ""}
    done = scripted(step(SETTLE)["run"], tmp_path, NAME=given, **keys)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "environment").read_text() == f"IMAGE={image}\n"
    assert (tmp_path / "output").read_text() == f"digest={DIGEST}\n"
    assert not (tmp_path / "cosign.pub").exists(), "keyless"


@pytest.mark.parametrize(
    ("public", "private", "message"),
    [
        ("public part of mine", "mine", ""),
        ("public part of mine\r\n", "mine", ""),
        ("public part of mine", "", "COSIGN_PASSWORD is missing"),
        ("public part of mine", "another", "is not the public part"),
        ("", "mine", "no variable COSIGN_PUBLIC_KEY"),
    ],
    ids=["both", "pasted into a browser", "secret lost", "another key", "variable lost"],
)
def test_a_lost_key_does_not_turn_a_release_keyless(
    public: str, private: str, message: str, tmp_path: Path
) -> None:
    """Attacks a release that would go into a public log because a secret is missing."""
    keys = {"COSIGN_PUBLIC_KEY": public, "COSIGN_PRIVATE_KEY": private}
    done = scripted(step(SETTLE)["run"], tmp_path, NAME="", **keys)
    assert (done.returncode == 0, message in done.stdout) == (not message, True), done
    assert (tmp_path / "cosign.pub").exists() == (not message)


@pytest.mark.parametrize(
    ("image", "user", "password", "message"),
    [
        ("ghcr.io/octo/credit", "", "", "--username ada --password-stdin ghcr.io\nthe token\n"),
        ("ghcr.io/octo/credit", "bot", "own", "--username bot --password-stdin ghcr.io\nown\n"),
        ("registry.test:5000/a/b", "bot", "own",
         "--username bot --password-stdin registry.test:5000\nown\n"),
        ("registry.test:5000/a/b", "bot", "", None),
        ("registry.test:5000/a/b", "", "own", None),
        ("ghcr.io.evil.test/a/b", "", "", None),
    ],
)  # fmt: skip
def test_no_other_registry_gets_github_s_token(
    image: str, user: str, password: str, message: str | None, tmp_path: Path
) -> None:
    """Attacks a secret that is not set: what to set is said, and nobody is logged in."""
    (script,) = (each["run"] for each in load(REPOSITORY / LOG_IN)["runs"]["steps"])
    given = {"IMAGE": image, "USERNAME": user, "PASSWORD": password, "TOKEN": "the token"}
    done = scripted(script, tmp_path, **given)
    logins = tmp_path / "logins"
    if message is None:
        assert (done.returncode, logins.exists()) == (1, False)
        assert "REGISTRY_USER" in done.stdout
        assert "REGISTRY_PASSWORD" in done.stdout
    else:
        assert done.returncode == 0, done.stderr
        assert logins.read_text().endswith(message)


def test_the_provenance_is_stored_where_github_can_and_before_the_push() -> None:
    """Attacks a release that ends red with its image pushed, and a private one made public."""
    names = [each["name"] for each in load(REPOSITORY / WORKFLOW)["jobs"]["publish"]["steps"]]
    storing, pushing = "Store the provenance at GitHub", "Push, sign, attest, and verify"
    assert names.index(SETTLE) < names.index(storing) < names.index(pushing)
    assert set(step(storing)["if"].split(" && ")) == {
        "github.event.repository.visibility == 'public'",
        "vars.COSIGN_PUBLIC_KEY == ''",
    }


def test_what_is_signed_was_checked_before() -> None:
    """Attacks a build that was taken over: nothing of it is signed, stored or pushed unchecked."""
    steps = load(REPOSITORY / WORKFLOW)["jobs"]["publish"]["steps"]
    names = [each["name"] for each in steps]
    assert step(CHECK)["run"] == ".venv/bin/gatehouse image check"
    assert {"if", "continue-on-error"}.isdisjoint(step(CHECK))
    taken = names.index("Take the image")
    # Before it, nothing but the checkout, tools and the artifact; after it, all the rest.
    assert names[taken + 1] == CHECK
    assert {"Log in", "Store the provenance at GitHub"} <= set(names[taken + 2 :])
    assert not any("secrets." in str(each) for each in steps[: taken + 2])


def test_whatever_an_image_is_made_of_starts_a_release() -> None:
    """Attacks a change of the image's content that stays unreleased."""
    paths = load(REPOSITORY / WORKFLOW)["on"]["push"]["paths"]
    bento = load(REPOSITORY / "bentofile.yaml")
    # What DVC keeps, and what is written while it is judged: by these it changes.
    made = {
        "models/model.int8.onnx": "dvc.lock",
        "reports/model_card.md": "model_card.yaml",
        "reports/verdict.json": "policy.yaml",
    }
    parts = [*bento["include"], bento["python"]["requirements_txt"], "bentofile.yaml"]
    for part in parts:
        name = made.get(part, part)
        assert any(fnmatch(name, path) for path in paths), part
    assert {*made.values()} <= {*paths}
