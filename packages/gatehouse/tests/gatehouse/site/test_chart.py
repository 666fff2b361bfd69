"""Attacks the charts of trends: numbers that overflow, one point, hostile names."""

from __future__ import annotations

import re
from typing import Any

import pytest

from gatehouse.charts.svg import HEIGHT, WIDTH
from gatehouse.evidence import Interval, Of
from gatehouse.site.chart import trend_chart
from gatehouse.site.trends import Point, Trend
from gatehouse.verdict import Outcome, RuleResult
from tests.gatehouse.site.html import Page
from tests.gatehouse.site.scene import HOSTILE


def trend(*values: float, limit: float = 0.8, **told: Any) -> Trend:
    result = RuleResult(
        rule="floor", gate="accuracy", measurement=told.get("name", "roc_auc"), of=Of.CANDIDATE,
        limit=limit, bound=told.get("bound", "at_least"), outcome=Outcome.PASS, blocks=False,
        why="", findings=(),
    )  # fmt: skip
    points = tuple(
        Point(f"c{i}", value, Interval(low=value, high=value, confidence=0.9), limit, outcome)
        for i, (value, outcome) in enumerate(
            zip(values, told.get("outcomes", [Outcome.PASS] * len(values)), strict=True)
        )
    )
    return Trend(result, told.get("slice", "all"), "1", points)


def test_it_is_told_in_words() -> None:
    """Attacks a picture that says nothing to who does not see it."""
    (svg,) = [a for tag, a in Page(str(trend_chart(trend(0.9, 0.7, 0.85)))).tags if tag == "svg"]
    assert svg["role"] == "img"
    assert svg["aria-label"] == (
        "ROC AUC: 3 values between 0.70 and 0.90, from c0 on; now 0.850 [0.850, 0.850] at c2 "
        "(must be at least 0.80), pass"
    )
    alone = Page(str(trend_chart(trend(0.9)))).tags[0][1]["aria-label"]
    assert alone == "ROC AUC: 0.900 [0.900, 0.900] at c0 (must be at least 0.80), pass"


def test_outcomes_differ_by_shape() -> None:
    """Attacks outcomes that are told by colour alone."""
    told = [Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.WAIVED]
    page = Page(str(trend_chart(trend(0.9, 0.7, 0.8, 0.79, outcomes=told))))
    kinds = [a.get("class") for tag, a in page.tags if tag in ("circle", "path")]
    assert kinds == ["dot", "fail", "hollow", "hollow"]


@pytest.mark.parametrize(("bound", "edge"), [("at_least", "130.0"), ("at_most", "8.0")])
def test_the_wrong_side_of_the_limit_is_shaded(bound: str, edge: str) -> None:
    """Attacks a shade on the side that is right."""
    page = Page(str(trend_chart(trend(0.9, 0.7, bound=bound))))
    (shaded,) = [a["points"] for tag, a in page.tags if tag == "polygon"]
    assert str(shaded).split()[-1].endswith(f",{edge}")


def test_names_are_no_markup() -> None:
    """Attacks a column, a measurement and a commit that are markup."""
    hostile = trend(0.9, name=HOSTILE, slice=f"column={HOSTILE}")
    page = Page(str(trend_chart(hostile)))
    assert page.strange() == []
    assert "<script>" in str(page.tags[0][1]["aria-label"])


@pytest.mark.parametrize(
    "values",
    [
        (0.0,), (0.0, 0.0), (5e-324,), (-1.0, -1.0), (1e300, -1e300), (1e-300, 2e-300),
        (123456789.0, 123456789.1), (-0.0,),
    ],
)  # fmt: skip
@pytest.mark.parametrize("limit", [0.0, 0.8, -1e9])
def test_every_place_lies_inside(values: tuple[float, ...], limit: float) -> None:
    """Attacks the arithmetic: what is drawn is drawn within the picture, at numbers."""
    drawn = str(trend_chart(trend(*values, limit=limit)))
    numbers = re.findall(r' (?:x1|x2|cx|x)="([^"]+)"', drawn)
    heights = re.findall(r' (?:y1|y2|cy|y)="([^"]+)"', drawn)
    assert all(0 <= float(number) <= WIDTH for number in numbers)
    assert all(0 <= float(number) <= HEIGHT for number in heights)


@pytest.mark.parametrize("values", [(1.7e308, -1.7e308), (1.7e308,)])
def test_what_lies_too_far_apart_is_not_drawn(values: tuple[float, ...]) -> None:
    """Attacks a verdict with the largest numbers there are: no picture, and no error."""
    assert trend_chart(trend(*values)) is None
    assert trend_chart(trend(1e308, limit=-1e308)) is None
