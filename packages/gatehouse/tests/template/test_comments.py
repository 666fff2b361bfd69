"""Attacks what the comment on a pull request leads to, and the examples of it in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gatehouse.charts.limits import MOST_BYTES, is_plain
from gatehouse.report.links import Links
from tests.gatehouse.report.length import lines_in_sight
from tests.shared import NAMES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("name", "most"), [("pass", 10), ("fail", 25)])
def test_the_examples_are_short(name: str, most: int) -> None:
    """Attacks a comment that people scroll past, as the real workflows make it."""
    assert lines_in_sight((DOCS / f"examples/comment-{name}.md").read_text("utf-8")) <= most
    picture = (DOCS / f"examples/verdict-{name}.svg").read_text("utf-8")
    assert is_plain(picture)
    assert len(picture.encode()) <= MOST_BYTES


def test_each_gate_has_its_page() -> None:
    """Attacks a link to a heading that is not there."""
    headings = re.findall(r"^## (\w+)$", (DOCS / "gates.md").read_text("utf-8"), re.MULTILINE)
    for gate in NAMES:
        assert gate.capitalize() in headings, Links().gate(gate)
