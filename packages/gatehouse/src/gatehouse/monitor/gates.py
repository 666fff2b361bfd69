"""The monitor's gates: built-in gates and the policy's own gates that define a production mode.

In production, evidence is always about contract, window and model, and is compared with the model's
training data, whatever a gate uses in a pull request.
"""

from __future__ import annotations

from dataclasses import replace

from gatehouse.errors import GatehouseError
from gatehouse.gates.own import gates_of
from gatehouse.gates.spec import GateSpec, Production
from gatehouse.policy import POLICY_FILE, Policy

Watching = dict[str, Production]
"""How each gate measures production, by its name."""


def watched_gates(policy: Policy) -> tuple[GateSpec, ...]:
    """Return the gates that can monitor production, in their production mode.

    Raises:
        GatehouseError: a gate of the policy's own can't be loaded, or `monitor.gates` names one
            without a production mode.
    """
    gates = gates_of(policy)
    for gate in gates:
        if gate.production is None and gate.name in policy.monitor.gates:
            raise GatehouseError(
                f"{POLICY_FILE}: monitor.gates: {gate.name} does not say how it looks at "
                "production; give its GateSpec `production`, or take it out"
            )
    return tuple(
        replace(gate, looks_at=("contract", "data", "model"), compares=True)
        for gate in gates
        if gate.production is not None
    )


def watching_gates(policy: Policy) -> Watching:
    """Return the production mode of the gates that have one; raises as `watched_gates`."""
    return {gate.name: gate.production for gate in watched_gates(policy) if gate.production}
