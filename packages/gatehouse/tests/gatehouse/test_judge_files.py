"""From files to a verdict: whose policy decides, and what a base changes."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from gatehouse.base import dealt, find_base, take_base
from gatehouse.errors import GatehouseError
from gatehouse.gates import GATES
from gatehouse.judge_files import base_named, named_policy, verdict_on
from gatehouse.verdict import Outcome, Verdict
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import POLICY, Finished

WAIVER = (
    "waivers: [{rule: accuracy-floor, reason: It is fine for now, approver: me, "
    "expires: 2027-01-01}]"
)
HIGH = POLICY.replace("at_least: 0.8", "at_least: 0.95")


def _judged(repository: Repository, ref: str = "main", policy: str | None = None) -> Verdict:
    """Judge the work tree against `ref`, with evidence freshly measured against it."""
    base = find_base(ref, repository.root)
    taken = take_base(base, repository.root)
    repository.write_all(dealt(taken).present() if taken else None)
    return verdict_on(repository.workspace, base, policy, on=date(2026, 11, 21))


def test_a_finished_run_passes(finished: Finished) -> None:
    """Attacks the way from files to a verdict, with nothing wrong."""
    verdict = verdict_on(finished.workspace)
    assert verdict.outcome is Outcome.PASS
    assert verdict.policy_from == "policy.yaml"
    assert verdict.base is None


def test_the_base_s_policy_decides_and_the_proposed_one_is_shown(repository: Repository) -> None:
    """Attacks a pull request that lowers its own bar."""
    path = repository.root / "policy.yaml"
    path.write_text(HIGH)
    repository.commit("a high bar")
    path.write_text(POLICY)
    verdict = _judged(repository)
    assert verdict.outcome is Outcome.FAIL
    assert verdict.policy_from.startswith("policy.yaml of main (")
    assert [(c.key, c.direction) for c in verdict.policy_changes] == [
        ("rules.accuracy-floor.at_least", "loosened")
    ]
    assert verdict.proposed is not None
    assert verdict.proposed.outcome is Outcome.PASS
    assert verdict.loosened


def test_a_loosened_contract_is_shown(repository: Repository) -> None:
    """Attacks a contract that quietly lets in what the base's refuses."""
    path = repository.root / "contract.yaml"
    path.write_text(path.read_text().replace("[0, 120]", "[0, 999]"))
    verdict = _judged(repository)
    assert [(c.key, c.direction) for c in verdict.contract_changes] == [
        ("columns.age.range", "loosened")
    ]


def test_a_base_without_a_policy_approves_no_waiver(repository: Repository) -> None:
    """Attacks the first pull request: with no policy before it, its own waivers would count."""
    path = repository.root / "policy.yaml"
    path.unlink()
    repository.commit("no policy")
    path.write_text(HIGH.replace("waivers: []", WAIVER))
    verdict = _judged(repository)
    assert verdict.outcome is Outcome.FAIL
    assert [state.state for state in verdict.waivers] == ["proposed"]
    path.write_text(POLICY)
    assert _judged(repository).outcome is Outcome.PASS


def test_a_waiver_counts_once_it_stands_in_the_base(repository: Repository) -> None:
    """Attacks waivers that never count, or count from the pull request."""
    path = repository.root / "policy.yaml"
    path.write_text(HIGH)
    repository.commit("a high bar")
    path.write_text(HIGH.replace("waivers: []", WAIVER))
    assert _judged(repository).outcome is Outcome.FAIL
    repository.commit("approved")
    assert _judged(repository).outcome is Outcome.PASS


def test_a_named_policy_s_waivers_count_only_where_the_base_has_them(
    repository: Repository,
) -> None:
    """Attacks `--policy` as a way round: a file of the pull request that waives its failure."""
    root = repository.root
    (root / "mine.yaml").write_text(HIGH.replace("waivers: []", WAIVER))
    verdict = _judged(repository, policy="mine.yaml")
    assert verdict.outcome is Outcome.FAIL
    assert verdict.waivers == ()
    assert verdict_on(repository.workspace, policy="mine.yaml").base is None
    path = root / "policy.yaml"
    for kept, outcome in (
        (WAIVER, Outcome.PASS),
        (WAIVER.replace("2027-01-01", "2026-12-31"), Outcome.FAIL),
        (WAIVER.replace("me,", "you,"), Outcome.FAIL),
    ):
        path.write_text(POLICY.replace("waivers: []", kept))
        repository.commit("waivers")
        assert _judged(repository, policy="mine.yaml").outcome is outcome
    path.unlink()
    repository.commit("no policy")
    path.write_text(POLICY)
    assert _judged(repository, policy="mine.yaml").outcome is Outcome.FAIL


