"""Find the files a module depends on, by the imports in its source; no module is executed."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError

OWN = ("gatehouse", "gates", "pipeline")
"""Packages whose modules are followed, wherever they are installed."""


TABLES = ("gatehouse.gates", "gatehouse.pipeline.sources", "gatehouse.pipeline.trainers")
"""Packages that list alternatives: using one of the list does not mean depending on the others."""
_LISTED = re.compile(rf"({'|'.join(map(re.escape, TABLES))})\.\w+")
"""A member's own package names functions of the report, the drill and others, and imports these
only inside functions, so only its top-level imports count."""

_LOADED = re.compile(r"""\bimport_module\(\s*["']([\w.]+)["']""")
_QUOTED = re.compile(r"""["']([\w.-]+\.\w+)["']""")


@dataclass(frozen=True)
class Source:
    """The dependencies in one module's source text.

    Attributes:
        file: the module's own.
        data: files next to it that it names as text, such as a table that it reads.
        imports: dotted names; the last part may be an object of a module.
    """

    file: Path
    data: tuple[Path, ...]
    imports: frozenset[str]


@dataclass
class Closure:
    """All direct and indirect imports of some modules.

    Attributes:
        files: SHA-256 of each file's bytes, by dotted name, or by path for a data file.
        outside: dotted names that are imported from other packages.
    """

    files: dict[str, str] = field(default_factory=dict)
    outside: set[str] = field(default_factory=set)


class Code:
    """The modules of `OWN`, each read once."""

    def __init__(self) -> None:
        self._sources: dict[str, Source | None] = {}
        self._digests: dict[Path, str] = {}

    def closure(self, modules: Iterable[str], script: Path | None = None) -> Closure:
        """Return everything that `modules`, or a script, depend on.

        Imports inside functions count, and those under `if TYPE_CHECKING:` do not. A module whose
        name is only known at run time is not found.

        Args:
            modules: dotted names.
            script: a file that runs by its path. Modules of `OWN` may also be next to it.

        Raises:
            GatehouseError: there is no such module or script, or a file is not Python.
        """
        found, waiting, seen = Closure(), list(modules), set()
        beside = script.parent if script else None
        for name in waiting:
            if self._source(name, beside) is None:
                raise GatehouseError(f"there is no module '{name}'; check the name")
        if script is not None:
            ran = _read(script, script.stem)
            self._add(found, script.stem, ran)
            waiting += ran.imports
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if name.partition(".")[0] not in OWN:
                found.outside.add(name)
                continue
            if name in TABLES:
                continue
            waiting.append(name.rpartition(".")[0] or name)
            if (source := self._source(name, beside)) is not None:
                self._add(found, name, source)
                waiting += source.imports
        return found

    def _add(self, found: Closure, name: str, source: Source) -> None:
        found.files[name] = self._digest(source.file)
        for path in source.data:
            found.files[f"{name.rpartition('.')[0]}/{path.name}"] = self._digest(path)

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        return self._digests[path]

    def _source(self, name: str, beside: Path | None) -> Source | None:
        """Return the module's source, or None if `name` is an object or does not exist."""
        if name not in self._sources:
            file = _file(name)
            self._sources[name] = _read(file, name) if file else None
        source = self._sources[name]
        if source is None and beside is not None and name.count(".") == 1:
            file = beside / f"{name.partition('.')[2]}.py"
            source = _read(file, name) if file.is_file() else None
        return source


def _file(name: str) -> Path | None:
    """Return the source of a module; at most its top-level package may be imported (none is)."""
    top, *parts = name.split(".")
    spec = find_spec(top)
    for count in range(len(parts)):
        if spec is None or spec.submodule_search_locations is None:
            return None
        below = ".".join([top, *parts[: count + 1]])
        spec = PathFinder.find_spec(below, list(spec.submodule_search_locations))
    if spec is None or not spec.has_location or spec.origin is None:
        return None
    return Path(spec.origin)


def _read(path: Path, name: str) -> Source:
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text, str(path))
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None
    except (SyntaxError, ValueError) as error:
        raise GatehouseError(f"{path}: is not Python that can be read ({error})") from None
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    listed = path.name == "__init__.py" and _LISTED.fullmatch(name)
    nodes = tree.body if listed else _statements(tree)
    imports = {each for node in nodes for each in _imported(node, package)}
    imports.update(_LOADED.findall(text))
    beside = (path.parent / quoted for quoted in sorted(set(_QUOTED.findall(text))))
    data = tuple(each for each in beside if each.suffix != ".py" and each.is_file())
    return Source(path, data, frozenset(imports))


def _statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Yield all statements at any depth except those below `if TYPE_CHECKING:`."""
    waiting: list[Any] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        hidden = isinstance(node, ast.If) and _for_types(node.test)
        for below in ("orelse", *(() if hidden else ("body", "handlers", "finalbody", "cases"))):
            waiting += getattr(node, below, ())


def _for_types(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(test, "id", None)
    return name == "TYPE_CHECKING"


def _imported(node: ast.stmt, package: str) -> Iterator[str]:
    """Yield the dotted names that a statement imports."""
    match node:
        case ast.Import(names=names):
            yield from (each.name for each in names)
        case ast.ImportFrom(module=module, names=names, level=level):
            start = package.split(".")[: package.count(".") + 2 - level] if level else []
            base = ".".join([*start, *([module] if module else [])])
            yield base
            yield from (f"{base}.{each.name}" for each in names if each.name != "*")
