"""The locked versions of imported packages."""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.typed import read_text

LOCKS = Path("requirements")
_RUN = ("run.txt", "extras.txt")
_TORCH = "torch.txt"
"""This lock's other packages are locked for CPU and CUDA: same versions, other hashes."""


class Locks:
    """Locked packages by name, from requirements/ in `root` or in the nearest folder above it."""

    def __init__(self, root: Path) -> None:
        """Read the locks.

        Raises:
            GatehouseError: there are none.
        """
        folders = [above / LOCKS for above in (root.resolve(), *root.resolve().parents)]
        folder = next((each for each in folders if (each / _RUN[0]).is_file()), None)
        if folder is None:
            raise GatehouseError(
                f"{LOCKS / _RUN[0]}: is neither here nor in a folder above; a stage's fingerprint "
                "holds what it says of the packages that the stage imports"
            )
        self._lines: dict[str, str] = {}
        if (folder / _TORCH).is_file():
            for name, entry in _entries(folder / _TORCH):
                version = entry.split()[0].partition("+")[0]
                self._lines[name] = version
        for file in _RUN[::-1]:
            if (folder / file).is_file():
                found: dict[str, list[str]] = {}
                for name, entry in _entries(folder / file):
                    found.setdefault(name, []).append(entry)
                self._lines |= {name: _line(entries) for name, entries in found.items()}

    def lines(self, imported: Iterable[str]) -> set[str]:
        """Return a line for each locked package that has one of the imported modules.

        Args:
            imported: dotted names. Those of the standard library, and of packages in no lock, are
                ignored.
        """
        found: set[str] = set()
        for dotted in imported:
            parts = dotted.split(".")
            if parts[0] in sys.stdlib_module_names:
                continue
            names = [_normal("-".join(parts[:end])) for end in range(len(parts), 0, -1)]
            own = next((name for name in names if name in self._lines), None)
            for name in [own] if own else _distributions(parts[0]):
                if name in self._lines:
                    found.add(self._lines[name])
        return found


def _entries(path: Path) -> list[tuple[str, str]]:
    """Return the entries of a lock as name and text; a package has several if markers differ."""
    text = re.sub(r"(?m)^\s*#.*\n", "", read_text(path))
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", text)
    return [(_normal(entry.partition("==")[0]), entry) for entry in entries if "==" in entry]


def _line(entries: list[str]) -> str:
    """Return name and version, and a digest of the lock's entries, including file hashes."""
    text = " ".join(" ".join(entries).replace("\\\n", " ").split())
    return f"{entries[0].split()[0]} {hashlib.sha256(text.encode()).hexdigest()}"


def _normal(name: str) -> str:
    """Normalize a name as in the Python Packaging User Guide, without extras."""
    return re.sub(r"[-_.]+", "-", name.partition("[")[0].strip()).lower()


_known: dict[str, list[str]] = {}


def _distributions(top: str) -> list[str]:
    """Return names of the installed distributions that have the module or package `top`.

    `importlib.metadata.packages_distributions` does the same, but parses each RECORD.
    """
    if top not in _known:
        spec = find_spec(top)
        places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
        marks = tuple(f"\n{top}{end}".encode() for end in ("/", ".py,", ".cpython", ".abi3"))
        _known[top] = [
            _normal(record.parent.name.partition("-")[0])
            for folder in sorted({Path(place).parent for place in places})
            for record in sorted(folder.glob("*.dist-info/RECORD"))
            if any(mark in b"\n" + record.read_bytes() for mark in marks)
        ]
    return _known[top]
