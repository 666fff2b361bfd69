"""Attacks a default that another version of the library loosens where nobody sees it."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from gatehouse import defaults as module
from gatehouse.changes import policy_changes
from gatehouse.defaults import FILE, UNKNOWN, Defaults, changed_defaults, defaults_of, to_json
from gatehouse.errors import GatehouseError
from gatehouse.places import LIBRARY
from gatehouse.policy import Monitor, Policy, Rule, parse_policy
from gatehouse.typed import parse_yaml
from tests.gatehouse.template.repositories import Scratch, scratch
from tests.gatehouse.tiny import POLICY

WHEEL = "vendor/gatehouse-1.0-py3-none-any.whl"
BASE = parse_policy(POLICY, "policy.yaml")


class OtherRule(Rule):
    """A rule of another version, which only warns where this one fails."""

    inconclusive: Literal["fail", "warn", "pass"] = "warn"


class OtherMonitor(Monitor):
    """The monitor of another version, which looks at fewer windows."""

    windows: int = 4


class OtherPolicy(Policy):
    """The policy of another version."""

    rules: dict[str, OtherRule]  # type: ignore[assignment]
    monitor: OtherMonitor = OtherMonitor()
    comment: Literal["full", "on-change", "failures"] = "failures"


def directions(before: Policy, after: Policy) -> dict[str, str]:
    return {change.key: change.direction for change in policy_changes(before, after)}


def test_the_file_has_this_version_s_defaults() -> None:
    """Attacks a file that tells of another version than the code beside it."""
    text = Path(module.__file__).with_name(FILE).read_text("utf-8")
    assert text == to_json(), "run: python -m gatehouse.reference"


def test_a_default_of_another_version_is_a_change() -> None:
    """Attacks a comparison, or a digest, of what is written and not of what it means."""
    theirs = Defaults(defaults_of(OtherPolicy)).fill(POLICY)
    silent = [name for name, rule in BASE.rules.items()
              if "inconclusive" not in rule.model_fields_set]  # fmt: skip
    assert 0 < len(silent) < len(BASE.rules), "some rules say it themselves"
    expected = {f"rules.{name}.inconclusive": "loosened" for name in silent}
    beside = {"monitor.windows": "loosened", "comment": "neutral"}
    assert directions(BASE, theirs) == expected | beside
    back = {f"rules.{name}.inconclusive": "tightened" for name in silent}
    assert directions(theirs, BASE) == back | beside
    # As that version itself would read the file, by whose digest a verdict names it.
    assert theirs.digest == OtherPolicy.model_validate(_parsed(POLICY)).digest != BASE.digest


def test_equal_defaults_change_nothing() -> None:
    """Attacks filled-in defaults that count as changes, and a digest that moves by them."""
    same = Defaults(defaults_of()).fill(POLICY)
    assert policy_changes(BASE, same) == ()
    assert same.digest == BASE.digest


def test_keys_that_we_do_not_know_are_left_out() -> None:
    """Attacks an update that can't be judged since its version has other settings."""
    tree = copy.deepcopy(defaults_of())
    tree["rules"]["keys"]["*"]["keys"]["patience"] = {"default": 3}
    tree["more"] = {"keys": {"and": {"default": 1}}}
    del tree["monitor"], tree["solo"]
    assert Defaults(tree).fill(POLICY).digest == BASE.digest


def test_a_policy_that_is_wrong_says_so() -> None:
    """Attacks defaults that hide an error, or one that no line tells of."""
    with pytest.raises(GatehouseError, match=r"policy\.yaml"):
        Defaults(defaults_of()).fill("rules: [1, 2]\n")
    tree = copy.deepcopy(defaults_of())
    tree["rules"]["keys"]["*"]["keys"]["on_fail"] = {"default": "sing"}
    with pytest.raises(GatehouseError, match="on_fail"):
        Defaults(tree).fill(POLICY)


def _parsed(text: str) -> Any:
    return parse_yaml(text, "policy.yaml")


def with_source(repository: Scratch, text: str) -> str:
    return repository.commit("a version", {f"{LIBRARY}/{FILE}": text})


def with_wheel(repository: Scratch, text: str) -> str:
    path = repository.root / WHEEL
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as files:
        files.writestr(f"gatehouse/{FILE}", text)
    return repository.commit("a version", {})


@pytest.mark.parametrize("bring", [with_source, with_wheel])
def test_they_are_read_of_a_commit(bring: Callable[[Scratch, str], str], tmp_path: Path) -> None:
    """Attacks defaults that are asked of the code that runs, and so of the base's."""
    repository = scratch(tmp_path / "repository")
    first = bring(repository, to_json())
    words = repository.commit("words", {"README.md": "Other words."})
    assert changed_defaults(first, words, repository.root) is None, "the same library"
    head = bring(repository, json.dumps(defaults_of(OtherPolicy)))
    found = changed_defaults(first, head, repository.root)
    assert found == Defaults(defaults_of(OtherPolicy))
    assert found is not None
    assert found.unknown == ()


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{", "[" * 100_000, '{"rules": 1}', '{"rules": {"keys": [1]}}', '{"a": {}}',
     " " * (2 << 20)],
    ids=["empty", "list", "broken", "deep", "number", "no section", "no default", "large"],
)  # fmt: skip
@pytest.mark.parametrize("bring", [with_source, with_wheel])
def test_what_can_t_be_read_counts_as_loosened(
    bring: Callable[[Scratch, str], str], text: str, tmp_path: Path
) -> None:
    """Attacks a library that hides its defaults, or takes the judge down by them."""
    repository = scratch(tmp_path / "repository")
    first = bring(repository, to_json())
    found = changed_defaults(first, bring(repository, text), repository.root)
    assert found == Defaults(None)
    assert found is not None
    assert found.unknown == (UNKNOWN,)
    assert found.fill(POLICY).digest == BASE.digest


def test_a_wheel_that_is_none_counts_as_loosened(tmp_path: Path) -> None:
    """Attacks by a file that is no archive, two wheels, a link to another place, and no wheel."""
    repository = scratch(tmp_path / "repository")
    first = with_wheel(repository, to_json())
    broken = repository.commit("broken", {WHEEL: "no archive"})
    two = repository.commit("two", {WHEEL: "one", WHEEL.replace("1.0", "1.1"): "two"})
    gone = repository.commit("gone", {WHEEL: None, WHEEL.replace("1.0", "1.1"): None})
    (repository.root / "vendor").mkdir(exist_ok=True)
    (repository.root / WHEEL).symlink_to("/etc/passwd")
    link = repository.commit("link", {})
    for head in (broken, two, gone, link):
        assert changed_defaults(first, head, repository.root) == Defaults(None)
