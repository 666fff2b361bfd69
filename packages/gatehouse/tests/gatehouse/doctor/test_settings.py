"""The files that a fork changes, and the whole command."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.contract import load_contract
from gatehouse.doctor.adopted import SAMPLE
from gatehouse.doctor.finding import Finding, Level
from gatehouse.doctor.settings import check_settings
from gatehouse.report.card_text import TO_WRITE
from tests.gatehouse.conftest import Command
from tests.gatehouse.template.repositories import Scratch, scratch
from tests.sample import lay_owners, lay_sample

REPOSITORY = Path(__file__).parents[5]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The sample's files as a fork's: nothing is the sample's any more."""
    root = tmp_path / "fork"
    root.mkdir()
    lay_sample(root)
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    contract = (root / "contract.yaml").read_text()
    name = load_contract(root / "contract.yaml").name
    (root / "contract.yaml").write_text(contract.replace(f"name: {name}", "name: prices", 1))
    card = (root / "model_card.yaml").read_text()
    for word in ("Adult", "50,000 dollars", "census"):
        card = card.replace(word, "word")
    (root / "model_card.yaml").write_text(card)
    lay_owners(root, "@org/us @alice")
    (root / "deploy").mkdir()
    (root / "deploy/image.yaml").write_text("newName: ghcr.io/acme/prices\n")
    return root


def edit(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / name).read_text()
        assert old in text
        (root / name).write_text(text.replace(old, new, 1))

    return change


def by_level(root: Path, level: Level) -> list[Finding]:
    return [each for each in check_settings(root) if each.level is level]


def test_a_fork_in_order_is_fine(own: Path) -> None:
    """Attacks: false alarms."""
    assert {each.level for each in check_settings(own)} == {Level.FINE}


