"""The default pipeline as a newcomer runs it, and what may happen to it afterwards."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.end_to_end.clone import Clone
from tests.warm import COLD

pytestmark = pytest.mark.slow

# What a stage says when it has run; DVC itself is not heard.
RAN = re.compile(r"^(ingest|prepare|data|train|quantize|drift|accuracy|fairness|latency): ", re.M)


@pytest.fixture
def clone(finished: Clone, tmp_path: Path) -> Clone:
    """A copy of the finished run that a test may change."""
    shutil.copytree(finished.root, tmp_path / "clone", symlinks=True)
    return Clone(tmp_path / "clone")


def test_every_result_is_there_and_committed(finished: Clone) -> None:
    """Attacks a run that passes without leaving what people and Git need of it."""
    verdict = json.loads((finished.root / "reports/verdict.json").read_text("utf-8"))
    assert verdict["outcome"] == "pass"
    assert verdict["errors"] == {}
    tracked = finished.run("git", "ls-files")
    for gate in ("data", "rows", "drift", "accuracy", "fairness", "latency"):
        assert f"reports/evidence/{gate}.json" in tracked
    for name in ("dvc.lock", "reports/report.md", "reports/model_card.md", "reports/base.json"):
        assert name in tracked
    assert "data/raw" not in tracked
    assert "models/" not in tracked


def test_nothing_changed_runs_no_stage(clone: Clone) -> None:
    """Attacks stages that are never up to date, and results that differ without a cause."""
    output = clone.gatehouse("run")
    assert not RAN.search(output)
    assert clone.run("git", "status", "--porcelain") == ""


def test_a_changed_limit_judges_anew_without_measuring(clone: Clone) -> None:
    """Attacks a policy change that measures again, or that changes nothing."""
    clone.replace("policy.yaml", "at_least: 0.83", "at_least: 0.99")
    output = clone.gatehouse("run", code=1)
    assert not RAN.search(output)
    assert "FAIL" in output


def test_broken_data_stop_before_training(clone: Clone) -> None:
    """Attacks a data gate that lets training run on rows that break the contract."""
    clone.replace("contract.yaml", "range: [17, 90]", "range: [30, 90]")
    output = clone.gatehouse("run", code=1)
    ran = RAN.findall(output)
    assert "data" in ran
    assert "train" not in ran
    assert "age" in output
    assert re.search(r"age: [\d,]+ of [\d,]+ rows are outside of 30 to 90", output)
    report = (clone.root / "reports/report.md").read_text("utf-8")
    assert "expect_column_values_to_be_between" in report


def test_a_change_is_compared_with_main(clone: Clone) -> None:
    """Attacks `--base`: its data, model and policy decide, and the work tree stays as it was."""
    clone.run("git", "switch", "--quiet", "--create", "change")
    clone.replace("params.yaml", "drift: 0.0", "drift: 0.5")
    clone.replace("policy.yaml", "at_most: 0.25, inconclusive", "at_most: 0.9, inconclusive")
    output = clone.gatehouse("run", "--base", "main", code=1)
    verdict = json.loads((clone.root / "reports/verdict.json").read_text("utf-8"))
    outcome = {rule["rule"]: rule["outcome"] for rule in verdict["rules"]}
    assert outcome["drift-numbers"] == "fail"
    assert verdict["policy_from"].startswith("policy.yaml of main")
    assert [c["direction"] for c in verdict["policy_changes"]] == ["loosened"]
    assert "drift" in output
    changed = clone.run("git", "status", "--porcelain", "--", "src", "contract.yaml", "dvc.yaml")
    assert changed == ""
    # Judged again, with nothing measured, the verdict is the same bytes.
    before = (clone.root / "reports/verdict.json").read_bytes()
    clone.gatehouse("judge", "--base", "main", code=1)
    assert (clone.root / "reports/verdict.json").read_bytes() == before
    # The pages show the same, and fetch nothing when they are opened.
    assert "skipped: Production" in clone.gatehouse("site")
    for name in ("data_docs", "drift", "report"):
        page = (clone.root / f"reports/site/{name}.html").read_text("utf-8")
        assert "age" in page
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=.?https?:", page)


def test_an_honest_run_reproduces(finished: Clone) -> None:
    """Attacks verification that no honest run can pass; two trainings must agree to the byte."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(COLD, "1")  # each process with a hash seed of its own
        output = finished.gatehouse("verify")
    assert "reproduces" in output
    assert finished.run("git", "status", "--porcelain") == ""


def test_the_drill_catches_every_defect(clone: Clone) -> None:
    """Attacks gates that cannot fail, and gates that alarm on clean runs: the whole drill."""
    # Measured with less, for 60 scenes are many.
    clone.replace("policy.yaml", "resamples: 2000", "resamples: 500")
    clone.replace("policy.yaml", "sessions: 11, calls: 300", "sessions: 7, calls: 100")
    # A machine that runs other tests as well makes times noisy.
    clone.replace("policy.yaml", "at_most: 1.25", "at_most: 3.0")
    clone.replace("policy.yaml", "at_most: 1.15", "at_most: 1.4")
    clone.gatehouse("run")
    output = clone.gatehouse("drill")
    assert "48 of 48 defects caught" in output
    assert "11 of 11 clean controls green" in output
