"""A fork's own gates: objects in `src/gates` that policy.yaml names.

The policy that decides names them, which in a pull request is the base's, and what is imported is
the package `gates` of the installation: a change adds a gate, and it counts from the next one on.
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
    """The built-in gates, and those that the policy names.

    Raises:
        GatehouseError: as `own_gates`.
    """
    return (*GATES, *own_gates(policy.gates))


def own_gates(gates: Mapping[str, OwnGate]) -> tuple[GateSpec, ...]:
    """The gates that a policy names.

    Raises:
        GatehouseError: an object can't be imported, is no gate, has another name, or does not take
            the settings that the policy gives it.
    """
    return tuple(_checked(name, own) for name, own in gates.items())


def find_gate(name: str, policy: Policy) -> GateSpec:
    """The gate called `name`.

    Raises:
        GatehouseError: there is none, or as `own_gates`.
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
