"""The settings of a repository on GitHub, applied through a stand-in for `gh`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.alarm import LABEL
from gatehouse.github.bases import CONTEXT
from gatehouse.github.settings import apply_settings
from gatehouse.github.settings_steps import FURTHER_ACTIONS, further_actions
from gatehouse.ownership import PLACEHOLDER
from tests.gatehouse.github.gh import REPO, REPOSITORY, Gh
from tests.github.openapi import check_call
from tests.sample import lay_owners

GITHUB_ACTIONS = 15368  # the App under which workflows post, on github.com


def read_owners(clone: Path) -> dict[str, str]:
    """Both files, as the stand-in calls them."""
    names = {"codeowners": "CODEOWNERS", "ownership": "ownership.txt"}
    return {key: (clone / ".github" / name).read_text() for key, name in names.items()}


def test_a_dry_run_prints_calls_that_github_knows_and_makes_none(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks: a dry run that needs gh, runs something, or prints what GitHub would refuse."""
    lay_owners(clone)
    before = read_owners(clone)
    options: dict[str, Any] = {"gpu_labels": ("self-hosted", "gpu"), "app_id": 7}
    assert apply_settings(REPO, **options, merge_queue=True, dry_run=True) == 0
    printed = capsys.readouterr().out
    assert PLACEHOLDER in printed
    assert read_owners(clone) == before
    calls = re.findall(r"^([A-Z]+) (repos/\S+)\n((?:[{} ].*\n)*)", printed, re.MULTILINE)
    for method, path, body in calls:
        check_call(method, f"/{path}", json.loads(body) if body else None)
    written = [f"{method} {path.removeprefix(f'repos/{REPO}/')}" for method, path, _ in calls]
    assert {call for call in written if not call.startswith("GET")} == {
        "PUT actions/permissions",
        "PUT actions/permissions/selected-actions",
        "PUT actions/permissions/workflow",
        "PUT actions/permissions/fork-pr-contributor-approval",
        "PUT environments/gates",
        "POST environments/gates/deployment-branch-policies",
        "PUT environments/keep",
        "POST environments/keep/deployment-branch-policies",
        "POST actions/variables",
        "POST labels",
        "POST rulesets",
    }


