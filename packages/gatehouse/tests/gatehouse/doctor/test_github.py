"""GitHub as far as the login may see it: answers by path, each path one that GitHub knows."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import pytest

from gatehouse.doctor.adopted import SAMPLE, repository
from gatehouse.doctor.finding import Finding, Level
from gatehouse.doctor.github import check_github, check_workflows
from gatehouse.errors import GatehouseError
from gatehouse.github.settings_steps import MAIN, load_ruleset
from gatehouse.ownership import parse
from tests.gatehouse.doctor.answers import Answers
from tests.gatehouse.template.repositories import scratch
from tests.sample import lay_sample

REPOSITORY = Path(__file__).parents[5]
REPO = "acme/prices"
AT = f"repos/{REPO}"
NO_APP = "no App sets the status `gatehouse`"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of acme/prices, with the template's workflows and ruleset, as the working folder."""
    made = scratch(tmp_path / "clone")
    shutil.copytree(REPOSITORY / ".github", made.root / ".github")
    made.git("remote", "add", "origin", f"https://github.com/{REPO}.git")
    monkeypatch.chdir(made.root)
    monkeypatch.delenv("GH_HOST", raising=False)
    return made.root


@pytest.fixture
def answers() -> dict[str, Any]:
    """A repository on which everything is set."""
    text = "* owned @acme/us\n"
    owners, border = (
        base64.b64encode(each.encode()).decode() for each in (parse(text).codeowners(), text)
    )
    ruleset = load_ruleset(REPOSITORY / MAIN)
    actions = {"enabled": True, "allowed_actions": "selected", "sha_pinning_required": True}
    selected = {
        "github_owned_allowed": True,
        "verified_allowed": False,
        "patterns_allowed": ["sigstore/cosign-installer@*", "aws-actions/some-action@*"],
    }
    workflow = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}
    custom = {"protected_branches": False, "custom_branch_policies": True}
    policies = {"branch_policies": [{"id": 1, "name": "main", "type": "branch"}]}
    everything = {
        "": {"default_branch": "main", "private": False, "permissions": {"admin": True}},
        "contents/.github/CODEOWNERS": {"content": owners},
        "contents/.github/ownership.txt": {"content": border},
        "codeowners/errors": {"errors": []},
        "rulesets": [{"id": 7, "name": ruleset["name"]}],
        "rulesets/7": ruleset,
        "actions/permissions": actions,
        "actions/permissions/selected-actions": selected,
        "actions/permissions/workflow": workflow,
        "actions/permissions/fork-pr-contributor-approval": {
            "approval_policy": "all_external_contributors"
        },
        "environments/gates": {"name": "gates", "deployment_branch_policy": custom},
        "environments/gates/deployment-branch-policies": policies,
        "environments/keep": {"name": "keep", "deployment_branch_policy": custom},
        "environments/keep/deployment-branch-policies": policies,
        "environments/keep/secrets": {"secrets": []},
        "labels/gatehouse-monitor": {"name": "gatehouse-monitor"},
        "actions/variables": {"variables": [{"name": "CANDIDATE_MB", "value": "800"}]},
        "actions/secrets": {"secrets": []},
        "environments/gates/secrets": {"secrets": [{"name": "GATEHOUSE_KEY"}]},
    }
    return {f"{AT}/{path}".rstrip("/"): value for path, value in everything.items()}


def levels(root: Path, answers: dict[str, Any]) -> dict[Level, list[Finding]]:
    found: dict[Level, list[Finding]] = {level: [] for level in Level}
    for each in check_github(root, Answers(answers)):
        found[each.level].append(each)
    return found


def test_without_an_app_writers_can_set_the_status(root: Path, answers: dict[str, Any]) -> None:
    """Attacks: a status that is taken for a proof, though any writer's workflow can set it."""
    for value in ("", None):
        variable = {"name": "GATEHOUSE_APP_ID", "value": value}
        answers[f"{AT}/actions/variables"] = {"variables": [variable] if value == "" else []}
        (told,) = (each for each in levels(root, answers)[Level.WARNING] if NO_APP in each.text)
        assert "whoever can write" in told.text
        assert told.fix.startswith(f"make github-settings REPO={REPO} APP_ID=")
    answers[f"{AT}/actions/variables"] = named("variables", GATEHOUSE_APP_ID="7")
    assert not any(NO_APP in each.text for each in levels(root, answers)[Level.WARNING])


