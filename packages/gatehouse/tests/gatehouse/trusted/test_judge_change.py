"""Attacks the judge of another CI: it takes plain files of known names, and runs none of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.conftest import Command
from tests.gatehouse.repository import Repository

LIBRARY = Path(__file__).parents[3]
GITLAB = LIBRARY / "docs/other-ci/.gitlab-ci.yml"
INSTALL = f"""\
.venv/.installed-gates:
\tmkdir -p .venv/bin
\tprintf '#!/bin/sh\\nexec "{sys.executable}" -m gatehouse.cli "$$@"\\n' >.venv/bin/gatehouse
\tchmod +x .venv/bin/gatehouse
"""
"""A Makefile that installs no packages: the library of these tests judges."""


@pytest.fixture
def files(repository: Repository, tmp_path: Path) -> Path:
    """What the run of main made, as a CI hands it on; the checkout has none of it."""
    folder = tmp_path / "candidate"
    for place in ("data/raw", "models"):
        shutil.copytree(repository.root / place, folder / place)
        shutil.rmtree(repository.root / place)
    return folder


def changed(repository: Repository, **texts: str) -> str:
    """A commit on a branch, with main checked out again."""
    repository.git("checkout", "-q", "-b", "change")
    for name, text in texts.items():
        with (repository.root / f"{name}.yaml").open("a") as stream:
            stream.write(text)
    commit = repository.commit()
    repository.git("checkout", "-q", "main")
    return commit


def test_the_base_s_policy_judges_what_the_commit_brings(
    repository: Repository, files: Path, tmp_path: Path, gatehouse: Command
) -> None:
    """Attacks a change that proposes a softer policy; the checkout stays as it was."""
    commit = changed(repository, policy="# softer\n")
    before = repository.state()
    out = tmp_path / "out"
    done = gatehouse("judge-change", commit, str(files), str(out), cwd=repository.root)
    verdict = Verdict.read(out / "verdict.json")
    assert done.exit_code == (0 if verdict.outcome is Outcome.PASS else 1), done.output
    assert not verdict.errors, verdict.errors
    base = repository.git("rev-parse", "--short=12", "main").strip()
    assert verdict.policy_from == f"policy.yaml of HEAD ({base})"
    assert verdict.base is not None
    assert (out / "report.md").read_text().startswith("## ")
    assert (out / "verdict.svg").exists()
    assert repository.state() == before
    assert not (repository.root / ".gatehouse/candidate").exists()


def test_a_file_that_is_missing_or_a_link_is_no_pass(
    repository: Repository, files: Path, tmp_path: Path, gatehouse: Command
) -> None:
    """Attacks a model that is a link to a file of the judging machine, and names beside it."""
    model = files / "models/model.int8.onnx"
    model.rename(tmp_path / "elsewhere")
    model.symlink_to(tmp_path / "elsewhere")
    (files / "models/evil.py").write_text("")
    out = tmp_path / "out"
    done = gatehouse("judge-change", "HEAD", str(files), str(out), cwd=repository.root)
    assert done.exit_code == 1, done.output
    output = json.loads((out / "verdict.json").read_text())
    assert output["outcome"] == "fail"
    assert "models/model.int8.onnx" in json.dumps(output["errors"])


@pytest.mark.parametrize("place", ["data", "data/raw", "models"])
def test_a_folder_that_is_a_link_is_refused(
    repository: Repository, files: Path, tmp_path: Path, gatehouse: Command, place: str
) -> None:
    """Attacks a folder whose files would be those of another one."""
    (files / place).rename(files / "elsewhere")
    (files / place).symlink_to(files / "elsewhere")
    out = tmp_path / "out"
    done = gatehouse("judge-change", "HEAD", str(files), str(out), cwd=repository.root)
    assert done.exit_code == 2
    assert f"{place}: is a link" in done.output
    assert not out.exists()


def test_a_commit_that_is_not_here_is_an_error(
    repository: Repository, files: Path, tmp_path: Path, gatehouse: Command
) -> None:
    """Attacks a checkout that has not fetched the change."""
    words = ("judge-change", "0" * 40, str(files), str(tmp_path / "out"))
    assert gatehouse(*words, cwd=repository.root).exit_code == 2


@pytest.mark.slow
def test_gitlab_s_lines_judge_a_real_change(
    repository: Repository, files: Path, tmp_path: Path
) -> None:
    """Attacks lines of docs/other-ci that each work, and lose the base's data or the verdict."""
    (repository.root / "Makefile").write_text(INSTALL)
    repository.dvc("remote", "add", "--default", "storage", str(tmp_path / "storage"))
    target = repository.commit("a remote")
    repository.dvc("push", "--quiet")
    commit = changed(repository, policy="# softer\n")
    bare = tmp_path / "bare.git"
    repository.git("init", "--quiet", "--bare", str(bare))
    repository.git("push", "--quiet", str(bare), "main", f"{commit}:refs/merge-requests/1/head")
    trusted = tmp_path / "trusted-1"
    variables = {
        "CI_PROJECT_DIR": str(files), "CI_BUILDS_DIR": str(tmp_path), "CI_COMMIT_SHA": commit,
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "CI_REPOSITORY_URL": bare.as_uri(),
        "TRUSTED": str(trusted),
    }  # fmt: skip
    script = "\n".join(yaml.safe_load(GITLAB.read_text())["judge"]["script"])
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=files, env=os.environ | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    verdict = Verdict.read(files / "judged/verdict.json")
    assert done.returncode == (0 if verdict.outcome is Outcome.PASS else 1), done.stderr
    assert not verdict.errors, verdict.errors
    assert verdict.base is not None
    assert verdict.policy_from == f"policy.yaml of HEAD ({target[:12]})"
    report = (files / "judged/report.md").read_text()
    assert report.startswith("## ")
    assert "policy.yaml" in report, "the change proposes another policy"
    assert sorted(path.name for path in (files / "judged").iterdir()) == [
        "report.md", "verdict.json", "verdict.svg",
    ]  # fmt: skip
