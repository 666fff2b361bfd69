"""Evidence of one gate, by exactly the policy that a test gives."""

from __future__ import annotations

from gatehouse.evidence import Evidence
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace
from tests.shared import SPECS


def evidence_by(
    gate: str, candidate: Workspace, base: Workspace | None, policy: Policy
) -> Evidence:
    """What `gatehouse.measure` makes, but with the policy's own seed."""
    spec = SPECS[gate]
    found = spec.measure(candidate, base, policy)
    return Evidence(
        gate=gate,
        candidate=candidate.subject(spec),
        base=base.subject(spec) if base else None,
        exam=found.exam,
        asked=found.asked,
        settings=policy.settings(spec),
        tools=dict(found.tools),
        measurements=tuple(found.measurements),
        curves=tuple(found.curves),
    )
