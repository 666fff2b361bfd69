"""The threat model names tests that exist: a promise that nobody keeps is worth nothing."""

from __future__ import annotations

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[4]
PAGE = REPOSITORY / "packages/gatehouse/docs/security.md"
_TEST = re.compile(r"`(?P<file>tests/[\w/]+\.py)?::(?P<name>test_\w+)`")


def rows() -> list[list[str]]:
    """The cells of each threat: what, what stops it, what shows it."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return [each for each in cells if len(each) == 3 and "tests/" in each[2]]


def functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_test_that_is_named_exists() -> None:
    """Attacks a test that was renamed or taken out, and with it the proof."""
    lost = []
    for threat, _, shown in rows():
        file = None
        for found in _TEST.finditer(shown):
            file = found["file"] or file
            assert file, f"{threat}: {found[0]} follows no file"
            path = PAGE.parents[1] / file
            if not path.is_file() or found["name"] not in functions(path):
                lost.append(f"{threat}: {file}::{found['name']}")
    assert lost == []


def test_every_threat_has_a_test() -> None:
    """Attacks a row without one, and a name that is no more than a file's."""
    text = PAGE.read_text("utf-8")
    named = [threat for threat, _, shown in rows() if _TEST.search(shown)]
    body = text.split("## A change that runs code")[1].split("## What is not stopped")[0]
    lines = [line for line in body.splitlines() if line.startswith("| ")]
    threats = [line for line in lines if not line.startswith(("| threat |", "| :---"))]
    assert len(threats) == len(named) > 30
    assert "TODO" not in text
    assert not re.search(r"`tests/[\w/]+\.py`", text)
