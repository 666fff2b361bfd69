"""Random draws: attacks data and models that were searched for until they suit the seed."""

from __future__ import annotations

from typing import Any

import pytest

from gatehouse.draws import DRAWS, KEY, drawn_policy, draws_here, draws_of, mark
from gatehouse.measure import measure
from gatehouse.workspace import MODEL
from tests.gatehouse.tiny import Finished
from tests.shared import NAMES, SPECS


def test_draws_follow_from_secret_and_candidate(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks draws that a change can work out, or that a second run would change."""
    monkeypatch.delenv(KEY, raising=False)
    published = draws_of(finished.workspace)
    monkeypatch.setenv(KEY, "a secret")
    first = draws_of(finished.workspace)
    assert first not in (published, mark(first))
    assert draws_of(finished.workspace) == first
    monkeypatch.setenv(KEY, "another secret")
    assert draws_of(finished.workspace) != first
    monkeypatch.setenv(KEY, "a secret")
    path = finished.root / MODEL
    path.write_bytes(path.read_bytes() + b"\0")
    assert draws_of(finished.workspace) != first


def test_each_gate_and_seed_draws_by_itself(finished: Finished) -> None:
    """Attacks one gate's draws by what another's evidence tells."""
    policy = finished.policy
    seeds = {drawn_policy(policy, gate, "aa").measure.seed for gate in NAMES}
    assert len(seeds) == len(NAMES)
    other = policy.model_copy(update={"measure": policy.measure.model_copy(update={"seed": 1})})
    drawn = (drawn_policy(each, "drift", "aa").measure.seed for each in (policy, other))
    assert len(set(drawn)) == 2


def test_evidence_says_which_draws_and_keeps_the_policy_s_settings(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks the judge, which holds settings against the policy's, and the secret's safety."""
    quick: dict[str, Any] = {"resamples": 200}
    policy = finished.policy
    policy = policy.model_copy(update={"measure": policy.measure.model_copy(update=quick)})

    def measured(draws: str) -> Any:
        monkeypatch.setenv(DRAWS, draws)
        assert draws_here(finished.workspace) == draws
        return measure(SPECS["fairness"], finished.workspace, None, policy)

    one, again, other = measured("11" * 32), measured("11" * 32), measured("22" * 32)
    assert one == again
    assert one.measurements != other.measurements
    assert one.settings == other.settings == policy.settings(SPECS["fairness"])
    assert one.draws == mark("11" * 32)
    assert "11" * 32 not in one.to_json()
