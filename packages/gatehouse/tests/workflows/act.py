"""Runs workflows for real, on this machine and with no network, by act.

What a job needs of the world outside is stood in for: GitHub's API by tests/github, third-party
actions by tests/workflows/actions, the remote repository by a bare one in a folder.

    act = Act(tmp_path, github)
    result = act.run("pull-request.yml", "pull_request", github.pull_request_event(3), sha=head)
    assert result.results == {"checks": "success", ...}
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil

from tests.github.api import GitHub
from tests.github.needed import missing
from tests.shared import LEAN
from tests.workflows import results
from tests.workflows.definitions import uses_of
from tests.workflows.rewriting import grants_by_job, secret_of, with_tokens_of_jobs

HERE = Path(__file__).parent
ACTIONS = HERE / "actions"
PROGRAMS = HERE / "programs"
"""What GitHub's runners have installed, and this machine may not."""
# A token that is granted nothing, for what asks for one without a job's permissions.
# Long, so that masking it covers nothing else in the log.
BARE_TOKEN = "ghs_" + 36 * "0"
LABELS = ("ubuntu-24.04", "gpu")


def act_binary() -> str:
    """Where act is; the test is skipped where it, or node, is not."""
    beside = Path(sys.executable).with_name("act")
    found = str(beside) if beside.exists() else shutil.which("act")
    if found is None:
        missing("act (make .venv/.installed-dev)")
    if shutil.which("node") is None or shutil.which("npm") is None:
        missing("node and npm")
    return found


class Act:
    """Runs workflows of one repository.

    Args:
        folder: for the run's scratch: clones, caches, home.
        github: the stand-in for GitHub, with the repository.
        labels: the runners there are; each is this machine.
    """

    def __init__(self, folder: Path, github: GitHub, labels: tuple[str, ...] = LABELS) -> None:
        self.folder = folder / "act"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.github = github
        self.labels = labels
        self._count = itertools.count(1)

    def run(
        self,
        workflow: str,
        event: str,
        payload: Mapping[str, Any],
        *,
        sha: str | None = None,
        ref: str = "refs/heads/main",
        run_id: int = 1,
        actor: str = "ada",
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        inputs: Mapping[str, str] | None = None,
        fork: bool = False,
        timeout: float = 240,
    ) -> results.Result:
        """Run a workflow to its end.

        Args:
            workflow: the file's name in .github/workflows.
            event: such as pull_request.
            payload: the webhook's payload.
            sha: the commit whose workflow runs, and GITHUB_SHA; the tip of main if not given.
            ref: GITHUB_REF.
            run_id: GITHUB_RUN_ID, under which artifacts are kept.
            actor: GITHUB_ACTOR.
            variables: the repository's variables (`vars`).
            secrets: beside the jobs' tokens.
            environment: more variables of the environment for all steps.
            inputs: of workflow_dispatch.
            fork: as for a fork's pull request: no secrets, no variables, tokens only read.
            timeout: in seconds; then the run's own processes are ended.

        Raises:
            AssertionError: a label or an action has no stand-in, or the time was up.
        """
        binary = act_binary()
        place = self.folder / f"{next(self._count)}"
        place.mkdir()
        clone = self._clone(place / "clone", sha or "refs/heads/main")
        source = clone / ".github/workflows" / workflow
        copy = place / workflow
        with_tokens_of_jobs(source, copy)
        event_file = place / "event.json"
        event_file.write_text(json.dumps(dict(payload)), encoding="utf-8")
        settings = self._environment(place, event, ref, run_id, actor) | dict(environment or {})
        words = [binary, event, "--json", "--directory", str(clone), "--workflows", str(copy)]
        words += ["--eventpath", str(event_file), "--pull=false", "--action-offline-mode"]
        words += ["--no-cache-server", "--no-skip-checkout", "--concurrent-jobs", "2"]
        words += ["--action-cache-path", str(place / "cache"), "--defaultbranch", "main"]
        words += [f"--platform={label}=-self-hosted" for label in self.labels]
        words += self._local_repositories(clone)
        words += [f"--env={key}={value}" for key, value in settings.items()]
        words += [f"--input={key}={value}" for key, value in (inputs or {}).items()]
        hidden = {} if fork else dict(secrets or {})
        hidden |= self._tokens(source, fork)
        # As files, since every process of the machine can read the words of a command.
        words += ["--secret-file", _values(place / "secrets.yml", hidden)]
        words += ["--var-file", _values(place / "variables.yml", {} if fork else variables or {})]
        words += ["--env-file", _values(place / "env.yml", {})]
        words += ["--input-file", _values(place / "inputs.yml", {})]
        code, output = _run(words, clone, _process_environment(place), timeout)
        found = results.parse(code, output)
        (place / "log.txt").write_text(found.log, encoding="utf-8")
        return found

    def _clone(self, folder: Path, name: str) -> Path:
        """The repository at a commit; its workflows are those that run."""
        commit = self.github.git.commit_of(name)
        assert commit, f"{self.github.origin}: there is no {name}"
        folder.mkdir()
        for words in (
            ["init", "--quiet"],
            ["remote", "add", "origin", f"https://github.com/{self.github.full_name}"],
            ["fetch", "--quiet", "--depth=1", self.github.origin.as_uri(), commit],
            ["checkout", "--quiet", "--detach", "FETCH_HEAD"],
        ):
            subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)
        return folder

    def _local_repositories(self, clone: Path) -> list[str]:
        words = set()
        for each in uses_of(clone):
            if not each.local:
                name = each.value.partition("@")[0]
                folder = ACTIONS / name.rpartition("/")[2]
                assert folder.is_dir(), f"{each.file}: {each.value} has no stand-in in {ACTIONS}"
                words.add(f"--local-repository={each.value}={folder}")
        return sorted(words)

    def _tokens(self, workflow: Path, fork: bool) -> dict[str, str]:
        self.github.token({}, value=BARE_TOKEN)
        found = {"GITHUB_TOKEN": BARE_TOKEN}
        for job, grants in grants_by_job(workflow, read_only=fork).items():
            found[secret_of(job)] = self.github.token(grants)
        return found

    def _environment(
        self, place: Path, event: str, ref: str, run_id: int, actor: str
    ) -> dict[str, str]:
        """What every step finds, as on a runner, and where the stand-ins find their things."""
        repository = self.github.full_name
        return {
            "GITHUB_API_URL": self.github.url,
            "GITHUB_REPOSITORY": repository,
            "GITHUB_REPOSITORY_OWNER": repository.partition("/")[0],
            "GITHUB_REF": ref,
            "GITHUB_RUN_ID": str(run_id),
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_ACTOR": actor,
            "GATEHOUSE_TORCH": "cpu",
            # The fork's one test, without the plugins that the real ones need.
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "PYTEST_PLUGINS": "xdist.plugin",
            "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
            "STAND_INS": str(HERE.parents[1]),
            "STAND_IN_PYTHON": sys.executable,
            "STAND_IN_ORIGIN": self.github.origin.as_uri(),
            "STAND_IN_CML": str(HERE / "cml"),
            "STAND_IN_ARTIFACTS": str(self.github.artifact_folder),
            "STAND_IN_TOKENS": str(self.github.token_folder),
        } | packages_of_the_tests(place)


