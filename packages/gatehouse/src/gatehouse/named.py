"""Objects that a settings file names as `module:object`."""

from __future__ import annotations

from importlib import import_module
from typing import Any, TypeVar

from gatehouse.errors import GatehouseError

OWN_OBJECT = r"gates(\.[a-z_][a-z0-9_]*)+:[A-Za-z_][A-Za-z0-9_]*"
"""An object of the fork's own package `gates`, which decides: `gates.module:OBJECT`."""

T = TypeVar("T")


def load_instance(name: str, key: str, kind: type[T]) -> T:
    """Import the object called `name`, which must be of class `kind`.

    Args:
        name: the object, as `module:object`.
        key: the file and setting that names it, for errors.
        kind: the required class.

    Raises:
        GatehouseError: as `load_object`, or the object is of another class.
    """
    found = load_object(name, key)
    if not isinstance(found, kind):
        wanted = f"{kind.__module__}.{kind.__name__}"
        raise GatehouseError(f"{key}: {name} is no {wanted}, but a {type(found).__name__}")
    return found


def load_object(name: str, key: str) -> Any:
    """Import the object called `name`.

    Args:
        name: the object, as `module:object`.
        key: the file and setting that names it, for errors.

    Raises:
        GatehouseError: there is no such module or object, or the module needs a missing package.
    """
    module_name, _, object_name = name.partition(":")
    try:
        module = import_module(module_name)
    except ModuleNotFoundError as error:
        if not error.name or not f"{module_name}.".startswith(f"{error.name}."):
            raise GatehouseError(
                f"{key}: '{module_name}' needs the module '{error.name}', which is not installed "
                "here; list it in requirements/, and for jobs that have few packages import it "
                "inside of the function that needs it"
            ) from None
        raise GatehouseError(
            f"{key}: there is no module '{error.name}' in src; give module:object"
        ) from None
    found = getattr(module, object_name, None)
    if found is None:
        raise GatehouseError(f"{key}: '{module_name}' has no object '{object_name}'")
    return found
