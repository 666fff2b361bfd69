"""The house's rules for workflows, beyond what the usual checkers know; each lists its breaches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml.comments import CommentedMap

from tests.workflows.definitions import (
    REPOSITORY,
    action_files,
    load,
    steps_of,
    uses_of,
    workflow_files,
)

ACTIONS = REPOSITORY / "packages/gatehouse/tests/workflows/actions"
PINNED = re.compile(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}")
VERSION = re.compile(r"v\d+\.\d+\.\d+( .*)?")
# Their runs hold the repository's secrets and a token that may write, whoever caused them.
PRIVILEGED = {"workflow_run", "pull_request_target", "issue_comment", "issues", "discussion"}
DEPLOYING = {"packages", "pages", "deployments", "attestations"}


def _jobs(root: Path) -> Iterator[tuple[str, Any, Any]]:
    """Each job as its place, itself and its workflow."""
    for file in workflow_files(root):
        workflow = load(file)
        for name, job in workflow["jobs"].items():
            yield f"{file.name}: {name}", job, workflow


def pins(root: Path) -> list[str]:
    """Every action is pinned by its commit, with the version behind it, and by one pin only."""
    problems, seen = [], dict[str, str]()
    for each in uses_of(root):
        if each.local:
            continue
        if not PINNED.fullmatch(each.value):
            problems.append(f"{each.file}: {each.value} is not pinned by its commit")
        if not VERSION.fullmatch(each.comment):
            problems.append(f"{each.file}: {each.value} lacks its version, as in `# v1.2.3`")
        name = each.value.partition("@")[0]
        pin = f"{each.value} # {each.comment}"
        if seen.setdefault(name, pin) != pin:
            problems.append(f"{each.file}: {pin} here, and elsewhere {seen[name]}")
    return problems


def inputs(root: Path) -> list[str]:
    """Every input that an action is handed is one it has, and the required ones are handed."""
    problems = []
    for each in uses_of(root):
        name = each.value.partition("@")[0]
        folder = root / name if each.local else ACTIONS / name.rpartition("/")[2]
        if not (folder / "action.yml").is_file():
            problems.append(f"{each.file}: {name}: there is no {folder.name}/action.yml")
            continue
        known = load(folder / "action.yml").get("inputs") or {}
        problems += [
            f"{each.file}: {name} has no input {key}" for key in set(each.given) - {*known}
        ]
        problems += [
            f"{each.file}: {name} needs the input {key}"
            for key, about in known.items()
            if about.get("required") and key not in each.given
        ]
    return problems


def permissions(root: Path) -> list[str]:
    """A workflow grants nothing, each job what it needs, and each write says what for."""
    problems = []
    for file in workflow_files(root):
        workflow, lines = load(file), file.read_text(encoding="utf-8").splitlines()
        if workflow.get("permissions") != {}:
            problems.append(f"{file.name}: must say `permissions: {{}}` on top")
        for name, job in workflow["jobs"].items():
            grants = job.get("permissions")
            if not isinstance(grants, CommentedMap):
                problems.append(f"{file.name}: {name}: its permissions are not written out")
                continue
            problems += [
                f"{file.name}: {name}: {key}: write lacks a comment that says what for"
                for key, level in grants.items()
                if level == "write" and "#" not in lines[grants.lc.key(key)[0]]
            ]
    return problems


def timeouts(root: Path) -> list[str]:
    """No job can run for hours unseen."""
    return [
        f"{place}: has no timeout-minutes"
        for place, job, _ in _jobs(root)
        if "timeout-minutes" not in job and "uses" not in job
    ]


def images(root: Path) -> list[str]:
    """GitHub moves what `-latest` names, on a day of its own choice."""
    return [
        f"{file.name}: {found[0]} is an image that changes; name its version"
        for file in workflow_files(root)
        for found in re.finditer(r"\b(ubuntu|windows|macos)-latest\b", file.read_text("utf-8"))
    ]


def concurrency(root: Path) -> list[str]:
    """Every workflow says what happens to an older run; what deploys is never cut short."""
    problems = []
    for file in workflow_files(root):
        workflow = load(file)
        setting = workflow.get("concurrency")
        if not isinstance(setting, dict) or "cancel-in-progress" not in setting:
            problems.append(f"{file.name}: concurrency must say group and cancel-in-progress")
        elif _deploys(file, workflow) and setting["cancel-in-progress"] is not False:
            problems.append(f"{file.name}: deploys, and must say `cancel-in-progress: false`")
    return problems


def _deploys(file: Path, workflow: Any) -> bool:
    grants = {
        key
        for job in workflow["jobs"].values()
        for key, level in (job.get("permissions") or {}).items()
        if level == "write"
    }
    named = re.search(r"release|deploy|promot|rollback|publish", file.stem) is not None
    return named or bool(grants & DEPLOYING)


def expressions(root: Path) -> list[str]:
    """No expression inside of a script: whoever names a branch would write the script."""
    problems = []
    for file in (*workflow_files(root), *action_files(root)):
        for step in steps_of(load(file)):
            texts = [step.get("run", ""), (step.get("with") or {}).get("script", "")]
            if any("${{" in text for text in texts):
                name = step.get("name", step.get("id", "a step"))
                problems.append(f"{file.name}: {name}: an expression in a script; use env")
    return problems


def foreign_code(root: Path) -> list[str]:
    """Where there are secrets whoever caused the run, only the default branch is checked out.

    Runs on `pull_request` get no secrets and a read-only token of GitHub where they come from a
    fork, so that what they check out is free.
    """
    problems = []
    for place, job, workflow in _jobs(root):
        if not set(_events(workflow)) & PRIVILEGED:
            continue
        for step in job.get("steps", []):
            given = step.get("with") or {}
            checkout = str(step.get("uses", "")).startswith("actions/checkout@")
            chosen = f"{given.get('repository', '')}{given.get('ref', '')}"
            if checkout and "${{" in chosen:
                problems.append(f"{place}: checks out what the event names, next to secrets")
            if re.search(r"\b(git fetch|git clone|git pull|gh pr checkout)\b", step.get("run", "")):
                problems.append(f"{place}: fetches code in a script, next to secrets")
    return problems


def _events(workflow: Any) -> list[str]:
    found = workflow["on"]
    return [found] if isinstance(found, str) else list(found)


def caches(root: Path) -> list[str]:
    """No job takes or leaves a cache: any job that runs a change's code could have filled it."""
    return [
        f"{each.file}: {each.value.partition('@')[0]}: takes a cache"
        for each in uses_of(root)
        if "cache" in each.value.partition("@")[0] or "cache" in str(list(each.given))
    ]