def test_a_repository_in_order_is_fine(root: Path, answers: dict[str, Any]) -> None:
    """Attacks: false alarms, and a doctor that writes."""
    found = levels(root, answers)
    assert found[Level.PROBLEM] + found[Level.UNSEEN] == []
    assert [each.text.partition(":")[0] for each in found[Level.WARNING]] == [NO_APP]
    assert any("training runs on GitHub's CPU runners" in each.text for each in found[Level.FINE])
    assert any("GATEHOUSE_APP_ID" in each.text for each in found[Level.FINE])
    assert [each.level for each in check_workflows(root)] == [Level.FINE]


def test_settings_that_are_not_as_they_should_be(root: Path, answers: dict[str, Any]) -> None:
    """Attacks: a ruleset switched off, a token that may write, no owners, missing workflows."""
    answers[f"{AT}/rulesets/7"] = {**answers[f"{AT}/rulesets/7"], "enforcement": "disabled"}
    answers[f"{AT}/actions/permissions/workflow"] = {"default_workflow_permissions": "write"}
    found = levels(root, answers)[Level.PROBLEM]
    assert [each.text.partition(":")[2].strip().split()[0] for each in found] == [
        "Workflows:",
        "Ruleset:",
    ]
    assert {each.fix for each in found} == {f"make github-settings REPO={REPO}"}
    answers[f"{AT}/contents/.github/CODEOWNERS"] = None
    (problem,) = levels(root, answers)[Level.PROBLEM]
    assert "missing or empty" in problem.text
    (root / ".github/workflows/gates.yml").unlink()
    (problem,) = check_workflows(root)
    assert problem.level is Level.PROBLEM


