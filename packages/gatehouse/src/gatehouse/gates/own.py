"""A fork's own gates: objects in `src/gates` that policy.yaml names.

The policy that decides names them, which in a pull request is the base's, and what is imported is
the package `gates` of the installation: a change adds a gate, and it counts from the next one on.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

from gatehouse.errors import GatehouseError
from gatehouse.gates import GATES
from gatehouse.gates.spec import GateSpec
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
    gate = _loaded(own.object, where)
    if gate.name != name:
        raise GatehouseError(f"{where}: {own.object} has the name '{gate.name}'; use that one")
    if gate.settings is None and own.settings:
        raise GatehouseError(f"{where}.settings: the gate takes none; take them out")
    if gate.settings is not None:
        validate(gate.settings, own.settings, f"{where}.settings")
    return gate


@lru_cache(maxsize=64)
def _loaded(path: str, where: str) -> GateSpec:
    module, _, name = path.partition(":")
    try:
        found = getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        if error.name == module:
            raise GatehouseError(f"{where}: there is no module {module} in src") from None
        raise GatehouseError(
            f"{where}: {module} imports {error.name}, which is not installed here; jobs that only "
            "show what was measured have few packages, so import it inside of the function that "
            "needs it, and list it in requirements/gates.in"
        ) from None
    except AttributeError:
        raise GatehouseError(f"{where}: {module} has no object {name}") from None
    if not isinstance(found, GateSpec):
        raise GatehouseError(f"{where}: {path} is no gatehouse.gates.spec.GateSpec")
    return found
