"""Check .venv against the locks, and that it has this repository's library."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib.metadata import distributions
from pathlib import Path

from gatehouse.digest import file_digest
from gatehouse.doctor.finding import Area, Finding
from gatehouse.errors import GatehouseError
from gatehouse.places import LIBRARY_LOCK, VENDOR, is_library_of, wheel_of
from gatehouse.typed import read_text

AREA = Area("environment")
_STAMP = ".installed-"
_SHOWN = 5
_LOCKED = re.compile(r"^([A-Za-z0-9][\w.\[\],-]*==[^\\\n]+)", re.MULTILINE)


def check_environment(root: Path) -> Iterator[Finding]:
    """Check every installed set of packages against its lock."""
    venv = root / ".venv"
    sets = sorted(path.name.removeprefix(_STAMP) for path in venv.glob(f"{_STAMP}*"))
    if not sets:
        yield AREA.problem(".venv has no finished installation", "make setup")
        return
    if Path(sys.prefix).resolve() != venv.resolve():
        yield AREA.warning(
            f"this is the gatehouse of {sys.prefix}, not of {venv}",
            "call .venv/bin/gatehouse, or activate .venv",
        )
    folders = [str(path) for path in venv.glob("lib/python*/site-packages")]
    have = {_name(each.name): each.version for each in distributions(path=folders)}
    for name in sets:
        lock = Path("requirements") / f"{name}.txt"
        again = "make setup" if name == "run" else f"sh scripts/install.sh {name}"
        try:
            other = differences(read_text(root / lock), have)
        except GatehouseError as error:
            yield AREA.warning(str(error), f"rm .venv/{_STAMP}{name}, if the set is gone for good")
            continue
        if other:
            more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
            listed = ", ".join(other[:_SHOWN]) + more
            yield AREA.problem(f".venv is not as {lock} says: {listed}", again)
        else:
            yield AREA.fine(f".venv is as {lock} says")
    yield from _library(root)


def _library(root: Path) -> Iterator[Finding]:
    """In a small fork, check the wheel, its lock and the running library."""
    wheel = wheel_of(root)
    if wheel is None:
        return
    name = wheel.relative_to(root).as_posix()
    if file_digest(wheel).removeprefix("sha256:") not in read_text(root / LIBRARY_LOCK):
        yield AREA.problem(
            f"{name} is not what {LIBRARY_LOCK} locks",
            f"git checkout HEAD -- {VENDOR} {LIBRARY_LOCK}",
        )
    elif not is_library_of(root):
        yield AREA.problem(f"the gatehouse that runs is not {name}", "make setup")
    else:
        yield AREA.fine(f"gatehouse is {name}, as {LIBRARY_LOCK} locks it")


def differences(lock: str, have: dict[str, str]) -> list[str]:
    """Return the differences between a lock and the environment; torch's build may differ."""
    from packaging.requirements import Requirement

    found = []
    for line in _LOCKED.findall(lock):
        wanted = Requirement(line.strip())
        if wanted.marker is not None and not wanted.marker.evaluate():
            continue
        version = str(wanted.specifier).removeprefix("==")
        has = have.get(_name(wanted.name))
        if has is None:
            found.append(f"{wanted.name} is missing")
        elif has.partition("+")[0] != version.partition("+")[0]:
            found.append(f"{wanted.name} is {has}, not {version}")
    return found


def _name(name: str) -> str:
    return re.sub("[-_.]+", "-", name.lower())
