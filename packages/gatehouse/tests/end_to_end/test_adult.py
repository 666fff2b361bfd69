"""The pipeline on real data: UCI Adult, the published files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.end_to_end.clone import Clone, copy_checkout

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("GATEHOUSE_ADULT_DIR"),
        reason="GATEHOUSE_ADULT_DIR names no folder with UCI's adult.data and adult.test",
    ),
]


@pytest.fixture(scope="module")
def adult(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    clone = copy_checkout(tmp_path_factory.mktemp("adult") / "clone")
    clone.gatehouse("run", "--data", "adult")
    return clone


def test_reaches_what_the_readme_says(adult: Clone) -> None:
    """Attacks a default trainer that only does well on simulated rows."""
    evidence = json.loads((adult.root / "reports/evidence/accuracy.json").read_text("utf-8"))
    of_all = [m for m in evidence["measurements"] if m["slice"] == "all"]
    values = {m["name"]: m["value"] for m in of_all if m["of"] == "candidate"}
    rows = {m["n"] for m in of_all}
    assert rows == {16281}
    assert values["roc_auc"] >= 0.920
    assert values["accuracy"] >= 0.865


def test_the_source_is_written_down(adult: Clone) -> None:
    """Attacks a run on other data than params.yaml says."""
    params = (Path(adult.root) / "params.yaml").read_text("utf-8")
    assert "source: adult" in params
    assert "# simulated | adult" in params
