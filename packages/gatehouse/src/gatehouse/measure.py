"""Measuring: data and model in, evidence out."""

from __future__ import annotations

from pathlib import Path

from gatehouse.draws import drawn_policy, draws_here, mark
from gatehouse.evidence import Evidence, evidence_path
from gatehouse.gates.spec import GateSpec
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace


def measure(
    gate: GateSpec, candidate: Workspace, base: Workspace | None, policy: Policy
) -> Evidence:
    """Return the evidence of one gate; only that gate's libraries are imported.

    The seed derives from the candidate's draws (`gatehouse.draws`), not from the policy alone.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    base = base if gate.compares else None
    draws = draws_here(candidate)
    found = gate.measure(candidate, base, drawn_policy(policy, gate.name, draws))
    return Evidence(
        gate=gate.name,
        candidate=candidate.subject(gate),
        base=base.subject(gate) if base else None,
        exam=found.exam,
        asked=found.asked,
        draws=mark(draws),
        settings=policy.settings(gate),
        tools=dict(found.tools),
        measurements=tuple(found.measurements),
        curves=tuple(found.curves),
    )


def measure_and_write(
    gate: GateSpec, candidate: Workspace, base: Workspace | None, policy: Policy
) -> tuple[Evidence, Path]:
    """Measure, and store the evidence where the judge looks for it.

    Old evidence is deleted first, so that a failure leaves no stale evidence.
    """
    path = evidence_path(candidate.evidence, gate.name)
    path.unlink(missing_ok=True)
    evidence = measure(gate, candidate, base, policy)
    evidence.write(path)
    return evidence, path
