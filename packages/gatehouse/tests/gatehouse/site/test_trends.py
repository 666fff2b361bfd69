"""Attacks the trends: order, units, limits that moved, rules that changed, too many slices."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gatehouse.evidence import Measurement, Of
from gatehouse.monitor import record as monitor
from gatehouse.site.history import Entry, History, read_history
from gatehouse.site.trends import SLICES, RuleTrends, over_commits, over_windows
from gatehouse.verdict import Finding, Outcome, RuleResult, Verdict
from tests.gatehouse.site.scene import COMMITS, write_run


def one(found: list[RuleTrends], rule: str) -> RuleTrends:
    return next(each for each in found if each.result.rule == rule)


def test_every_judged_measurement_is_there_oldest_first(scene: Path) -> None:
    """Attacks a trend that is left out, runs backwards, or has lost its interval or unit."""
    history = read_history(scene)
    found = over_commits(scene, history)
    assert {each.result.rule for each in found} == {r.rule for r in history.verdicts[0][1].rules}
    (auc,) = one(found, "accuracy-auc-floor").trends
    assert [point.at for point in auc.points] == [e.name for e in reversed(history.entries)]
    assert all(point.interval for point in auc.points)
    assert auc.points[4].outcome is Outcome.FAIL
    assert auc.limit_text == "at least 0.88"
    (parity, *others) = one(found, "fairness-parity").trends
    assert "%" in parity.shown(parity.points[-1])
    assert len(others) == 2
    units = {trend.slice: trend.unit for trend in one(found, "drift-numbers").trends}
    assert units == {"number=age": "sigma", "number=hours": "sigma"}
    (category,) = one(found, "drift-categories").trends
    assert (category.title, category.unit) == ("drift of job", "share")
    (base,) = one(found, "accuracy-auc-base").trends
    assert base.title == "ROC AUC against the base"


def verdict_of(scene: Path) -> Verdict:
    return read_history(scene).verdicts[0][1]


def with_rule(verdict: Verdict, result: RuleResult) -> Verdict:
    rules = tuple(result if each.rule == result.rule else each for each in verdict.rules)
    return verdict.model_copy(update={"rules": rules})


def entries(*verdicts: Verdict) -> History:
    """A history of these verdicts, given from the oldest to the newest."""
    when = datetime(2026, 1, 1, tzinfo=UTC)
    told = [Entry(f"{i:040x}", when, "", each) for i, each in enumerate(verdicts)]
    return History(tuple(reversed(told)))


def test_each_point_has_the_limit_of_its_time(scene: Path) -> None:
    """Attacks a limit that was moved and is drawn as if it had always stood there."""
    new = verdict_of(scene)
    floor = next(each for each in new.rules if each.rule == "accuracy-auc-floor")
    old = with_rule(new, floor.model_copy(update={"limit": 0.5}))
    (trend,) = one(over_commits(scene, entries(old, new)), floor.rule).trends
    assert [point.limit for point in trend.points] == [0.5, 0.88]
    assert trend.limit_text == "at least 0.88"


def test_a_rule_that_judged_something_else_is_not_continued(scene: Path) -> None:
    """Attacks one line through two measurements, where a rule kept its name alone."""
    new = verdict_of(scene)
    floor = next(each for each in new.rules if each.rule == "accuracy-auc-floor")
    for changed in ({"measurement": "log_loss"}, {"bound": "at_most"}, {"of": Of.COMPARISON}):
        old = with_rule(new, floor.model_copy(update=changed))
        (trend,) = one(over_commits(scene, entries(old, new)), floor.rule).trends
        assert len(trend.points) == 1


def test_an_error_leaves_a_gap(scene: Path) -> None:
    """Attacks evidence that is missing now: what was measured before is still shown."""
    old = verdict_of(scene)
    floor = next(each for each in old.rules if each.rule == "accuracy-auc-floor")
    lost = Finding(slice="all", outcome=Outcome.ERROR, text="there is no evidence")
    new = with_rule(old, floor.model_copy(update={"findings": (lost,)}))
    (trend,) = one(over_commits(scene, entries(old, new)), floor.rule).trends
    assert [point.at for point in trend.points] == ["0000000"]


def test_the_slices_nearest_to_their_limit_are_kept(scene: Path) -> None:
    """Attacks a thousand columns that make a page of a thousand charts."""
    verdict = verdict_of(scene)
    rule = next(each for each in verdict.rules if each.rule == "drift-numbers")
    findings = tuple(
        Finding(slice=f"number=c{i}", outcome=Outcome.PASS, value=i / 1e5, n=9, text="")
        for i in range(1000)
    )
    many = with_rule(verdict, rule.model_copy(update={"findings": findings}))
    found = one(over_commits(scene, entries(many)), rule.rule)
    assert [trend.slice for trend in found.trends[:2]] == ["number=c999", "number=c998"]
    assert (len(found.trends), found.left_out) == (SLICES, 1000 - SLICES)


def test_what_is_not_committed_is_the_last_point(scene: Path, tmp_path: Path) -> None:
    """Attacks a run at one's desk that the trend does not show, and its units."""
    for name in ("policy.yaml", "contract.yaml", "model_card.yaml"):
        (tmp_path / name).write_bytes((scene / name).read_bytes())
    own = Entry("", None, "", write_run(tmp_path, 99))
    history = History((own, *read_history(scene).entries))
    (trend,) = one(over_commits(tmp_path, history), "latency-agreement").trends
    assert trend.points[-1].at == "not committed"
    assert len(trend.points) == COMMITS + 1
    assert trend.unit == "share"


def test_windows_of_production(scene: Path) -> None:
    """Attacks windows out of order, and an outcome where only the last was judged."""
    record = monitor.Record.read(scene / monitor.RECORD)
    verdict = Verdict.read(scene / monitor.VERDICT)
    found = over_windows(record, verdict)
    assert {each.result.gate for each in found} == {"drift", "accuracy"}
    trend = one(found, "drift-numbers").trends[0]
    assert len(trend.points) == 8
    assert trend.points[-1].outcome is Outcome.FAIL
    assert {point.outcome for point in trend.points[:-1]} == {None}
    assert trend.unit == "sigma"
    assert trend.points[0].at == "2026-03-09 09:00"


@pytest.mark.parametrize("lost", ["value", "slice"])
def test_a_window_that_lacks_a_measurement(scene: Path, lost: str) -> None:
    """Attacks a window without labels, or with a column that the judged one has not."""
    record = monitor.Record.read(scene / monitor.RECORD)
    verdict = Verdict.read(scene / monitor.VERDICT)
    change: dict[str, str | None] = {"slice": "number=gone"}
    if lost == "value":
        change = {"value": None, "interval": None}
    first = record.windows[0]

    def without(measured: Measurement) -> Measurement:
        return measured.model_copy(update=change) if measured.slice == "number=age" else measured

    cut = first.model_copy(update={"measurements": tuple(map(without, first.measurements))})
    told = record.model_copy(update={"windows": (cut, *record.windows[1:])})
    trends = {t.slice: t for t in one(over_windows(told, verdict), "drift-numbers").trends}
    assert {name: len(t.points) for name, t in trends.items()} == {
        "number=age": 7,
        "number=hours": 8,
    }