def packages_of_the_tests(place: Path) -> dict[str, str]:
    """What the stand-in for an installation is made of; a file of it is written to `place`."""
    return {
        "STAND_IN_LEAN": LEAN,
        "STAND_IN_OWNERS": _owners(place),
        "STAND_IN_PACKAGES": sysconfig.get_path("purelib"),
        "STAND_IN_SCRIPTS": sysconfig.get_path("scripts"),
    }


def _owners(place: Path) -> str:
    """A file with the distributions that each package to import belongs to."""
    file = place / "owners.json"
    file.write_text(json.dumps(_distributions()), encoding="utf-8")
    return str(file)


@functools.cache
def _distributions() -> dict[str, list[str]]:
    found = importlib.metadata.packages_distributions()
    return {
        name: [re.sub("[-_.]+", "-", each.lower()) for each in owners]
        for name, owners in found.items()
    }


def _process_environment(place: Path) -> dict[str, str]:
    """For act and, through it, for the steps: nothing of the tests' own environment leaks in."""
    home = place / "home"
    home.mkdir()
    own = str(Path(sys.prefix) / "bin")
    path = [part for part in os.environ.get("PATH", os.defpath).split(os.pathsep) if part != own]
    return {
        "PATH": os.pathsep.join([str(PROGRAMS), *path]),
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "LANG": "C.UTF-8",
        "TMPDIR": str(_made(place / "tmp")),
    }


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _values(file: Path, values: Mapping[str, str]) -> str:
    """A file of values as act reads it: YAML, of which JSON is a part."""
    file.write_text(json.dumps(dict(values)), encoding="utf-8")
    return str(file)


def _run(
    words: list[str], folder: Path, environment: dict[str, str], timeout: float
) -> tuple[int, str]:
    """Exit code and output; past the time, act and every process that it started are ended."""
    process = subprocess.Popen(
        words,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        _end(psutil.Process(process.pid))
        output, _ = process.communicate()
        tail = results.parse(-1, output).log[-4000:]
        raise AssertionError(f"the run did not end within {timeout:g} s:\n{tail}") from None
    return process.returncode, output


def _end(process: psutil.Process) -> None:
    """Kill a process and its descendants: act gives each step a process group of its own."""
    process.suspend()  # so that it starts no further one
    for each in [*process.children(recursive=True), process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
