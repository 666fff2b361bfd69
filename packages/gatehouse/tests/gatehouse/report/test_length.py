"""Attacks a comment that people scroll past: a pass has 10 lines in sight, a fail 25."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gatehouse.acceptance.offer import Offer, offers
from gatehouse.github.compose import Surroundings, judged_comment
from gatehouse.policy import Policy
from gatehouse.report.context import ReportContext
from gatehouse.report.markdown import render_report
from tests.gatehouse.report.conftest import MakeRun
from tests.gatehouse.report.length import lines_in_sight
from tests.gatehouse.report.test_markdown import expectation
from tests.shared import NAMES

AROUND = Surroundings(
    "c" * 40, "https://github.com/o/m/actions/runs/1", "https://github.com/here", training=3,
    recorded=True, app=False,
)  # fmt: skip
RED: dict[str, Any] = {
    "broken": [expectation(), expectation(slice="column=sex")], "touched": 7, "age": 0.12,
    "age_p": 1e-9, "roc_auc": 0.868, "odds": 0.4, "ratio": 1.4,
}  # fmt: skip


def comment(context: ReportContext, policy: Policy, picture: str | None, **around: Any) -> str:
    report = render_report(replace(context, picture=picture))
    offered: tuple[Offer, ...] = offers(context.verdict, policy)
    owned = around.pop("owned", {})
    told = replace(AROUND, offers=offered, owned=owned, **around)
    return judged_comment(report, [], told)


@pytest.mark.parametrize("picture", ["https://github.com/o/m/raw/c/reports/verdict.svg", None])
@pytest.mark.parametrize("change", [{}, {"odds": 0.24}])
def test_a_pass_has_ten_lines(
    make_run: MakeRun, policy: Policy, picture: str | None, change: dict[str, Any]
) -> None:
    """With a picture or bars of text, a warning, a record and no App."""
    text = comment(make_run(**change), policy, picture)
    assert "Gatehouse: pass" in text
    assert lines_in_sight(text) <= 10


@pytest.mark.parametrize("picture", ["https://github.com/o/m/raw/c/reports/verdict.svg", None])
@pytest.mark.parametrize(
    "change",
    [
        {"roc_auc": 0.868},
        RED,
        {"evidence": dict.fromkeys(NAMES, "reports/x.json: there is no such file")},
        {"base": False, "roc_auc": 0.868},
    ],
    ids=["one gate", "all gates", "no evidence", "no base"],
)
def test_a_fail_has_twenty_five_lines(
    make_run: MakeRun, policy: Policy, picture: str | None, change: dict[str, Any]
) -> None:
    """With all of it red, something to accept, and owned files besides."""
    owned = {f"src/gates/{name}.py": ("@octo/ml",) for name in "abcdefg"}
    text = comment(make_run(**change), policy, picture, owned=owned)
    assert "Gatehouse: fail" in text
    assert lines_in_sight(text) <= 25