@pytest.mark.parametrize(
    ("change", "level", "part"),
    [
        (edit("contract.yaml", "columns:", "colums:"), Level.PROBLEM, "colums: there is no such"),
        (edit("contract.yaml", "  valid: ", "  valid: 9"), Level.PROBLEM, "split.valid"),
        (edit("policy.yaml", "gate: data", "gate: dta"), Level.PROBLEM, "policy.yaml"),
        (edit("model_card.yaml", "version: 1", "version: one"), Level.PROBLEM, "model_card.yaml"),
        (edit("model_card.yaml", "name: ", "name: Adult "), Level.PROBLEM, "sample: model_details"),
        (edit("contract.yaml", "name: prices", f"name: {SAMPLE}"), Level.WARNING, "the template's"),
        (edit(".github/CODEOWNERS", "@alice", "@al?ce"), Level.PROBLEM, "skips this line"),
        (edit(".github/CODEOWNERS", "/docs/\n", "/docs/\n/policy.yaml\n"), Level.PROBLEM,
         "run `gatehouse github owners`"),
        (edit(".github/ownership.txt", "\n.github/ ", "\n.github "), Level.PROBLEM,
         "write .github/ there"),
        (edit("deploy/image.yaml", "acme/prices", "OWNER/NAME"), Level.WARNING, "image.yaml"),
        (edit("policy.yaml", "measurement: not_from_run", "measurement: misdealt_rows"),
         Level.WARNING, "asks where a model comes from"),
        (edit("policy.yaml", "waivers: []", "waivers:\n  - rule: latency-base\n    reason: "
              "because we said so\n    approver: jane\n    expires: 2020-01-01"),
         Level.WARNING, "latency-base has expired on 2020-01-01"),
        (edit("policy.yaml", "roc_auc: 0.000563", "roc_auc: 0.01"), Level.WARNING,
         "accuracy-auc-base: its limit -0.01 lies inside training noise"),
        (edit("params.yaml", "features: {}", "features: {x: {mean: income, by: workclass}}"),
         Level.PROBLEM, "params.yaml: features.x.mean: 'income' is the target"),
        (edit("params.yaml", "dropout: 0.1", "dropout: 0.2"), Level.WARNING,
         "noise was measured with other training settings"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_the_fix(
    own: Path, change: Callable[[Path], None], level: Level, part: str
) -> None:
    """Attacks: each file broken, and each thing of the template's left in."""
    change(own)
    found = by_level(own, level)
    assert any(part in each.text for each in found), found
    assert all(each.fix for each in found)


def test_a_card_that_init_left_open_is_no_finished_one(own: Path) -> None:
    """Attacks "valid" for a form that nobody filled in, in the words that init writes."""
    for part in ("owner", "contact"):
        edit("model_card.yaml", f"  {part}: ", f"  {part}: '{TO_WRITE}: who' # ")(own)
    (found,) = by_level(own, Level.WARNING)
    assert found.text == "model_card.yaml: 2 parts are still to be written"
    assert f'"{TO_WRITE}"' in found.fix


@pytest.mark.parametrize(
    ("remote", "contract", "ci", "level"),
    [
        ("https://github.com/acme/prices.git", "prices", False, Level.PROBLEM),
        ("https://github.com/acme/prices.git", SAMPLE, False, Level.WARNING),
        ("/srv/git/prices.git", "prices", False, Level.WARNING),
        ("/srv/git/prices.git", SAMPLE, True, Level.PROBLEM),
    ],
)
def test_owners_are_missed_once_the_repository_is_set_up(
    place: Scratch,
    monkeypatch: pytest.MonkeyPatch,
    remote: str,
    contract: str,
    ci: bool,
    level: Level,
) -> None:
    """Attacks: a fresh clone called broken, and a real repository without owners called fine."""
    monkeypatch.delenv("CI", raising=False)
    if ci:
        monkeypatch.setenv("CI", "true")
    place.git("remote", "add", "origin", remote)
    edit("contract.yaml", "name: prices", f"name: {contract}")(place.root)
    edit(".github/ownership.txt", "@org/us @alice", "@OWNER")(place.root)
    (found,) = [each for each in check_settings(place.root) if "placeholder @OWNER" in each.text]
    assert found.level is level
    assert "docs/github.md" in found.fix


@pytest.fixture
def place(own: Path, tmp_path: Path) -> Scratch:
    """The fork as a Git repository whose remote is no GitHub."""
    made = scratch(tmp_path / "place")
    shutil.copytree(own, made.root, dirs_exist_ok=True)
    made.commit("all", {})
    return made


def test_the_command_lists_fixes_in_order_and_ends_with_1(
    place: Scratch, gatehouse: Command
) -> None:
    """Attacks: problems that end with 0, and an answer that no program can read."""
    before = place.git("status", "--porcelain")
    done = gatehouse("doctor", "--offline", cwd=place.root)
    assert done.exit_code == 1
    output = done.output.split("to fix, in this order:")[1]
    assert "1. [problem, environment] .venv has no finished installation\n     make setup" in output
    assert output.index("[problem, github] ") < output.index("[warning, git] ")
    done = gatehouse("doctor", "--offline", "--json", cwd=place.root)
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["fine"]) == (1, False)
    assert {"tools", "disk", "settings", "github"} <= {each["area"] for each in answer["findings"]}
    assert place.git("status", "--porcelain") == before


def test_warnings_do_not_fail(
    place: Scratch, gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks: a doctor in CI that is red because Node is missing."""
    from gatehouse.doctor import environment, examine, remote

    for module, name in ((environment, "check_environment"), (remote, "check_remote")):
        monkeypatch.setattr(module, name, lambda root, **_: [])
    for name in ("pull-request", "pipeline", "gates"):
        place.commit(name, {f".github/workflows/{name}.yml": "on: push\n"})
    done = gatehouse("doctor", cwd=place.root)
    assert done.exit_code == 0, done.output
    assert "warning" in done.output
    assert "GitHub was not checked" in done.output
    assert examine.examine(Path(), None, lambda _: None, write=False).fine
