"""The fingerprint of each stage: one file, which the stage lists among its `deps`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.fingerprint.modules import OWN, Code
from gatehouse.fingerprint.packages import Locks
from gatehouse.places import PARAMS
from gatehouse.typed import parse_yaml, read_text, write_text

STAGES = Path("dvc.yaml")
FINGERPRINTS = Path("reports/fingerprints")
_POLICY = "policy.yaml"
_CONTRACT = "contract.yaml"  # importing gatehouse.contract takes longer than all of this work

_COMMANDS = {
    "prepare": ("gatehouse.prepare",),
    "card": ("gatehouse.report.card", "gatehouse.report.card_text", "gatehouse.acceptance.record"),
}
"""Modules that do the work of `gatehouse COMMAND`, whose own module imports far more."""
_MEASURE = "gatehouse.measure"

_NAMED = re.compile(rf"((?:{'|'.join(OWN)})(?:\.\w+)+):\w+")
"""Pattern by which settings name an object of a module."""
_TABLES = {
    "data.source": "gatehouse.pipeline.sources",
    "train.trainer": "gatehouse.pipeline.trainers",
    "train.torch_mlp.distill.teacher": "gatehouse.pipeline.trainers",
}
"""Settings that name a member of a table: its module has the member's name."""


def fingerprint_path(stage: str) -> Path:
    """Return the fingerprint's path of a stage; DVC names the stage of an own gate `own@NAME`."""
    return FINGERPRINTS / f"{stage.replace('@', '-')}.txt"


def write_fingerprints(root: Path = Path()) -> None:
    """Write the fingerprint of each stage of dvc.yaml that lists it among its `deps`.

    Raises:
        GatehouseError: with the stage whose code or settings cannot be found.
    """
    code, locks = Code(), Locks(root)
    settings = cache(lambda file: _settings(root / file))

    def write(name: str, modules: list[str], script: Path | None = None) -> None:
        found = code.closure(modules, root / script if script else None)
        lines = {f"{file} {digest}" for file, digest in found.files.items()}
        lines |= locks.lines(found.outside)
        write_text(root / fingerprint_path(name), "\n".join(sorted(lines)) + "\n")

    stages = parse_yaml(read_text(root / STAGES), STAGES).get("stages") or {}
    for name, stage in stages.items():
        if fingerprint_path(name).as_posix() in (stage.get("deps") or ()):
            try:
                modules, script = _entry(str(stage.get("cmd", "")))
                write(name, [*modules, *sorted(set(_named(stage, settings)))], script)
            except GatehouseError as error:
                raise GatehouseError(f"{STAGES}: {name}: {error}") from None
    for name, module in _own_gates(settings(_POLICY)):
        try:
            write(f"own@{name}", [_MEASURE, module])
        except GatehouseError as error:
            raise GatehouseError(f"{_POLICY}: gates.{name}: {error}") from None


def _own_gates(policy: Any) -> Iterator[tuple[str, str]]:
    """Yield name and module of each of a fork's own gates; the policy's checks report errors."""
    gates = policy.get("gates") if isinstance(policy, dict) else None
    for name, gate in gates.items() if isinstance(gates, dict) else ():
        if isinstance(gate, dict) and (named := _NAMED.fullmatch(str(gate.get("object")))):
            yield str(name), named[1]


def _settings(path: Path) -> Any:
    """Return a settings file's content; None if a contract names no module, as YAML is slow.

    A missing file counts as empty: DVC or the stage reports it.
    """
    text = read_text(path) if path.is_file() else ""
    return parse_yaml(text, path) if path.name == PARAMS.name or _NAMED.search(text) else None


def _entry(command: str) -> tuple[list[str], Path | None]:
    """Return the modules, or the script, that a stage's command runs.

    Raises:
        GatehouseError: the command is not supported.
    """
    words = shlex.split(command)
    if "-m" in words[:-1]:
        return [words[words.index("-m") + 1]], None
    if script := next((word for word in words if word.endswith(".py")), None):
        return [], Path(script)
    match words:
        case ["gatehouse", "measure", _, *_]:
            gates = [word for word in words[2:] if not word.startswith("-")]
            parts = (f"gatehouse.gates.{gate}{part}" for gate in gates for part in ("", ".measure"))
            return [_MEASURE, *parts], None
        case ["gatehouse", name] if name in _COMMANDS:
            return list(_COMMANDS[name]), None
    raise GatehouseError(
        f"which code `{command}` runs is not known; write python -P -m MODULE, python -P FILE.py, "
        f"gatehouse measure GATE, or gatehouse with one of {', '.join(_COMMANDS)}"
    )


def _named(stage: Mapping[str, Any], settings: Any) -> Iterator[str]:
    """Yield the modules that a stage's settings name, as `module:object`."""
    values: list[Any] = []
    for param in stage.get("params") or ():
        keyed = param if isinstance(param, dict) else {PARAMS.as_posix(): [param]}
        for file, keys in keyed.items():
            values += [_value(settings(file), key) for key in keys] if keys else [settings(file)]
            if file == PARAMS.as_posix():
                yield from _members(settings(file), keys)
    if _CONTRACT in (stage.get("deps") or ()):
        values.append(settings(_CONTRACT))
    while values:
        value = values.pop()
        if isinstance(value, str) and (named := _NAMED.fullmatch(value)):
            yield named[1]
        elif isinstance(value, dict):
            values += value.values()
        elif isinstance(value, list):
            values += value


def _members(settings: Any, keys: Iterable[str]) -> Iterator[str]:
    """Yield the modules of the tables' members that the settings below some keys name."""
    for place, table in _TABLES.items():
        name = _value(settings, place)
        inside = any(f"{place}.".startswith(f"{key}.") for key in keys)
        if inside and isinstance(name, str) and name.isidentifier():
            yield f"{table}.{name}"


def _value(values: Any, key: str) -> Any:
    for part in key.split("."):
        values = values.get(part) if isinstance(values, dict) else None
    return values
