"""Attacks what each job may do and takes: the line between a change's code and what decides."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.workflows.definitions import REPOSITORY, load, steps_of, uses_of, workflow_files
from tests.workflows.proposing import no_code_of_the_repository
from tests.workflows.world import World

WORKFLOWS = REPOSITORY / ".github/workflows"
GATES, PULL_REQUEST = load(WORKFLOWS / "gates.yml"), load(WORKFLOWS / "pull-request.yml")
PIPELINE = load(WORKFLOWS / "pipeline.yml")
COMMIT = load(WORKFLOWS / "commit.yml")


def writes(job: Any) -> set[str]:
    return {key for key, level in job["permissions"].items() if level == "write"}


def environment(job: Any) -> str | None:
    """The environment of a job, which makes no deployment: nothing is deployed there."""
    found = job.get("environment")
    if found is None or found["name"] == "github-pages":
        return None
    assert found["deployment"] is False
    return str(found["name"])


def test_a_change_s_own_code_can_write_nothing() -> None:
    """Attacks a pull request's token; only the pipeline, which needs the data, has a secret."""
    for name, job in (PULL_REQUEST["jobs"] | PIPELINE["jobs"]).items():
        # A token for a cloud is in the job alone that runs none of the change's code.
        assert writes(job) == ({"id-token"} if name == "fetch" else set())
        assert ("secrets." in str(dict(job))) == (name == "pipeline"), name


def step(name: str) -> Any:
    """The step of the job Judge with this id."""
    (found,) = (each for each in GATES["jobs"]["judge"]["steps"] if each.get("id") == name)
    return found


def test_no_other_job_that_runs_a_change_shares_a_run_with_the_pipeline() -> None:
    """Attacks the candidate by a job of the same run, whose token could upload another one."""
    jobs = PIPELINE["jobs"]
    assert set(jobs) == {"where", "fetch", "pipeline"}
    assert jobs["where"]["permissions"] == {}
    assert not any("uses" in step for step in jobs["where"]["steps"])
    assert PIPELINE["on"] == PULL_REQUEST["on"]


def test_no_code_runs_beside_the_one_that_retrains() -> None:
    """Attacks a retraining's candidate by another job of its run."""
    jobs = load(WORKFLOWS / "retrain.yml")["jobs"]
    assert set(jobs) == {"fetch", "train", "propose"}
    assert writes(jobs["train"]) == set()
    no_code_of_the_repository(jobs["propose"])


def test_a_stranger_s_commit_runs_without_key_permission_or_cache() -> None:
    """Attacks a token, a secret or a cache by a stranger's commit that a maintainer runs."""
    assert list(COMMIT["on"]) == ["workflow_dispatch"]
    assert COMMIT["run-name"] == "Run for commit ${{ inputs.commit }}", "Gates reads the title"
    assert "secrets." not in str(dict(COMMIT))
    look, pipeline = COMMIT["jobs"]["look"], COMMIT["jobs"]["pipeline"]
    assert set(COMMIT["jobs"]) == {"look", "pipeline"}
    assert "refs/heads/{0}" in look["if"]
    assert pipeline["needs"] == "look"
    assert writes(look) == set()
    assert pipeline["permissions"] == {}
    assert "token" not in str(dict(pipeline))
    assert "inputs." not in str(dict(pipeline)), "what was typed was checked by the other job"
    assert not any("cache" in each.value for each in uses_of(REPOSITORY))
    # The commit is data to the first job: once it is there, no code but the tip's runs.
    checkout, trusted, hashed, data, *_ = look["steps"]
    assert checkout["with"]["ref"].startswith("refs/heads/")
    assert trusted["uses"] == TRUSTED
    assert "gatehouse github commit" in hashed["run"]
    assert data["with"]["path"] == "commit"