def test_of_the_template_as_it_was_cloned_no_settings_are_missed(
    root: Path, answers: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks: an owner of a fresh fork who is told of problems before anything is theirs."""
    monkeypatch.delenv("CI", raising=False)
    lay_sample(root)
    assert f"name: {SAMPLE}" in (root / "contract.yaml").read_text()
    answers[f"{AT}/rulesets"] = []
    found = levels(root, answers)
    assert found[Level.PROBLEM] == []
    assert any("not set: Ruleset" in each.text for each in found[Level.WARNING])


def named(kind: str, *names: str, **values: str) -> dict[str, Any]:
    return {kind: [{"name": name} for name in names]
            + [{"name": name, "value": value} for name, value in values.items()]}  # fmt: skip


def test_the_key_that_writes_is_of_its_own_environment(root: Path, answers: dict[str, Any]) -> None:
    """Attacks: a key that every branch, or every trusted job, could write to the remote with."""
    pair = ("DVC_PUSH_ACCESS_KEY_ID", "DVC_PUSH_SECRET_ACCESS_KEY")
    answers[f"{AT}/environments/keep/secrets"] = named("secrets", *pair)
    answers[f"{AT}/actions/variables"] = named(
        "variables", CLOUD_IDENTITY="arn:aws:iam::123456789012:role/read", CLOUD_PUSH_IDENTITY="me"
    )
    (bad,) = levels(root, answers)[Level.PROBLEM]
    assert bad.text == "the variable CLOUD_PUSH_IDENTITY names no identity of a cloud"
    answers[f"{AT}/actions/variables"] = {"variables": []}
    assert levels(root, answers)[Level.PROBLEM] == []
    answers[f"{AT}/environments/keep/secrets"] = {"secrets": []}
    answers[f"{AT}/environments/gates/secrets"] = named("secrets", "GATEHOUSE_KEY", *pair)
    found = levels(root, answers)[Level.PROBLEM]
    assert [each.text.partition(" ")[0] for each in found] == list(pair)
    assert all("environment gates, where nothing reads it" in each.text for each in found)
    assert all("--env keep" in each.fix for each in found)


def test_variables_and_secrets(root: Path, answers: dict[str, Any]) -> None:
    """Attacks: halves of pairs, misspelt names, keys that every branch can read, bad values."""
    answers[f"{AT}/actions/variables"] = named(
        "variables", CANDIDATE_MB="much", CANDIDATE_DAYS="a week", JUDGE_MINUTES="1.5",
        GPU_LABEL="[]", IMAGE="ghcr.io/Acme/Prices",
        COSIGN_PUBLIC_KEY="-----BEGIN",
    )  # fmt: skip
    answers[f"{AT}/actions/secrets"] = named("secrets", "AWS_ACCESS_KEY_ID", "COSIGN_PRIVATE_KEY")
    answers[f"{AT}/environments/gates/secrets"] = named(
        "secrets", "COSIGN_PASSWORD", "GATEHOUSE_KEY"
    )
    found = levels(root, answers)
    problems = [each.text for each in found[Level.PROBLEM]]
    assert "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not" in problems
    assert any("COSIGN_PRIVATE_KEY is a secret of the repository" in text for text in problems)
    assert "the variable CANDIDATE_MB is no number" in problems
    assert "the variable CANDIDATE_DAYS is no number" in problems
    assert "the variable JUDGE_MINUTES is no number" in problems
    assert any("IMAGE has capitals" in text for text in problems)
    assert len(problems) == 6
    texts = [each.text for each in found[Level.WARNING] if NO_APP not in each.text]
    assert texts == ["no workflow reads the variable GPU_LABEL"]


@pytest.mark.parametrize(
    ("value", "status", "level", "part"),
    [
        ('["self-hosted", "gpu"]', "online", Level.FINE, "self-hosted, gpu is online"),
        ('["self-hosted", "gpu"]', "offline", Level.WARNING, "no runner with"),
        ('["other"]', "online", Level.WARNING, "no runner of the repository's own"),
        ("gpu", "online", Level.PROBLEM, "not a JSON list"),
        ("[]", "online", Level.PROBLEM, "not a JSON list"),
    ],
)
def test_runners(
    root: Path, answers: dict[str, Any], value: str, status: str, level: Level, part: str
) -> None:
    """Attacks: labels that no runner has: jobs wait for a day, and say nothing."""
    answers[f"{AT}/actions/variables/GPU_LABELS"] = {"name": "GPU_LABELS", "value": value}
    labels = [{"name": name} for name in ("self-hosted", "Linux", "GPU")]
    runner = {"name": "one", "status": status, "labels": labels}
    answers[f"{AT}/actions/runners"] = {"runners": [runner]}
    assert any(part in each.text for each in levels(root, answers)[level])


def test_what_may_not_be_seen_is_said_and_is_no_problem(
    root: Path, answers: dict[str, Any]
) -> None:
    """Attacks: a login without rights, and none at all, taken for red or for green."""
    found = levels(root, {})
    assert ("no acme/prices" in found[Level.UNSEEN][0].text, found[Level.PROBLEM]) == (True, [])
    no_login = GatehouseError(
        "GET repos: gh auth login\ngh has no valid login: run `gh auth login`"
    )
    (unseen,) = levels(root, {AT: no_login})[Level.UNSEEN]
    assert unseen.fix.startswith("gh has no valid login")
    answers[AT]["permissions"] = {"admin": False}
    refused = GatehouseError("GET secrets: Resource not accessible (HTTP 403)\nfix")
    answers[f"{AT}/actions/secrets"] = refused
    answers[f"{AT}/actions/variables/GPU_LABELS"] = {"value": '["gpu"]'}
    answers[f"{AT}/actions/runners"] = refused
    found = levels(root, answers)
    assert [each.text.partition(":")[0] for each in found[Level.UNSEEN]] == [
        "the settings of acme/prices",
        "names of each secret",
        "runners with gpu",
    ]
    assert found[Level.PROBLEM] == []


@pytest.mark.parametrize(
    ("url", "repo"),
    [
        ("https://github.com/acme/prices", "acme/prices"),
        ("git@github.com:acme/prices.git", "acme/prices"),
        ("ssh://git@github.com:22/acme/prices.git", "acme/prices"),
        ("https://token@github.com/acme/my.model.git/", "acme/my.model"),
        ("https://gitlab.com/acme/prices.git", None),
        ("https://example.org/github.com.evil/x/y", None),
        ("/srv/git/acme/prices.git", None),
    ],
)
def test_which_repository_it_is(tmp_path: Path, url: str, repo: str | None) -> None:
    """Attacks: another host's repository asked for at GitHub."""
    made = scratch(tmp_path / "clone")
    assert repository(made.root) is None
    made.git("remote", "add", "origin", url)
    assert repository(made.root) == repo
