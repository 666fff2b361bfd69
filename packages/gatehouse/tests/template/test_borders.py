"""Only tests/template reads what a fork edits."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
EDITED = (
    "contract.yaml", "params.yaml", "policy.yaml", "model_card.yaml", "dvc.yaml", "README", "docs",
    "CONTRIBUTING", "SECURITY", "src/pipeline", "tests/",
    *(f"packages/gatehouse/{name}" for name in ("CHANGELOG", "docs", "mkdocs.yml", "benchmarks")),
)  # fmt: skip
_NAMES = "|".join(map(re.escape, EDITED))
READS = re.compile(rf'\b(?:ROOT|REPOSITORY|parents\[\d\]|\w+\.parent) */ *f?"(?:{_NAMES})')
FREE = {"template"}


def test_the_machinery_s_tests_read_nothing_that_a_fork_edits() -> None:
    """Attacks a test of the machinery that a README of one's own, or another contract, breaks."""
    found = [
        f"{path.relative_to(TESTS)}: {match[0]}"
        for path in sorted(TESTS.rglob("*.py"))
        if path.relative_to(TESTS).parts[0] not in FREE
        for match in READS.finditer(path.read_text("utf-8"))
    ]
    assert found == [], "read tests/sample, or move the test to tests/template"


def test_what_is_looked_for_can_be_found() -> None:
    """Attacks a pattern that matches nothing."""
    here = [path for path in sorted(TESTS.rglob("*.py")) if path.is_relative_to(TESTS / "template")]
    assert any(READS.search(path.read_text("utf-8")) for path in here)