def test_the_base_s_measuring_settings_count(repository: Repository) -> None:
    """Attacks numbers measured as the pull request likes, and a proposal that fails for its own."""
    path = repository.root / "policy.yaml"
    path.write_text(POLICY.replace("resamples: 2000", "resamples: 200"))
    verdict = _judged(repository)  # measured by the work tree's settings
    assert verdict.outcome is Outcome.FAIL
    assert "other settings" in verdict.errors["fairness"]
    path.write_text(POLICY)
    base = find_base("main", repository.root)
    taken = take_base(base, repository.root)
    assert taken is not None
    repository.write_all(dealt(taken).present())
    path.write_text(POLICY.replace("resamples: 2000", "resamples: 200"))
    verdict = verdict_on(repository.workspace, base)
    assert verdict.outcome is Outcome.PASS
    assert verdict.proposed is not None
    assert verdict.proposed.outcome is Outcome.PASS


def test_evidence_compared_with_nothing_fails_against_a_base(repository: Repository) -> None:
    """Attacks skipping the comparison: evidence made without the base that is asked for."""
    repository.write_all()
    verdict = verdict_on(repository.workspace, find_base("main", repository.root))
    assert verdict.outcome is Outcome.FAIL
    assert set(verdict.errors) == {gate.name for gate in GATES if gate.compares}


def test_a_commit_without_a_run_is_compared_with_nothing(repository: Repository) -> None:
    """Attacks a first pull request that fails for want of a base."""
    verdict = _judged(repository, "sources")
    assert verdict.outcome is Outcome.PASS
    assert verdict.base is None


def test_judging_does_not_touch_the_work_tree(repository: Repository) -> None:
    """Attacks judging that leaves something behind in Git's eyes."""
    _judged(repository)
    before = repository.state()
    verdict_on(repository.workspace, find_base("main", repository.root), "main")
    assert repository.state() == before


def test_a_named_policy_is_a_file_or_a_commit(repository: Repository) -> None:
    """Attacks each way to name a policy, and a file named as the branch that is asked for."""
    root = repository.root
    (root / "high.yaml").write_text(HIGH)
    assert named_policy("high.yaml", root).rules["accuracy-floor"].at_least == 0.95
    assert named_policy(os.fspath(root / "high.yaml"), root) == named_policy("high.yaml", root)
    assert named_policy("main", root).rules["accuracy-floor"].at_least == 0.8
    assert _judged(repository, policy="high.yaml").outcome is Outcome.FAIL
    (root / "main").write_text(HIGH)
    with pytest.raises(GatehouseError, match="is a file and a commit"):
        named_policy("main", root)
    assert named_policy("./main", root).rules["accuracy-floor"].at_least == 0.95


@pytest.mark.parametrize("name", ["nowhere", "", ".", "--help", "nowhere.yaml"])
def test_a_policy_that_is_neither_is_told(repository: Repository, name: str) -> None:
    """Attacks misspelt names, folders and options."""
    with pytest.raises(GatehouseError, match="neither a policy file nor a commit"):
        named_policy(name, repository.root)


def test_a_commit_without_a_policy_is_told(repository: Repository) -> None:
    """Attacks falling back to another policy than the one that was asked for."""
    repository.git("rm", "-q", "--cached", "policy.yaml")
    repository.git("commit", "-qm", "no policy")
    with pytest.raises(GatehouseError, match=r"has no policy\.yaml"):
        named_policy("main", repository.root)


def test_an_empty_base_is_not_no_base(repository: Repository) -> None:
    """Attacks `--base "$BASE"` with the variable empty: the candidate would judge itself."""
    assert base_named(None, repository.root) is None
    with pytest.raises(GatehouseError, match="is not a commit"):
        base_named("", repository.root)


def test_a_file_policy_works_outside_git(finished: Finished, tmp_path: Path) -> None:
    """Attacks a need for Git where none is."""
    (finished.root / "high.yaml").write_text(HIGH)
    assert verdict_on(finished.workspace, policy="high.yaml").outcome is Outcome.FAIL
