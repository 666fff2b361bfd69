"""A fork's own gates: objects in `src/gates` that policy.yaml names.

The policy in force names them, which in a pull request is the base's policy. They are imported from
the installed package `gates`. A gate that a pull request adds therefore counts from the next pull
request on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.gates import GATES
from gatehouse.gates.spec import GateSpec
from gatehouse.named import load_instance
from gatehouse.typed import validate

if TYPE_CHECKING:
    from gatehouse.policy import OwnGate, Policy


def gates_of(policy: Policy) -> tuple[GateSpec, ...]:
    """Return the built-in gates and those that the policy names.

    Raises:
        GatehouseError: see `own_gates`.
    """
    return (*GATES, *own_gates(policy.gates))


def own_gates(gates: Mapping[str, OwnGate]) -> tuple[GateSpec, ...]:
    """Return the gates that a policy names.

    Raises:
        GatehouseError: an object can't be imported, is not a gate, has another name, or does not
            accept the settings that the policy gives it.
    """
    return tuple(_checked(name, own) for name, own in gates.items())


def find_gate(name: str, policy: Policy) -> GateSpec:
    """Return the gate called `name`.

    Raises:
        GatehouseError: there is no such gate, or an own gate is invalid (see `own_gates`).
    """
    for gate in GATES:
        if gate.name == name:
            return gate
    if name not in policy.gates:
        raise GatehouseError(
            f"there is no gate '{name}'; there are: {', '.join(policy.gate_names)}"
        )
    return _checked(name, policy.gates[name])


def _checked(name: str, own: OwnGate) -> GateSpec:
    where = f"policy.yaml: gates.{name}"
    gate = load_instance(own.object, where, GateSpec)
    if gate.name != name:
        raise GatehouseError(f"{where}: {own.object} has the name '{gate.name}'; use that one")
    if gate.settings is None and own.settings:
        raise GatehouseError(f"{where}.settings: the gate takes none; take them out")
    if gate.settings is not None:
        validate(gate.settings, own.settings, f"{where}.settings")
    return gate