def test_the_dry_run_is_what_the_first_run_does(gh: Gh, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks: a dry run that shows less than what is then done."""
    gh.set(repository={**gh.read()["repository"], "default_branch": "main"})
    apply_settings(REPO, gpu_labels=("gpu",), app_id=7, merge_queue=True, dry_run=True)
    printed = re.findall(r"^(?:PUT|POST|PATCH|DELETE) .*$", capsys.readouterr().out, re.MULTILINE)
    apply_settings(REPO, gpu_labels=("gpu",), app_id=7, merge_queue=True)
    assert gh.written() == printed


def test_the_first_run_sets_everything_and_the_second_changes_nothing(
    gh: Gh, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks: settings left out, rulesets made twice, and writes where nothing differs."""
    assert apply_settings(REPO, gpu_labels=("self-hosted", "gpu")) == 0
    assert "settings changed" in capsys.readouterr().out
    calls = gh.taken_calls()
    assert calls[-1][:2] == ("POST", f"repos/{REPO}/rulesets"), "the branch is closed last"
    state = gh.read()
    assert state["single"]["actions/permissions"] == {
        "enabled": True,
        "allowed_actions": "selected",
        "sha_pinning_required": True,
    }
    assert not state["single"]["actions/permissions/selected-actions"]["verified_allowed"]
    workflow = state["single"]["actions/permissions/workflow"]
    assert workflow["default_workflow_permissions"] == "read"
    forks = state["single"]["actions/permissions/fork-pr-contributor-approval"]
    assert forks == {"approval_policy": "all_external_contributors"}
    for name in ("gates", "keep"):
        policies = state["environments"][name]["policies"]
        assert list(policies.values()) == [{"name": "trunk", "type": "branch"}]
    assert json.loads(state["variables"]["GPU_LABELS"]) == ["self-hosted", "gpu"]
    assert set(state["labels"]) == {LABEL}
    assert "GATEHOUSE_APP_ID" not in state["variables"]
    assert gh.ruleset()["bypass_actors"] == []
    assert gh.rule("pull_request")["require_code_owner_review"]
    checks = gh.rule("required_status_checks")
    assert checks["required_status_checks"] == [
        {"context": CONTEXT, "integration_id": GITHUB_ACTIONS}
    ]
    assert checks["strict_required_status_checks_policy"]

    assert apply_settings(REPO, gpu_labels=("self-hosted", "gpu")) == 0
    assert gh.written() == []
    output = capsys.readouterr().out
    assert "nothing to change" in output
    assert ": set" not in output


def test_what_was_loosened_by_hand_is_put_right(gh: Gh) -> None:
    """Attacks: a bypass, a switched-off ruleset, other branches for the secrets, other labels."""
    apply_settings(REPO, gpu_labels=("gpu",))
    state = gh.read()
    (number,) = state["rulesets"]
    state["rulesets"][number]["enforcement"] = "disabled"
    state["rulesets"][number]["bypass_actors"] = [
        {"actor_id": 5, "actor_type": "RepositoryRole", "bypass_mode": "always"}
    ]
    state["environments"]["gates"]["policies"]["99"] = {"name": "*", "type": "branch"}
    state["single"]["actions/permissions"]["sha_pinning_required"] = False
    state["variables"]["GPU_LABELS"] = "[]"
    gh.write({**state, "calls": []})
    apply_settings(REPO, gpu_labels=("gpu",))
    assert gh.written() == [
        f"PUT repos/{REPO}/actions/permissions",
        f"DELETE repos/{REPO}/environments/gates/deployment-branch-policies/99",
        f"PATCH repos/{REPO}/actions/variables/GPU_LABELS",
        f"PUT repos/{REPO}/rulesets/{number}",
    ]
    assert gh.ruleset()["bypass_actors"] == []
    assert gh.ruleset()["enforcement"] == "active"


def test_actions_that_an_admin_added_stay(gh: Gh) -> None:
    """Attacks an action that is refused after the next run, and one that is allowed without pin."""
    apply_settings(REPO)
    state, chosen = gh.read(), "actions/permissions/selected-actions"
    assert state["single"][chosen]["patterns_allowed"] == ["sigstore/cosign-installer@*"]
    state["single"][chosen]["patterns_allowed"] = ["aws-actions/configure-aws-credentials@*"]
    state["single"][chosen]["verified_allowed"] = True
    gh.write({**state, "calls": []})
    apply_settings(REPO)
    assert gh.written() == [f"PUT repos/{REPO}/{chosen}"]
    assert gh.read()["single"][chosen] == {
        "github_owned_allowed": True,
        "verified_allowed": False,
        "patterns_allowed": [
            "sigstore/cosign-installer@*",
            "aws-actions/configure-aws-credentials@*",
        ],
    }
    gh.taken_calls()
    apply_settings(REPO)
    assert gh.written() == []


@pytest.mark.parametrize("line", ["*", "sigstore", "sigstore/cosign installer@*", "a/b", "-/*/*"])
def test_a_line_that_is_no_pattern_is_named(gh: Gh, line: str) -> None:
    """Attacks a word that GitHub would take for every action there is."""
    FURTHER_ACTIONS.write_text(f"# Ours\nours/*  # all of them\n\n{line}\n")
    with pytest.raises(GatehouseError, match=r"allowed-actions\.txt:4: .* owner/name@\*"):
        apply_settings(REPO)
    assert gh.written() == []
    FURTHER_ACTIONS.write_text("ours/*  # all of them\n")
    assert further_actions() == ("ours/*",)


def test_app_and_queue_stay_when_a_later_run_does_not_name_them(gh: Gh) -> None:
    """Attacks: a forgotten argument that goes back from the App to a status anyone can forge."""
    apply_settings(REPO, app_id=4711, merge_queue=True)
    checks = gh.rule("required_status_checks")
    assert checks["required_status_checks"] == [{"context": CONTEXT, "integration_id": 4711}]
    assert gh.ruleset("gatehouse merge queue")["rules"][0]["type"] == "merge_queue"
    gh.taken_calls()
    apply_settings(REPO)
    assert gh.written() == []


def test_a_private_repository_sends_no_secrets_to_forks(gh: Gh) -> None:
    """Attacks: forks of a private repository that run with secrets or a write token."""
    state = gh.read()
    state["repository"]["private"] = True
    path = "actions/permissions/fork-pr-workflows-private-repos"
    state["single"][path] = {
        "run_workflows_from_fork_pull_requests": True,
        "send_write_tokens_to_workflows": True,
        "send_secrets_and_variables": True,
        "require_approval_for_fork_pr_workflows": False,
    }
    gh.write(state)
    apply_settings(REPO)
    assert f"PUT repos/{REPO}/{path}" in gh.written()
    assert gh.read()["single"][path] == {
        "run_workflows_from_fork_pull_requests": True,
        "send_write_tokens_to_workflows": False,
        "send_secrets_and_variables": False,
        "require_approval_for_fork_pr_workflows": True,
    }


def test_owners_are_written_and_must_be_pushed_before_the_branch_is_closed(
    gh: Gh, clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks: a closed branch whose owner is the placeholder, so that nobody need approve."""
    lay_owners(clone)
    gh.set(**read_owners(clone))
    with pytest.raises(GatehouseError, match=r"placeholder.*make github-settings .*OWNERS="):
        apply_settings(REPO)
    assert apply_settings(REPO, owners=("@org/owners", "@alice")) == 1
    assert "Commit this, push it" in capsys.readouterr().out
    assert gh.taken_calls() == []
    with pytest.raises(GatehouseError, match=r"on trunk of org/model: .*placeholder"):
        apply_settings(REPO, owners=("@org/owners", "@alice"))
    assert gh.written() == []
    written = read_owners(clone)
    gh.set(codeowners=written["codeowners"])
    with pytest.raises(GatehouseError, match=r"on trunk of org/model: .*placeholder"):
        apply_settings(REPO, owners=("@org/owners", "@alice"))
    gh.set(**written)
    assert apply_settings(REPO, owners=("@org/owners", "@alice")) == 0


def _no_login(state: dict[str, Any]) -> None:
    state["logged_in"] = False


def _no_right(state: dict[str, Any]) -> None:
    state["repository"]["permissions"]["admin"] = False


def _no_repository(state: dict[str, Any]) -> None:
    state["name"] = "org/other"


def _free_plan(state: dict[str, Any]) -> None:
    message = "Upgrade to GitHub Pro or make this repository public to enable this feature."
    state["refuse"][f"GET repos/{REPO}/rulesets"] = [403, message]


def _no_file(state: dict[str, Any]) -> None:
    state["codeowners"] = None


def _no_border(state: dict[str, Any]) -> None:
    state["ownership"] = None


def _freed(state: dict[str, Any]) -> None:
    state["codeowners"] += "/policy.yaml\n"


def _unknown_owner(state: dict[str, Any]) -> None:
    state["errors"] = [
        {"line": 1, "column": 4, "kind": "Unknown owner", "message": "Unknown owner on line 1",
         "path": ".github/CODEOWNERS"}
    ]  # fmt: skip


def _bad_number(state: dict[str, Any]) -> None:
    state["variables"]["GATEHOUSE_APP_ID"] = "seven"


@pytest.mark.parametrize(
    ("spoil", "fix"),
    [
        (_no_login, "gh auth login"),
        (_no_right, "no admin right on org/model; ask one of its admins"),
        (_no_repository, "no repository org/model that this login may see; check REPO"),
        (_free_plan, "make the repository public, or take a plan"),
        (_no_file, r"on trunk of org/model: .*CODEOWNERS: is missing"),
        (_no_border, r"on trunk of org/model: .*ownership.txt: is missing"),
        (_freed, r"on trunk of org/model: .*run `gatehouse github owners`"),
        (_unknown_owner, "give their owners write access"),
        (_bad_number, "give the right one as APP_ID"),
    ],
)
def test_what_cannot_be_set_up_says_the_fix_and_changes_nothing(
    gh: Gh, spoil: Any, fix: str
) -> None:
    """Attacks: half a set-up, and errors that leave the user without the next step."""
    state = gh.read()
    spoil(state)
    gh.write(state)
    with pytest.raises(GatehouseError, match=fix):
        apply_settings(REPO)
    assert gh.written() == []


@pytest.mark.parametrize(
    ("call", "status", "message", "fix"),
    [
        ("PUT actions/permissions", 409, "Conflict", "the organisation or enterprise decides"),
        ("PUT actions/permissions", 403, "Resource not accessible by personal access token",
         "Administration, Actions, Environments, Issues and Variables"),
        ("PUT environments/gates", 422, "Please ensure the billing plan supports it", "a plan"),
        ("POST rulesets", 422, "Validation Failed: Invalid rule 'merge_queue'", "MERGE_QUEUE"),
        ("POST rulesets", 422, "Validation Failed: integration", "App must be installed"),
        ("POST rulesets", 403, "You have exceeded a secondary rate limit", "wait"),
        ("POST rulesets", 502, "Server Error", "run it again"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_github_said_and_the_fix_and_a_later_run_goes_on(
    gh: Gh, call: str, status: int, message: str, fix: str
) -> None:
    """Attacks: a refusal that looks like success, and a run that cannot be taken up again."""
    method, path = call.split()
    gh.set(refuse={f"{method} repos/{REPO}/{path}": [status, message]})
    with pytest.raises(GatehouseError) as caught:
        apply_settings(REPO, merge_queue=True)
    assert message in str(caught.value)
    assert fix in str(caught.value)
    gh.set(refuse={})
    apply_settings(REPO, merge_queue=True)
    assert gh.ruleset()["enforcement"] == "active"


def test_without_gh_the_error_says_where_to_get_it(clone: Path) -> None:
    """Attacks: a traceback where gh is not installed."""
    with pytest.raises(GatehouseError, match=r"https://cli\.github\.com"):
        apply_settings(REPO)


@pytest.mark.parametrize("repo", ["model", "org/model/x", "org/mo del", "../model", "-x/y z"])
def test_a_repository_is_an_owner_and_a_name(clone: Path, repo: str) -> None:
    """Attacks: a name that would lead to another path of the API."""
    with pytest.raises(GatehouseError, match="REPO"):
        apply_settings(repo)


def test_the_template_uses_no_action_that_the_settings_forbid(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Attacks: a workflow that GitHub refuses to start after `make github-settings`."""
    monkeypatch.chdir(REPOSITORY)
    further = (each.split("@")[0] for each in further_actions())
    allowed = ("actions/", "github/", "./", *further)
    files = [*REPOSITORY.glob(".github/**/*.yml"), *REPOSITORY.glob(".github/**/*.yaml")]
    for file in files:
        for used in re.findall(r"^\s*(?:- )?uses:\s*(\S+)", file.read_text(), re.MULTILINE):
            assert used.startswith(allowed), f"{file}: {used}"