COUNTED = ("pipeline.yml", "retrain.yml")
"""Their runs make the models that count."""
_FRESH = (
    "actions/checkout@",
    "actions/upload-artifact@",
    "actions/download-artifact@",
    "./.github/actions/candidate",
    "./.github/actions/setup",
    "./.github/actions/trusted",
    "./.github/actions/open-pull-request",
)
_KEPT = re.compile(
    r"\b(gh cache|gh run download|run-cache|cache-from|actions-cache|_apis/artifact)"
)


def fresh(root: Path) -> list[str]:
    """A run whose model counts takes nothing that an earlier run, or an earlier push, left.

    Only listed actions run in it, each in a way that starts from nothing. What an earlier run made
    comes by `gatehouse`, which compares each byte with a record.
    """
    problems = []
    for place, job, _ in _jobs(root):
        if not place.startswith(COUNTED):
            continue
        for step in job.get("steps", []):
            why = _keeps(step)
            if why:
                problems.append(f"{place}: {step.get('name', 'a step')}: {why}")
    return problems


def _keeps(step: Any) -> str | None:
    """Why a step could take what an earlier run left."""
    uses, given = str(step.get("uses", "")), step.get("with") or {}
    if uses and not uses.startswith(_FRESH):
        return f"{uses.partition('@')[0]} is not listed as an action that takes no cache"
    if uses.startswith("actions/checkout@") and given.get("clean", True) is not True:
        return "leaves what is in the checkout"
    if uses.startswith("actions/download-artifact@") and {"run-id", "repository"} & set(given):
        return "takes an artifact of another run"
    found = _KEPT.search(str(step.get("run", "")))
    return f"runs {found[0]}" if found else None


def refs(root: Path) -> list[str]:
    """No short name of a ref decides: a tag that is called main has the name of the branch."""
    return [
        f"{place}: asks for github.ref_name; compare github.ref with refs/heads/..."
        for place, job, _ in _jobs(root)
        for condition in [job.get("if"), *(step.get("if") for step in job.get("steps", []))]
        if re.search(r"\bgithub\.(ref_name|base_ref|head_ref)\b", str(condition))
    ]


_SAID_FALSE = re.compile(r"needs\.\w+\.outputs\.\w+ != 'false'")
_ANYHOW = re.compile(r"\b(always|cancelled|failure)\(\)")


def skips(root: Path) -> list[str]:
    """What follows a job that runs beside skipped ones asks for its result.

    GitHub skips a job after any job that was skipped, however far before it, unless the condition
    has a status function of its own (actions/runner#491). act looks at the direct needs only.
    """
    problems = []
    for place, job, workflow in _jobs(root):
        needs = job.get("needs") or []
        for name in [needs] if isinstance(needs, str) else needs:
            before = workflow["jobs"].get(name) or {}
            runs_anyhow = before.get("needs") and _ANYHOW.search(str(before.get("if", "")))
            if runs_anyhow and not _ANYHOW.search(str(job.get("if", ""))):
                problems.append(f"{place}: is skipped with what {name} may run without")
    return problems


def whole_runs(root: Path) -> list[str]:
    """No job of pull-request.yml may fail, or be left out, while the run is called a success.

    The status follows from how the whole run ended, so that no job sums it up. A job may be left
    out only because another one has said `false`, or with all others.
    """
    file = root / ".github/workflows/pull-request.yml"
    jobs = load(file)["jobs"]
    problems = []
    first = next(iter(jobs.values())).get("if")
    for name, job in jobs.items():
        if "continue-on-error" in job:
            problems.append(f"{file.name}: {name}: a failure would count as a success")
        found = job.get("if")
        if found is None or ("needs" not in job and found == first):
            continue
        if not _SAID_FALSE.fullmatch(str(found)) or job.get("needs") is None:
            problems.append(f"{file.name}: {name}: `if: {found}` may leave it out in silence")
    return problems
