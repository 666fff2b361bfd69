"""Forms, dependency updates and runner manifests: valid, and in step with what they speak of."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gatehouse.policy import Waiver
from tests.shared import NAMES

REPOSITORY = Path(__file__).parents[4]
GITHUB = REPOSITORY / ".github"
RUNNERS = REPOSITORY / "packages/gatehouse/docs/runners"


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def fields(form: str) -> dict[str, dict[str, Any]]:
    """What a form asks for, by id."""
    body = read(GITHUB / "ISSUE_TEMPLATE" / form)["body"]
    return {part["id"]: part for part in body if "id" in part}


@pytest.mark.parametrize(
    ("schema", "pattern"),
    [
        ("dependabot", "dependabot.yml"),
        ("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
        ("github-issue-forms", "ISSUE_TEMPLATE/[0-9]*.yml"),
    ],
)
def test_github_can_read_it(schema: str, pattern: str) -> None:
    """Attacks a key that GitHub does not know: it then drops the whole file in silence."""
    found = [str(path) for path in sorted(GITHUB.glob(pattern))]
    assert found
    checker = Path(sys.executable).with_name("check-jsonschema")
    done = subprocess.run(
        [str(checker), "--builtin-schema", f"vendor.{schema}", *found],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_gate_form_names_every_gate() -> None:
    """Attacks a gate that was added and can't be complained of."""
    options = fields("1-gate.yml")["gate"]["attributes"]["options"]
    assert options[: len(NAMES)] == list(NAMES)


def test_the_waiver_form_asks_for_what_a_waiver_must_have() -> None:
    """Attacks a waiver that can't be written down from its request."""
    needed = {name for name, field in Waiver.model_fields.items() if field.is_required()}
    asked = {"expires" if name == "expiry" else name for name in fields("3-waiver.yml")}
    assert needed <= asked
    assert all(field["validations"]["required"] for field in fields("3-waiver.yml").values())


def test_a_pull_request_is_asked_what_its_author_expects_of_each_gate() -> None:
    """Attacks a change whose author never said what it should do."""
    text = (GITHUB / "PULL_REQUEST_TEMPLATE.md").read_text()
    assert all(gate in text for gate in NAMES)
    for asked in ("What changed", "Why", "expect", "data", "Waiver"):
        assert asked in text


def test_updates_wait_and_come_together() -> None:
    """Attacks a release taken in the hour it appears, and a pull request for each package."""
    for update in read(GITHUB / "dependabot.yml")["updates"]:
        assert update["cooldown"]["default-days"] >= 7
        assert update["groups"]


def test_updates_look_where_something_is() -> None:
    """Attacks an action or a package that nobody ever updates, for its folder has moved."""
    updates = {
        each["package-ecosystem"]: each for each in read(GITHUB / "dependabot.yml")["updates"]
    }
    assert (REPOSITORY / updates["npm"]["directory"].lstrip("/") / "package-lock.json").exists()
    folders = updates["github-actions"]["directories"]
    assert "/" in folders
    watched = {path for each in folders if each != "/" for path in REPOSITORY.glob(each[1:])}
    actions = {path.parent for path in GITHUB.glob("actions/*/action.yml")}
    assert actions <= watched


def test_the_python_locks_are_left_to_make_lock() -> None:
    """Attacks an updater that resolves each lock by itself, so that they disagree."""
    ecosystems = {each["package-ecosystem"] for each in read(GITHUB / "dependabot.yml")["updates"]}
    assert not ecosystems & {"pip", "uv"}


@pytest.fixture
def values() -> dict[str, Any]:
    loaded: dict[str, Any] = read(RUNNERS / "values.yaml")
    return loaded


def test_no_gpu_waits_and_the_quota_holds_all_runners(values: dict[str, Any]) -> None:
    """Attacks GPUs that idle, and a cost without a ceiling."""
    manifests = list(yaml.safe_load_all((RUNNERS / "namespace.yaml").read_text()))
    (quota,) = (each for each in manifests if each["kind"] == "ResourceQuota")
    (runner,) = values["template"]["spec"]["containers"]
    gpus = int(runner["resources"]["limits"]["nvidia.com/gpu"])
    assert values["minRunners"] == 0
    assert values["maxRunners"] * gpus <= int(quota["spec"]["hard"]["requests.nvidia.com/gpu"])


def test_the_hard_stop_comes_after_the_jobs_own_timeout(values: dict[str, Any]) -> None:
    """Attacks a stop that ends honest jobs, or one so late that it is none."""
    job = read(GITHUB / "workflows/pipeline.yml")["jobs"]["pipeline"]["timeout-minutes"]
    stop = values["template"]["spec"]["activeDeadlineSeconds"]
    assert job * 60 < stop <= job * 60 + 3600
    output = re.search(
        r"shutdown -h \+(\d+)", (REPOSITORY / "packages/gatehouse/docs/runners.md").read_text()
    )
    assert output
    assert job < int(output[1]) <= job + 60


def test_a_runner_has_no_rights_to_lend(values: dict[str, Any]) -> None:
    """Attacks a job that becomes root, or takes the pod's own token to the cluster."""
    spec = values["template"]["spec"]
    (runner,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert runner["securityContext"]["allowPrivilegeEscalation"] is False
    assert runner["securityContext"]["capabilities"] == {"drop": ["ALL"]}