def test_the_gates_judge_when_the_pipeline_ends_and_settle_when_the_checks_do() -> None:
    """Attacks a verdict by the end of checks: it must not cut the judging short, nor judge."""
    jobs = GATES["jobs"]
    assert GATES["on"]["workflow_run"]["workflows"] == [
        PULL_REQUEST["name"], PIPELINE["name"], COMMIT["name"]
    ]  # fmt: skip
    assert jobs["judge"]["if"] == "needs.ended.outputs.judge == 'true'"
    either = " || ".join(f"needs.ended.outputs.{each} == 'true'" for each in ("judge", "settle"))
    assert jobs["publish"]["if"] == f"!cancelled() && ({either})"
    group = GATES["concurrency"]["group"]
    assert "startsWith(github.event.workflow_run.path, '.github/workflows/pipeline.yml')" in group
    for conclusion in ("skipped", "action_required", "cancelled"):
        assert f'"{conclusion}"' in group
    for name in ("keep", "comment", "publish"):
        assert "judge" in jobs[name]["needs"]
    # Announced once, when it begins.
    assert "pipeline.yml" in jobs["announce"]["if"]
    assert GATES["on"]["workflow_run"]["types"] == ["requested", "in_progress", "completed"]


def test_the_judge_knows_its_limit_and_the_app() -> None:
    """Attacks a share of the time that is of another limit than the job's, and a silent foot."""
    limit = "vars.JUDGE_MINUTES || '60'"
    assert GATES["jobs"]["judge"]["timeout-minutes"] == f"${{{{ fromJSON({limit}) }}}}"
    assert step("measure")["env"] == {"GATEHOUSE_JOB_MINUTES": f"${{{{ {limit} }}}}"}
    assert step("judge")["env"]["GATEHOUSE_APP_ID"] == "${{ vars.GATEHOUSE_APP_ID }}"


def test_one_step_knows_where_the_sealed_rows_are() -> None:
    """Attacks the sealed exam by any other step, above all one that runs a change's code."""
    found = {
        (file.name, name, each.get("id"))
        for file in workflow_files(REPOSITORY)
        for name, job in load(file)["jobs"].items()
        for each in ({"id": "job", "env": job.get("env")}, *job.get("steps", ()))
        if "SEALED_EXAM" in str(each)
    }
    assert found == {("gates.yml", "judge", "fetch")}
    assert environment(GATES["jobs"]["judge"]) == "gates"
    assert step("fetch")["env"]["GATEHOUSE_SEALED"] == "${{ secrets.SEALED_EXAM }}"


def test_a_release_draws_as_the_judge_did() -> None:
    """Attacks other samples, sizes and seeds at release, by which an equal model could fail."""
    build = load(WORKFLOWS / "release.yml")["jobs"]["build"]["steps"]
    (judged_again,) = (each for each in build if "gatehouse image build" in each.get("run", ""))
    for each in (step("fetch"), judged_again):
        assert each["env"]["GATEHOUSE_KEY"] == "${{ secrets.GATEHOUSE_KEY }}"


def test_who_opens_the_candidate_has_neither_token_nor_key() -> None:
    """Attacks the job's secrets: one step has the key, another opens the files, a third judges."""
    job = GATES["jobs"]["judge"]
    assert "env" not in job
    assert not any("secret" in value.lower() for value in GATES["env"].values())
    held = {
        each["id"]: {"key": "secrets." in str(each), "token": "github.token" in str(each)}
        for each in job["steps"]
        if "gatehouse github" in each.get("run", "")
    }
    assert held == {
        "fetch": {"key": True, "token": True},
        "measure": {"key": False, "token": False},
        "judge": {"key": False, "token": True},
    }
    ran = {
        each["id"]: set(re.findall(r"gatehouse (\w+ \w+)", each["run"]))
        for each in job["steps"]
        if each.get("id")
    }
    assert ran == {
        "fetch": {"github keyless", "github fetch"},
        "measure": {"github measure"},
        "judge": {"github judge", "objects remote"},
    }
    # The runner keeps the digests, where no process of the step in between can change them.
    assert step("judge")["env"]["FETCHED"] == "${{ steps.fetch.outputs.digest }}"
    assert step("judge")["env"]["MEASURED"] == "${{ steps.measure.outputs.digest }}"


