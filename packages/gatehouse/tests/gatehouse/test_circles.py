"""Attacks circles of imports: two modules in a circle cannot be read or changed one by one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"

TABLES = (
    "gatehouse.gates", "gatehouse.columns", "gatehouse.splits", "gatehouse.pipeline.sources",
    "gatehouse.pipeline.trainers",
)  # fmt: skip
"""Members of these tables name types of the modules that read the tables, to give mypy more to
check. So only the imports that run count for them."""


def modules() -> dict[str, Path]:
    found = {}
    for file in (SOURCE / "gatehouse").rglob("*.py"):
        parts = file.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def statements(node: ast.AST, *, run: bool) -> Iterator[ast.AST]:
    """All nodes below `node`; with `run`, those that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if run and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if run and isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
            continue
        yield child
        yield from statements(child, run=run)


def imports(file: Path, known: dict[str, Path], *, run: bool) -> set[str]:
    found = set()
    for node in statements(ast.parse(file.read_text("utf-8")), run=run):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in known else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name in known}


def test_no_circle_of_imports() -> None:
    """Imports inside of functions and under TYPE_CHECKING count too."""
    known = modules()
    graph = {name: imports(file, known, run=name.startswith(TABLES)) - {name}
             for name, file in known.items()}  # fmt: skip
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))
