"""docs/other-ci: files that are valid, and call nothing that does not exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

REPOSITORY = Path(__file__).parents[4]
OTHER_CI = REPOSITORY / "packages/gatehouse/docs/other-ci"
FILES = [".gitlab-ci.yml", "config.yml", "Jenkinsfile"]
CALL = re.compile(r"(?<![\w./$-])(make|\.venv/bin/gatehouse)(?= )([^'|&;}\n]*)")


def calls(name: str) -> list[list[str]]:
    """What a file runs of ours: `make ...` and `gatehouse ...`, comments left out."""
    text = re.sub(r"(?m)(^|\s)(#|//).*$", "", (OTHER_CI / name).read_text())
    # What a CI or a shell puts in is one word, whatever it is.
    text = re.sub(r'"?\$\(.*?\)"?|"\$\w+[^"\n]*"|\$\w+', "VALUE", text)
    return [[tool, *shlex.split(rest.split(", ")[0])] for tool, rest in CALL.findall(text)]


def gitlab() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((OTHER_CI / ".gitlab-ci.yml").read_text())
    return loaded


@cache
def options(command: str) -> set[str]:
    """The options that a gatehouse command's help names."""
    done = subprocess.run(
        [sys.executable, "-m", "gatehouse.cli", command, "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(re.findall(r"--[a-z-]+", done.stdout))


@pytest.mark.parametrize(
    ("schema", "name"), [("vendor.gitlab-ci", ".gitlab-ci.yml"), ("vendor.circle-ci", "config.yml")]
)
def test_the_file_is_one_that_the_ci_reads(schema: str, name: str) -> None:
    """Attacks a key that the CI does not know, or a value it refuses."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [str(checker), "--builtin-schema", schema, str(OTHER_CI / name)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", FILES)
def test_every_command_exists(name: str) -> None:
    """Attacks an example that calls a target, command or option which was renamed since."""
    found = calls(name)
    assert found
    for tool, *words in found:
        if tool == "make":
            done = subprocess.run(
                ["make", "--dry-run", *words],
                cwd=REPOSITORY, capture_output=True, text=True, check=False,
            )  # fmt: skip
            assert done.returncode == 0, f"make {words}: {done.stderr}"
        else:
            assert {word for word in words[1:] if word.startswith("--")} <= options(words[0])


def test_each_ci_checks_tests_runs_and_judges() -> None:
    """Attacks an example that leaves one of the four jobs out."""
    for name in FILES:
        called = [" ".join(words) for words in calls(name)]
        for wanted in ("make check", "make test", "make run BASE=VALUE"):
            assert wanted in called, f"{name}: {wanted} not in {called}"
        assert any(words[:2] == [".venv/bin/gatehouse", "judge-change"] for words in calls(name))


def test_the_judge_runs_the_target_branchs_code() -> None:
    """Attacks a judge that a merge request brings itself, or that finds its files in a checkout."""
    judge = gitlab()["judge"]
    assert judge["variables"]["GIT_STRATEGY"] == "empty"
    assert judge["when"] == "always"
    (taken,) = (line for line in judge["script"] if " checkout " in line)
    assert taken.endswith('"refs/remotes/origin/$CI_MERGE_REQUEST_TARGET_BRANCH_NAME"')
    assert judge["script"][-2].startswith('cd "$TRUSTED" && make ')


def test_only_the_comment_sees_the_token_and_it_runs_no_code_of_the_change() -> None:
    """Attacks a token that the merge request's own code could read."""
    jobs = {name: job for name, job in gitlab().items() if isinstance(job, dict)}
    with_token = {name for name, job in jobs.items() if "environment" in job}
    assert with_token == {"comment"}
    assert jobs["comment"]["variables"]["GIT_STRATEGY"] == "empty"
    assert jobs["comment"]["needs"] == ["judge"]


def test_cml_is_pinned_and_uploads_nothing() -> None:
    """Attacks a branch or tag that moves, and CML's default of sending files to a public server."""
    comment = gitlab()["comment"]
    assert re.fullmatch(r"[0-9a-f]{40}", comment["variables"]["CML"])
    assert "--publish=false" in comment["script"][-1]
    assert comment["variables"]["ITERATIVE_DO_NOT_TRACK"] == "1"
    assert any("npm ci" in line and "--ignore-scripts" in line for line in comment["script"])


def git(folder: Path, *words: str) -> str:
    """Git on this machine alone, as somebody."""
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    done = subprocess.run(
        ["git", *identity, "-C", str(folder), *words], capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@dataclass(frozen=True)
class Forge:
    """A repository on a server: main went on after a change had branched off.

    Attributes:
        url: where it is.
        target: main's tip, whose gatehouse says so.
        change: the change's head, which brings a gatehouse of its own, by the refs of each server.
    """

    url: str
    target: str
    change: str


INSTALL = """\
.venv/.installed-gates:
\tmkdir -p .venv/bin
\tcp gatehouse .venv/bin/gatehouse
\tchmod +x .venv/bin/gatehouse
"""


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    work, bare = tmp_path / "work", tmp_path / "bare.git"
    work.mkdir()
    git(work, "init", "--quiet", "--initial-branch=main")

    def commit(text: str) -> str:
        (work / "gatehouse").write_text(f'#!/bin/sh\necho "{text} $2"\n')
        (work / "Makefile").write_text(INSTALL)
        git(work, "add", ".")
        git(work, "commit", "--quiet", "--message", text)
        return git(work, "rev-parse", "HEAD")

    commit("first")
    git(work, "checkout", "--quiet", "-b", "change")
    change = commit("its own")
    git(work, "checkout", "--quiet", "main")
    target = commit("main's")
    git(tmp_path, "init", "--quiet", "--bare", str(bare))
    git(work, "push", "--quiet", str(bare), "main", f"{change}:refs/pull/1/head",
        f"{change}:refs/merge-requests/1/head", f"{change}:refs/heads/change")  # fmt: skip
    return Forge(bare.as_uri(), target, change)


def checked_out(forge: Forge, folder: Path, *refspecs: str) -> Path:
    """The change's head as a CI checks it out, with nothing fetched but `refspecs`."""
    git(folder.parent, "init", "--quiet", str(folder))
    git(folder, "remote", "add", "origin", forge.url)
    git(folder, "fetch", "--quiet", "--no-tags", "origin", *refspecs)
    git(folder, "checkout", "--quiet", "--detach", forge.change)
    return folder


def run_lines(lines: list[str], folder: Path, **variables: str) -> list[str]:
    """What the lines print; each is a shell of its own, as in a CI."""
    said = []
    for line in lines:
        done = subprocess.run(
            ["sh", "-e", "-c", line], cwd=folder, env=os.environ | variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{line}: {done.stderr}"
        said.append(done.stdout.strip())
    return said


def test_jenkins_judges_with_the_target_branch(forge: Forge, tmp_path: Path) -> None:
    """Attacks `origin/main`, which the plugin does not fetch where it builds the head alone."""
    workspace = checked_out(
        forge, tmp_path / "workspace", "+refs/pull/1/head:refs/remotes/origin/PR-1"
    )
    assert git(workspace, "for-each-ref", "--format=%(refname)") == "refs/remotes/origin/PR-1"
    text = (OTHER_CI / "Jenkinsfile").read_text()
    shells = re.findall(r"\bsh '(.*)'", text)
    (fetch,) = (line for line in shells if line.startswith("git fetch"))
    (run,) = (line for line in shells if line.startswith("make run"))
    judge = [line for line in shells if '"$WORKSPACE_TMP/' in line]
    assert text.count("fetchTarget()") == 3, "defined, and called where FETCH_HEAD is used"
    variables = {
        "CHANGE_TARGET": "main", "GIT_COMMIT": forge.change, "WORKSPACE": str(workspace),
        "WORKSPACE_TMP": str(tmp_path / "workspace@tmp"),
    }  # fmt: skip
    base = run.replace("make run BASE=", "echo ")
    *_, output = run_lines([fetch, base, *judge], workspace, **variables)
    assert run_lines([base], workspace, **variables) == [forge.target]
    assert output == f"main's {forge.change}"
    trusted = tmp_path / "workspace@tmp/trusted"
    assert git(trusted, "rev-parse", "HEAD") == forge.target
    assert git(trusted, "cat-file", "-t", forge.change) == "commit"


def test_circleci_judges_with_the_target_branch(forge: Forge, tmp_path: Path) -> None:
    """Attacks a judge that takes the change's own script, and red checks that do not block."""
    loaded = yaml.safe_load((OTHER_CI / "config.yml").read_text())
    *_, judging = loaded["workflows"]["gatehouse"]["jobs"]
    assert judging == {"judge": {"requires": ["check", "test", "pipeline"]}}
    project = checked_out(
        forge, tmp_path / "project", "+refs/pull/1/head:refs/remotes/origin/pull/1"
    )
    lines = [step["run"] for step in loaded["jobs"]["judge"]["steps"] if "run" in step]
    trusted = tmp_path / "trusted"
    moved = [line.replace("/tmp/trusted", str(trusted)) for line in lines]  # noqa: S108
    *_, output = run_lines(moved, project, BASE="main", CIRCLE_SHA1=forge.change)
    assert output == f"main's {forge.change}"
    assert git(trusted, "rev-parse", "HEAD") == forge.target
    assert git(trusted, "cat-file", "-t", forge.change) == "commit"


def test_gitlab_judges_with_the_target_branch(forge: Forge, tmp_path: Path) -> None:
    """Attacks a judge that finds the change's files where it works, and a base that is lost."""
    loaded = gitlab()
    project = checked_out(
        forge, tmp_path / "project", "+refs/merge-requests/1/head:refs/pipelines/1"
    )
    fetch, run = loaded["pipeline"]["script"]
    variables = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    base = run.replace("make run BASE=", "echo ")
    assert run_lines([fetch, base], project, **variables)[-1] == forge.target
    empty = tmp_path / "empty"
    empty.mkdir()
    variables |= {
        "CI_PROJECT_DIR": str(empty), "CI_BUILDS_DIR": str(tmp_path), "CI_COMMIT_SHA": forge.change,
        "CI_REPOSITORY_URL": forge.url, "TRUSTED": str(tmp_path / "trusted-1"),
    }  # fmt: skip
    (output,) = run_lines(["\n".join(loaded["judge"]["script"])], empty, **variables)
    assert output == f"main's {forge.change}"
    assert git(tmp_path / "trusted-1", "cat-file", "-t", forge.change) == "commit"


def test_gitlab_caches_packages_for_the_change_s_own_jobs_alone() -> None:
    """Attacks the judge by a cache that a change's code has filled."""
    loaded = gitlab()
    taking = {name for name, job in loaded.items() if "extends" in job and name != "stages"}
    assert taking == {"check", "test", "pipeline"}
    assert loaded["judge"]["cache"] == loaded["comment"]["cache"] == []
    assert "cache" not in loaded["default"]