def test_who_reads_the_candidate_writes_nothing_and_who_writes_reads_none() -> None:
    """Attacks the judge with a file that takes its process over, and the App's key."""
    granted = {name: writes(job) for name, job in GATES["jobs"].items()}
    assert granted == {
        "announce": {"statuses"},
        "ended": set(),
        "judge": {"id-token"},
        "keep": {"id-token"},
        "comment": {"pull-requests"},
        "publish": {"checks", "contents", "statuses"},
        "picture": {"pull-requests"},
        "go-on": {"pull-requests"},
    }
    for name, job in GATES["jobs"].items():
        if "secrets." in str(dict(job)):
            assert environment(job) == ("keep" if name == "keep" else "gates"), name
        assert ("github judge" in str(dict(job))) == (name == "judge")
    for file in workflow_files(REPOSITORY):
        named = "GATEHOUSE_APP_KEY" in file.read_text("utf-8")
        assert named == (file.name in ("accept.yml", "gates.yml")), file.name


def test_a_comment_is_answered_with_least_rights() -> None:
    """Attacks the workflow that anybody can start by a comment: who writes what, and in turn."""
    accept = load(WORKFLOWS / "accept.yml")
    assert {name: writes(job) for name, job in accept["jobs"].items()} == {
        "find": set(),
        "accept": {"contents", "statuses"},
        "comment": {"pull-requests"},
        "go-on": {"pull-requests"},
    }
    assert "measure" not in (WORKFLOWS / "accept.yml").read_text("utf-8").replace("measured", "")
    for name, job in accept["jobs"].items():
        text = str(dict(job))
        assert ("secrets." in text) == (name == "accept"), name
        # The comment's text is looked at by the condition, and given to no script.
        assert "comment.body" not in text.replace(str(job.get("if", "")), ""), name
    groups = {GATES["jobs"]["publish"]["concurrency"]["group"].partition("$")[0]}
    groups.add(accept["jobs"]["accept"]["concurrency"]["group"].partition("$")[0])
    assert groups == {"publish-"}
    assert accept["jobs"]["accept"]["concurrency"]["cancel-in-progress"] is False


def test_a_token_of_the_app_does_one_thing() -> None:
    """Attacks the App: each token sets statuses, reads teams or pushes the record; no more."""
    found = set()
    for file in workflow_files(REPOSITORY):
        for step in steps_of(load(file)):
            if "create-github-app-token" in step.get("uses", ""):
                given = {key: str(text) for key, text in step["with"].items() if "perm" in key}
                (only,) = given.items()
                found.add((file.name, *only))
    statuses, members = ("permission-statuses", "write"), ("permission-members", "read")
    contents = ("permission-contents", "write")
    assert found == {
        (name, *only)
        for name in ("accept.yml", "gates.yml")
        for only in (statuses, members, contents)
    }


TRUSTED = "./.github/actions/trusted"
TAKE_AWAY = "rm -r src/pipeline"
"""What a job does that needs no package."""


def test_no_job_takes_a_cache() -> None:
    """Attacks trusted jobs and runs that count by a cache that an earlier push has filled."""
    used = [each.value for each in uses_of(REPOSITORY) if each.file.endswith("/gates.yml")]
    assert used.count(TRUSTED) == len(GATES["jobs"]) - 1, "What has ended? needs no package"
    assert "./.github/actions/setup" not in used
    setup, _ = steps_of(load(REPOSITORY / TRUSTED / "action.yml"))
    assert setup["uses"] == "./.github/actions/setup"
    given = [name for each in uses_of(REPOSITORY) for name in (each.value, *each.given)]
    assert not any("cache" in name for name in given)


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        ("gates.yml", {"announce", "ended", "judge", "keep", "comment", "publish", "go-on"}),
        ("accept.yml", {"accept", "comment", "go-on"}),
        ("release.yml", {"build", "publish"}),
    ],
)
def test_the_pipeline_s_code_is_not_on_disk_where_it_is_judged(file: str, jobs: set[str]) -> None:
    """Attacks a job that judges or signs with a module that needs no owner: it must find none."""
    *_, last = steps_of(load(REPOSITORY / TRUSTED / "action.yml"))
    assert last["run"] == "rm -r src/pipeline"
    found = load(WORKFLOWS / file)["jobs"]
    for name, job in found.items():
        steps = [step.get("run") or step.get("uses", "") for step in job["steps"]]
        if not {TRUSTED, TAKE_AWAY} & set(steps):
            assert name not in jobs
            continue
        checkout, setup, *others = steps
        assert "actions/checkout" in checkout, name
        assert setup in (TRUSTED, TAKE_AWAY), name
        assert not any("actions/checkout" in step for step in others) or (
            name == "comment"  # CML, into a folder of its own
        )
    assert jobs <= set(found)


