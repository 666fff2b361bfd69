"""Attacks the first hour of somebody who is alone, and `solo` where they no longer are."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.settings import apply_settings
from gatehouse.github.solo import with_solo
from gatehouse.policy import parse_policy
from tests.gatehouse.github.gh import REPO, Gh
from tests.gatehouse.tiny import POLICY
from tests.sample import lay_owners


@pytest.fixture
def template(clone: Path) -> Path:
    """A clone whose owners nobody has written yet."""
    lay_owners(clone)
    (clone / "policy.yaml").write_text(POLICY)
    return clone


def solo(root: Path) -> bool | None:
    return parse_policy((root / "policy.yaml").read_text(), "policy.yaml").solo


def test_one_owner_is_solo_before_the_ruleset(
    template: Path, gh: Gh, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is set on GitHub until owners and `solo` can be on the default branch."""
    assert apply_settings(REPO, owners=("@alice",)) == 1
    assert solo(template) is True
    assert "policy.yaml says solo now" in capsys.readouterr().out
    assert gh.taken_calls() == []
    text = (template / "policy.yaml").read_text()
    assert text.replace(next(x for x in text.splitlines(True) if x.startswith("solo")), "") == (
        POLICY
    )
    files = {"codeowners": "CODEOWNERS", "ownership": "ownership.txt"}
    gh.set(**{key: (template / ".github" / name).read_text() for key, name in files.items()})
    assert apply_settings(REPO, owners=("@alice",)) == 0
    assert gh.ruleset()["enforcement"] == "active"


def test_an_owner_who_was_written_by_hand_is_solo(template: Path, gh: Gh) -> None:
    """Also without OWNERS, and before anything is set."""
    lay_owners(template, "@alice")
    assert apply_settings(REPO) == 1
    assert solo(template) is True
    assert gh.written() == []


@pytest.mark.parametrize(
    "owners", [("@alice", "@bob"), ("@org/owners",), ("@alice", "@org/owners"), ("a@example.org",)]
)
def test_several_owners_are_not_solo(template: Path, gh: Gh, owners: tuple[str, ...]) -> None:
    """A team may be many, and an e-mail address is nobody's name."""
    assert apply_settings(REPO, owners=owners) == 1
    assert solo(template) is None


def test_a_dry_run_says_so_and_writes_nothing(
    template: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a rehearsal that writes, or that shows less than what is then done."""
    assert apply_settings(REPO, owners=("@alice",), dry_run=True) == 0
    assert "and solo: true to policy.yaml." in capsys.readouterr().out
    assert solo(template) is None


@pytest.mark.parametrize("value", ["true", "false"])
def test_what_the_policy_says_stays(template: Path, gh: Gh, value: str) -> None:
    """Attacks a choice of the owner's, and a second line of the same name."""
    text = f"{POLICY}solo: {value}\n"
    (template / "policy.yaml").write_text(text)
    assert apply_settings(REPO, owners=("@alice",)) == 1
    assert (template / "policy.yaml").read_text() == text


def test_a_policy_of_another_layout() -> None:
    """An error with the fix, and no policy that says something else."""
    text = POLICY.replace("version: 1\n", "{version: 1,\n", 1)
    with pytest.raises(GatehouseError):
        with_solo(text)
    flow = '"version": 1\n' + POLICY.replace("version: 1\n", "", 1)
    with pytest.raises(GatehouseError, match="write solo: true into it"):
        with_solo(flow)
