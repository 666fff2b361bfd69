"""docs/gates.md: whatever it says is measured has words for people."""

from __future__ import annotations

import re
from pathlib import Path

from gatehouse.report.words import name_of

PAGE = Path(__file__).parents[2] / "docs/gates.md"


def test_what_the_gates_of_accuracy_and_latency_measure_has_a_name_for_people() -> None:
    """Attacks `single_row_difference` among prose: whatever the documentation lists has words."""
    text = PAGE.read_text("utf-8").partition("## Accuracy")[2]
    named = set(re.findall(r"^\| `([a-z0-9_]+)`", text, re.MULTILINE))
    assert {"roc_auc", "test_rows_in_train", "single_row_difference"} <= named
    assert [name for name in sorted(named) if name_of(name).startswith("`")] == []