def test_cml_is_what_we_looked_at() -> None:
    """Attacks a tag that moves, a dependency that changes, and scripts run on installation."""
    files = [*workflow_files(REPOSITORY), *(REPOSITORY / ".github/actions").glob("*/action.yml")]
    steps = [step for file in files for step in steps_of(load(file))]
    checkouts = [s["with"] for s in steps if "iterative/cml" in str(s.get("with", ""))]
    assert len(checkouts) >= 2
    assert {each["ref"] for each in checkouts} == {"a3a66c74b218b08710f42bf599b066e37cb4cba7"}
    scripts = [step.get("run", "") for step in steps]
    installs = [script for script in scripts if re.search(r"\bnpm (ci|i|install)\b", script)]
    assert len(installs) == len(checkouts)
    assert all("npm ci" in each and "--ignore-scripts" in each for each in installs)


def planned(folder: Path, **variables: str) -> dict[str, str]:
    """What pipeline.yml settles of an event."""
    (step,) = [s for s in PIPELINE["jobs"]["where"]["steps"] if s.get("id") == "plan"]
    environment = {
        "DRAFT": "false", "GPU_LABELS": '["gpu"]', "GITHUB_REPOSITORY": "octo/model",
        "GITHUB_OUTPUT": str(folder / "output"), "GITHUB_STEP_SUMMARY": str(folder / "summary"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }  # fmt: skip
    subprocess.run(["bash", "-e", "-c", step["run"]], env=environment | variables, check=True)
    return dict(line.split("=", 1) for line in (folder / "output").read_text().splitlines())


@pytest.mark.parametrize(
    ("event", "origin", "author", "gpu"),
    [
        ("pull_request", "octo/model", "ada", True),
        ("pull_request", "eve/model", "eve", False),
        ("pull_request", "octo/model", "dependabot[bot]", False),
        ("pull_request", "", "ghost", False),
        ("merge_group", "", "", False),
        ("workflow_dispatch", "", "", True),
    ],
    ids=["ours", "fork", "Dependabot", "fork that is gone", "merge queue", "by hand"],
)
def test_who_gets_a_gpu(event: str, origin: str, author: str, gpu: bool, tmp_path: Path) -> None:
    """Attacks the bill with runs that are not ours."""
    output = planned(tmp_path, EVENT=event, FROM=origin, AUTHOR=author)
    assert output["runner"] == ('["gpu"]' if gpu else '["ubuntu-24.04"]')


def keyed(workflow: Any) -> dict[str, list[str]]:
    """The steps that have a secret, by job; a job's own environment counts as all of its steps."""
    found: dict[str, list[str]] = {}
    for name, job in workflow["jobs"].items():
        assert "secrets." not in str(job.get("env", "")), name
        steps = [step["name"] for step in job.get("steps", []) if "secrets." in str(step)]
        if steps:
            found[name] = steps
    return found


def test_no_code_of_a_change_runs_with_a_key() -> None:
    """Attacks the DVC remote by the code of a change, or of one that was merged without an owner.

    The step with the key comes before any that runs such code, and what it runs was installed by
    the default branch's scripts.
    """
    assert keyed(PULL_REQUEST) == {}
    assert keyed(PIPELINE) == {"pipeline": ["Fetch what was made before from the DVC remote"]}
    steps = PIPELINE["jobs"]["pipeline"]["steps"]
    said, first, second, third, start, _, taking, fetching, kept, head, *_ = steps
    assert "secrets." not in f"{said}{kept}"
    assert taking["uses"].startswith("actions/download-artifact@")
    assert re.findall(r"gatehouse (\w+ \w+)", start["run"]) == ["github start"]
    assert first["with"]["ref"] == "refs/heads/${{ github.event.repository.default_branch }}"
    assert "path" not in first["with"]
    assert second["with"]["path"] == "change"
    assert third["with"] == {"packages": "objects"}
    assert "secrets." in str(fetching)
    assert re.findall(r"gatehouse (\w+ \w+)", fetching["run"]) == [
        "objects remote",
        "objects fetch",
    ]
    assert head["with"]["ref"].startswith("${{ github.event.pull_request.head.sha")
    retrain = load(WORKFLOWS / "retrain.yml")
    assert keyed(retrain) == {"train": ["Fetch what was made before, and new rows"]}
    checkout, setup, taking, fetching, *_ = retrain["jobs"]["train"]["steps"]
    assert taking["uses"].startswith("actions/download-artifact@")
    assert "with" in checkout
    assert setup["uses"] == "./.github/actions/setup"
    assert "secrets." in str(fetching)
    assert set(re.findall(r"gatehouse (\w+ \w+)", fetching["run"])) == {
        "objects remote", "objects fetch", "data download",
    }  # fmt: skip


def test_who_may_write_to_the_remote() -> None:
    """Attacks the remote: its writing key is of the environment, in jobs that push by digest."""
    found = set()
    for file in workflow_files(REPOSITORY):
        for name, job in load(file)["jobs"].items():
            if "DVC_PUSH_" not in str(dict(job)):
                continue
            found.add((file.name, name))
            assert environment(job) == "keep"
            commands = [w for s in job["steps"] for w in re.findall(r"gatehouse (\w+ \w+)", str(s))]
            assert set(commands) <= {"objects remote", "github keyless", "github keep"}
    assert found == {("gates.yml", "keep")}
    in_keep = {
        (file.name, name)
        for file in workflow_files(REPOSITORY)
        for name, job in load(file)["jobs"].items()
        if "CLOUD_PUSH_IDENTITY" in str(dict(job)) or environment(job) == "keep"
    }
    assert in_keep == found, "a cloud trusts the environment, so no other job may be of it"


IDENTITIES = {
    ("gates.yml", "judge"), ("gates.yml", "keep"), ("monitor.yml", "look"), ("pages.yml", "build"),
    ("pipeline.yml", "fetch"), ("release.yml", "fetch"), ("retrain.yml", "fetch"),
}  # fmt: skip
"""The jobs that act for a cloud; beside these two sign and publish."""


def test_no_code_of_a_change_runs_where_a_cloud_s_token_can_be_had() -> None:
    """Attacks a cloud by the code of a change: whoever runs in such a job can ask for a token.

    Each is the default branch's, as the other tests of this file see to, or comes before any code
    of the change, with the pipeline's code taken away.
    """
    found = {
        (file.name, name)
        for file in workflow_files(REPOSITORY)
        for name, job in load(file)["jobs"].items()
        if "id-token" in job["permissions"]
    }
    assert found == IDENTITIES | {("pages.yml", "deploy"), ("release.yml", "publish")}
    for file, name in sorted(IDENTITIES):
        job = load(WORKFLOWS / file)["jobs"][name]
        using = [step for step in job["steps"] if "CLOUD_" in str(step.get("env"))]
        (step,) = using
        assert "github keyless -- " in step["run"], file
        if name != "fetch":
            assert environment(job) in ("gates", "keep"), file
            continue
        assert "CLOUD_IDENTITY" in job["if"] or "keyless" in job["if"]
        assert "secrets." not in str(dict(job)), file
        used = [each.get("uses", "").partition("@")[0] for each in job["steps"]]
        checkouts = used.count("actions/checkout")
        assert used == [
            *["actions/checkout"] * checkouts, TRUSTED, "", "actions/upload-artifact"
        ], file  # fmt: skip
        # Of the change there are only records, in a folder of their own.
        others = [each["with"] for each in job["steps"][:checkouts] if "path" in each["with"]]
        assert [each["path"] for each in others] == (["change"] if file == "pipeline.yml" else [])
    first = PIPELINE["jobs"]["fetch"]["steps"][0]
    assert first["with"]["ref"] == "refs/heads/${{ github.event.repository.default_branch }}"


@pytest.mark.parametrize(
    ("fetched", "code", "output"),
    [(("a", "b"), 0, "fetched=true\n"), (("a",), 1, "fetched=true\n"), ((), 1, "")],
    ids=["all", "a part", "nothing"],
)
def test_a_part_of_what_was_made_before_is_handed_over_too(
    fetched: tuple[str, ...], code: int, output: str, tmp_path: Path
) -> None:
    """Attacks a first run, whose table is in the remote and whose model is not."""
    (script,) = (each["run"] for each in PIPELINE["jobs"]["fetch"]["steps"] if each.get("id"))
    program = tmp_path / ".venv/bin/gatehouse"
    program.parent.mkdir(parents=True)
    made = "".join(f'echo x >"$RUNNER_TEMP/recorded/{name}"\n' for name in fetched)
    program.write_text(
        f'#!/bin/sh\n[ "$2" = remote ] && echo there && exit\n'
        f'mkdir "$RUNNER_TEMP/recorded"\n{made}exit {code}\n'
    )
    program.chmod(0o755)
    (tmp_path / "output").touch()
    environment = {
        "RUNNER_TEMP": str(tmp_path), "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }  # fmt: skip
    words = ["bash", "-e", "-o", "pipefail", "-c", script]
    subprocess.run(words, cwd=tmp_path, env=environment, check=True, capture_output=True)
    assert (tmp_path / "output").read_text() == output


def test_who_opens_the_candidate_can_ask_for_no_token() -> None:
    """Attacks a cloud by a model that takes its process over: the step drops what asks."""
    first = step("measure")["run"].splitlines()[0]
    assert first.startswith("unset ACTIONS_ID_TOKEN_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL")


@pytest.mark.parametrize(
    ("event", "origin", "author", "identity", "draft", "keyless"),
    [
        ("pull_request", "octo/model", "ada", "arn", "false", "true"),
        ("pull_request", "octo/model", "ada", "", "false", "false"),
        ("pull_request", "octo/model", "ada", "arn", "true", "false"),
        ("pull_request", "eve/model", "eve", "arn", "false", "false"),
        ("pull_request", "octo/model", "dependabot[bot]", "arn", "false", "false"),
        ("merge_group", "", "", "arn", "false", "true"),
        ("workflow_dispatch", "", "", "arn", "false", "true"),
    ],
)
def test_who_fetches_without_a_key(
    event: str, origin: str, author: str, identity: str, draft: str, keyless: str, tmp_path: Path
) -> None:
    """Attacks: a fork's run that asks for a token, which GitHub refuses, and trains nothing."""
    output = planned(tmp_path, EVENT=event, FROM=origin, AUTHOR=author,
                     CLOUD_IDENTITY=identity, DRAFT=draft)  # fmt: skip
    assert output["keyless"] == keyless


def test_dvc_runs_in_no_trusted_workflow() -> None:
    """Attacks a trusted job with the instructions of a record, which DVC follows."""
    for file in workflow_files(REPOSITORY):
        for step in steps_of(load(file)):
            words = re.findall(r"\bdvc [a-z]+", step.get("run", "").replace("DVC", ""))
            assert words == [], f"{file.name}: {step.get('name')}"


def test_in_app_mode_the_status_is_the_app_s(world: World) -> None:
    """Attacks a status that the workflow's own token sets although the ruleset asks for the App."""
    world.variables = {"GATEHOUSE_APP_ID": "123456"}
    pull = world.open(lambda fork: (fork.root / "README.md").write_text("Other words") and None)
    run = world.ended(pull, "cancelled")
    key = "no PRIVATE KEY, but called one"
    for at, (action, run.conclusion) in enumerate(
        (("in_progress", None), ("completed", "cancelled"))
    ):
        run.status = "completed" if run.conclusion else "in_progress"
        result = world.act.run(
            "gates.yml", "workflow_run", world.github.workflow_run_event(run.id, action),
            run_id=2000 + at, variables=world.variables, secrets={"GATEHOUSE_APP_KEY": key},
        )  # fmt: skip
        assert result.code == 0, result.log[-6000:]
        assert world.github.statuses(pull.head_sha)["gatehouse"].login == "gatehouse-app[bot]"
    assert "cancelled" in world.red(pull)
