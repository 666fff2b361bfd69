"""Measuring: data and model in, evidence out."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from gatehouse.draws import drawn_policy, draws_here, mark
from gatehouse.evidence import Evidence, Gate, evidence_path
from gatehouse.policy import Policy
from gatehouse.workspace import Workspace


def measure(gate: Gate, candidate: Workspace, base: Workspace | None, policy: Policy) -> Evidence:
    """The evidence of one gate; only that gate's libraries are imported.

    Its seed follows from the candidate's draws (`gatehouse.draws`), not from the policy alone.

    Raises:
        GatehouseError: data or model is missing, or they do not fit each other.
    """
    module = import_module(f"gatehouse.gates.{gate}")
    draws = draws_here(candidate)
    evidence: Evidence = module.measure(candidate, base, drawn_policy(policy, gate, draws))
    told = {"settings": policy.measure.of_gate(gate), "draws": mark(draws)}
    return evidence.model_copy(update=told)


def measure_and_write(
    gate: Gate, candidate: Workspace, base: Workspace | None, policy: Policy
) -> tuple[Evidence, Path]:
    """Measure, and store the evidence where the judge looks for it.

    Old evidence is taken away first, so that a failure leaves none rather than a stale one.
    """
    path = evidence_path(candidate.evidence, gate)
    path.unlink(missing_ok=True)
    evidence = measure(gate, candidate, base, policy)
    evidence.write(path)
    return evidence, path
