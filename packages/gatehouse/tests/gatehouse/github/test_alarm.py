"""Attacks the alarm: a second issue, somebody else's issue, spam, and retrainings without end."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Of, Subject
from gatehouse.github.alarm import LABEL, tell
from gatehouse.github.alarm_text import REPORT_LIMIT, Memory, memory_in
from gatehouse.github.monitor_result import Broken, Judged, MonitorResult, read_monitor_result
from gatehouse.monitor.record import Counts, Record, Window
from gatehouse.policy import Policy, parse_policy
from gatehouse.verdict import Finding, Outcome, RuleResult, Verdict
from tests.gatehouse.github.hub import Hub
from tests.gatehouse.tiny import POLICY, ROOT
from tests.github.state import Call, Issue
from tests.sample import SAMPLE
from tests.shared import NAMES

BOT = "github-actions[bot]"
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
DATA = "s3://bucket/new.parquet"
GRANTS = {"issues": "write", "actions": "write", "pull_requests": "read", "contents": "read"}
NOW = datetime(2026, 11, 20, tzinfo=UTC)
BLOCKS = (Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.ERROR)


def judged(
    model: str = ONE,
    report: str = "## The report",
    *,
    warns: bool = False,
    **outcomes: Outcome | None,
) -> Judged:
    """A look with an outcome for each gate's one rule, such as drift=Outcome.FAIL; None: no rule.

    What is no pass blocks, unless it only warns.
    """
    rules = tuple(
        RuleResult(
            rule=f"{gate}-rule", gate=gate, measurement="m", of=Of.CANDIDATE, limit=0.1,
            bound="at_most", outcome=outcome, why="for a reason",
            blocks=outcome in BLOCKS and not warns,
            findings=(
                Finding(slice="all", outcome=outcome, text="so it is",
                        value=None if outcome is Outcome.NONE else 0.5),
            ),
        )
        for gate, outcome in ({"drift": Outcome.PASS, "accuracy": Outcome.PASS} | outcomes).items()
        if outcome is not None
    )  # fmt: skip
    fails = any(rule.blocks for rule in rules)
    verdict = Verdict(
        outcome=Outcome.FAIL if fails else Outcome.PASS, candidate=Subject(model=model), base=None,
        policy="sha256:0", policy_from="the work tree", rules=rules,
        errors={},
    )  # fmt: skip
    week = timedelta(days=7)
    window = Window(
        start=NOW - week, end=NOW, rows=1234, measured=1000, outcome=Outcome.PASS, measurements=()
    )
    record = Record(
        made=NOW, model=model, reference="a commit", window=week, season=None, windows=(window,),
        counts=Counts(read=1234, broken=0, outside=0, other_models=0, repeated=0, late=0,
                      labels=0, labelled=0),
    )  # fmt: skip
    return Judged(verdict, record, report)


DRIFTS: dict[str, Any] = {"drift": Outcome.FAIL}


class Alarm:
    """A repository whose production is looked at."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.github = hub.github
        workflow = (ROOT / ".github/workflows/retrain.yml").read_text("utf-8")
        hub.commit("main", {".github/workflows/retrain.yml": workflow})
        hub.monkeypatch.setenv("GITHUB_REF_NAME", "main")
        hub.monkeypatch.chdir(SAMPLE)  # starting a retraining reads the settings
        self.rules = tuple(f"{gate}-rule" for gate in NAMES)

    def tell(self, look: MonitorResult, *, retrain: bool = False, data: str = DATA) -> str:
        told = tell(self.hub.connect(GRANTS), look, self.policy(retrain), data, BOT)
        assert all(call.grants == GRANTS for call in self.github.calls)
        return told

    def policy(self, retrain: bool) -> Policy:
        rule = next(iter(parse_policy(POLICY, "policy.yaml").rules.values()))
        found = parse_policy(POLICY + f"monitor: {{retrain: {str(retrain).lower()}}}\n", "p")
        return found.model_copy(update={"rules": dict.fromkeys(self.rules, rule)})

    def issue(self) -> Issue:
        """The one issue of ours that is open."""
        (found,) = [each for each in self.github.issues() if each.state == "open"]
        return found

    def memory(self) -> Memory:
        found = memory_in(self.issue().body)
        assert found is not None
        return found

    def said(self) -> list[str]:
        """The comments on all issues."""
        return [comment.body for comment in self.github.state.comments]

    def started(self) -> list[Call]:
        """Workflows that were started."""
        found = self.github.calls
        return [call for call in found if call.path.endswith("/dispatches") and call.status == 204]


@pytest.fixture
def alarm(hub: Hub) -> Alarm:
    return Alarm(hub)


def test_one_issue_from_alarm_to_end(alarm: Alarm) -> None:
    """Opened, edited while it fails, a comment only where other rules fail, closed, never again."""
    assert alarm.tell(judged()) == "production passes, and no alarm is open"
    assert alarm.github.issues() == []

    alarm.tell(judged(report="## Monday", **DRIFTS))
    issue = alarm.issue()
    assert issue.title == "Production: drift fails (model 111111111111)"
    assert issue.labels == (LABEL,)
    assert "## Monday" in issue.body
    assert f"{alarm.github.url}/octo/model/actions/runs/7" in issue.body
    assert memory_in(issue.body) == Memory(model=ONE, failing=("drift-rule",))

    alarm.tell(judged(report="## Tuesday", **DRIFTS))
    assert alarm.issue() is issue
    assert "## Tuesday" in issue.body
    assert "## Monday" not in issue.body
    assert alarm.said() == []

    alarm.tell(judged(drift=Outcome.FAIL, accuracy=Outcome.FAIL))
    assert issue.title == "Production: drift, accuracy fail (model 111111111111)"
    assert len(alarm.said()) == 1
    assert "Now fails: `accuracy-rule`" in alarm.said()[0]
    alarm.tell(judged(accuracy=Outcome.FAIL))
    assert "Fails no longer: `drift-rule`" in alarm.said()[1]

    alarm.tell(judged())
    assert (issue.state, issue.state_reason) == ("closed", "completed")
    assert "**accuracy**: pass" in alarm.said()[2]
    assert "1,234 records" in alarm.said()[2]
    alarm.tell(judged())
    assert len(alarm.said()) == 3

    alarm.tell(judged(**DRIFTS))
    assert alarm.issue() is not issue
    assert issue.state == "closed"
    assert len(alarm.github.issues()) == 2


def test_monitoring_that_failed_is_an_alarm(alarm: Alarm) -> None:
    """It has words of its own, is told once, keeps what was known, and starts no retraining."""
    alarm.tell(judged(**DRIFTS), retrain=True)
    for _ in range(2):
        alarm.tell(Broken("s3://log: there is no such file @everyone <!-- x"), retrain=True)
    issue = alarm.issue()
    assert issue.title == "Production: monitoring failed"
    assert "Monitoring failed: s3:" in issue.body
    assert "@everyone" not in issue.body
    assert issue.body.count("<!--") == 1
    assert alarm.memory().retrained == (ONE,)
    assert len(alarm.said()) == 1
    assert "Monitoring failed: s3:" in alarm.said()[0]
    alarm.tell(judged(**DRIFTS), retrain=True)
    assert "Production can be looked at again." in alarm.said()[1]
    assert len(alarm.started()) == 1


def test_what_can_not_be_told_is_no_pass(alarm: Alarm) -> None:
    """No labels this time, or too few, close no alarm, nor does a slice that passes for another.

    A rule that is gone keeps none open, nor one whose failure only warns by now.
    """
    alarm.tell(judged(drift=Outcome.FAIL, accuracy=Outcome.FAIL))
    issue = alarm.issue()
    unknown = judged(drift=Outcome.PASS, accuracy=Outcome.NONE)
    for look in (unknown, judged(accuracy=None), unknown):
        alarm.tell(look)
        assert alarm.issue() is issue
        assert issue.title == "Production: what failed can't be judged now (model 111111111111)"
        assert "labels are missing or too few: `accuracy-rule`" in issue.body
    assert len(alarm.said()) == 1
    assert "Fails no longer: `drift-rule`" in alarm.said()[0]
    alarm.tell(Broken("no log"))
    alarm.tell(unknown)
    assert alarm.issue() is issue
    few = judged(accuracy=Outcome.INCONCLUSIVE, warns=True)
    passes = few.verdict.rules[1].findings[0].model_copy(update={"outcome": Outcome.PASS})
    for look in (few, with_findings(few, passes)):
        alarm.tell(look)
        assert alarm.issue() is issue
        assert "`accuracy-rule`. So this stays open." in issue.body
    alarm.tell(judged(accuracy=Outcome.FAIL, warns=True))
    assert issue.state == "closed"
    alarm.tell(few)
    assert [each.state for each in alarm.github.issues()] == ["closed"]
    alarm.tell(judged(**DRIFTS))
    alarm.rules = ("accuracy-rule",)
    alarm.tell(judged(drift=None))
    assert [each.state for each in alarm.github.issues()] == ["closed", "closed"]


def with_findings(look: Judged, *more: Finding) -> Judged:
    """The look with findings of other slices behind those of its last rule."""
    *rules, last = look.verdict.rules
    last = last.model_copy(update={"findings": (*last.findings, *more)})
    verdict = look.verdict.model_copy(update={"rules": (*rules, last)})
    return Judged(verdict, look.record, look.report)


def test_strangers_issues_are_left_alone(alarm: Alarm) -> None:
    """An issue with our mark or title that we did not write is no issue of ours."""
    alarm.tell(judged(**DRIFTS))
    body, title = alarm.issue().body, alarm.issue().title
    alarm.github.state.issues.clear()
    forged = [alarm.github.issue(title, body, login) for login in ("eve", "github-actions")]
    forged += [alarm.github.issue(title, f"> {body}", BOT)]  # another workflow's, which quotes it
    before = [(each.body, each.state, each.edits) for each in forged]
    alarm.tell(judged(**DRIFTS))
    alarm.tell(judged())
    assert [(each.body, each.state, each.edits) for each in forged] == before
    assert alarm.github.issues()[3].state == "closed"


def test_a_label_and_a_text_that_people_changed(alarm: Alarm) -> None:
    """The issue is found without its label, which it gets again, and with a mark that is broken."""
    alarm.tell(judged(**DRIFTS))
    issue = alarm.issue()
    issue.labels = ("bug",)
    alarm.tell(judged(**DRIFTS))
    assert alarm.issue().labels == ("bug", LABEL)
    issue.body = issue.body.replace('"model"', '"modell"')
    alarm.tell(judged(**DRIFTS))
    assert alarm.issue() is issue
    assert alarm.memory().model == ONE


def test_of_two_the_older_stays(alarm: Alarm) -> None:
    """Whatever opened a second one: it is closed, and what it remembers is kept."""
    for retrained in ((), (ONE,), (TWO,)):
        body = Memory(model=ONE, failing=("drift-rule",), retrained=retrained).mark()
        alarm.github.issue("alarm", body, BOT, labels=(LABEL,))
    alarm.tell(judged(**DRIFTS), retrain=True)
    first, *others = alarm.github.issues()
    assert alarm.issue() is first
    assert {(each.state, each.state_reason) for each in others} == {("closed", "not_planned")}
    assert all(f"#{first.number}" in said for said in alarm.said())
    assert alarm.memory().retrained == (ONE, TWO)
    assert alarm.started() == []


def test_a_retraining_for_each_model_once(alarm: Alarm) -> None:
    """Started by drift with the new data; not again for this model, whatever becomes of it."""
    alarm.tell(judged(**DRIFTS), retrain=True)
    issue = alarm.issue()
    (call,) = alarm.started()
    assert call.path.endswith("/actions/workflows/retrain.yml/dispatches")
    assert call.body["ref"] == "main"
    assert call.body["inputs"]["data"] == DATA
    assert f"/issues/{issue.number}" in call.body["inputs"]["reason"]
    assert alarm.memory().retrained == (ONE,)
    assert "This look starts one, with the data" in issue.body
    assert "/octo/model/actions/workflows/retrain.yml)" in issue.body
    for _ in range(2):
        alarm.tell(judged(accuracy=Outcome.FAIL), retrain=True)
        assert "was started for this model already" in issue.body
    # Red pull request closed, alarm closed, and it fails again: the model is still the same.
    alarm.tell(judged(), retrain=True)
    alarm.tell(judged(**DRIFTS), retrain=True)
    assert alarm.issue() is not issue
    assert len(alarm.started()) == 1
    # A release: another model is served.
    alarm.tell(judged(TWO, **DRIFTS), retrain=True)
    assert len(alarm.started()) == 2
    assert alarm.memory().retrained == (ONE, TWO)


@pytest.mark.parametrize(
    ("look", "settings", "message"),
    [
        (judged(**DRIFTS), {"retrain": False}, "`monitor.retrain` in `policy.yaml` is off"),
        (judged(**DRIFTS), {"data": ""}, "`RETRAIN_DATA` is empty"),
        (judged(**DRIFTS), {"data": "https://h/rows.csv?X-Signature=SECRET"}, "holds a password"),
        (judged(**DRIFTS), {"data": "https://ada:SEC/RET@h/rows.csv"}, "holds a password"),
        (
            judged(**DRIFTS),
            {"data": "zip://a.csv::https://a:SECRET@h/x.zip"},  # pragma: allowlist secret
            "holds a password",
        ),
        (judged(drift=Outcome.ERROR), {}, "nothing that was measured"),
        (judged(accuracy=Outcome.INCONCLUSIVE), {}, "nothing that was measured"),
        (judged(latency=Outcome.FAIL), {}, "nothing that was measured"),
        (judged(data=Outcome.FAIL), {}, "nothing that was measured"),
        (Broken("out of memory"), {}, "nothing that was measured"),
    ],
)
def test_no_retraining(
    alarm: Alarm, look: MonitorResult, settings: dict[str, bool | str], message: str
) -> None:
    """None where policy, data or reason is missing; the issue says which, and forgets nothing."""
    alarm.tell(look, **({"retrain": True} | settings))  # type: ignore[arg-type]
    assert alarm.started() == []
    assert message in alarm.issue().body
    assert "SEC" not in alarm.issue().body
    assert alarm.memory().retrained == ()


@pytest.mark.parametrize("data", ["abfs://box@account/rows.csv", "https://h:8080/b.csv", "x.csv"])
def test_urls_without_a_secret(alarm: Alarm, data: str) -> None:
    """A port or a container is no password."""
    alarm.tell(judged(**DRIFTS), retrain=True, data=data)
    (call,) = alarm.started()
    assert call.body["inputs"]["data"] == data


@pytest.mark.parametrize(("source", "append"), [("file", "true"), ("simulated", "false")])
def test_new_rows_come_to_those_of_a_file(
    alarm: Alarm, source: str, append: str, tmp_path: Path
) -> None:
    """Attacks the exam: rows that take the place of all others need an owner each time."""
    alarm.hub.monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(f"data: {{source: {source}, file: {{path: data/own/x.csv}}}}\n")
    alarm.tell(judged(**DRIFTS), retrain=True)
    (call,) = alarm.started()
    assert call.body["inputs"]["append"] == append


def test_none_while_one_waits(alarm: Alarm) -> None:
    """An open pull request of a retraining; a fork's branch of that name is none."""
    waits = alarm.github.pull_request(2, head_branch="main", head_repository="eve/model")
    waits.head_branch = "retrain-1-1"
    alarm.hub.commit("retrain-9-1", {"a": "b"})
    ours = alarm.github.pull_request(3, head_branch="retrain-9-1")
    alarm.tell(judged(**DRIFTS), retrain=True)
    assert alarm.started() == []
    assert "is open" in alarm.issue().body
    ours.state = "closed"
    alarm.tell(judged(**DRIFTS), retrain=True)
    assert len(alarm.started()) == 1


@pytest.mark.parametrize(("status", "after"), [(500, True), (0, True), (503, False), (403, False)])
def test_a_retraining_that_github_does_not_confirm(
    alarm: Alarm, status: int, *, after: bool
) -> None:
    """Attacks a second run where GitHub took the first and its answer was an error, or lost."""
    alarm.hub.no_pauses()
    alarm.github.fail("POST", "dispatches", status, after=after)
    with pytest.raises(GatehouseError, match=r"start the workflow retrain\.yml"):
        alarm.tell(judged(**DRIFTS), retrain=True)
    assert "so it may run or not: see [Actions]" in alarm.issue().body
    assert alarm.memory().retrained == (ONE,)
    alarm.tell(judged(**DRIFTS), retrain=True)
    assert "or may have been ([Actions]" in alarm.issue().body
    tried = [call for call in alarm.github.calls if call.path.endswith("/dispatches")]
    assert [call.status for call in tried] == [status]


def test_an_api_that_fails(alarm: Alarm) -> None:
    """A moment is waited for; a lost answer makes no second issue; for longer it is an error."""
    alarm.hub.no_pauses()
    for status in (500, 502, 0):
        alarm.github.fail("*", "issues", status)
    alarm.github.fail("POST", "issues$", 502, after=True)
    alarm.tell(judged(**DRIFTS))
    assert len([each for each in alarm.github.issues() if each.state == "open"]) == 1
    alarm.github.fail("*", "issues", 500, times=1000)
    with pytest.raises(GatehouseError, match="look for the alarm's issue"):
        alarm.tell(judged(**DRIFTS))


def test_texts_stay_texts(alarm: Alarm) -> None:
    """A report as long as GitHub takes is shown, a longer one is not; no name ends the mark."""
    alarm.tell(judged("sha256:--> @ada", report="x" * REPORT_LIMIT, drift=Outcome.FAIL))
    issue = alarm.issue()
    assert "x" * REPORT_LIMIT in issue.body
    assert alarm.memory().model == "sha256:--> @ada"
    alarm.tell(judged(report="x" * (REPORT_LIMIT + 1), **DRIFTS))
    assert "too long" in issue.body
    assert len(issue.body) < 3000


def test_what_the_other_job_left(tmp_path: Path) -> None:
    """Files that are missing, cut short or odd are a broken look, and never a pass."""
    assert isinstance(read_monitor_result(tmp_path / "none", NOW), Broken)
    look = judged()
    look.verdict.write(tmp_path / "verdict.json")
    look.record.write(tmp_path / "record.json")
    broken = read_monitor_result(tmp_path, NOW)
    assert isinstance(broken, Broken)
    assert "report.md" in broken.why
    (tmp_path / "report.md").write_text("## The report")
    assert read_monitor_result(tmp_path, NOW + timedelta(hours=5)) == look
    text = (tmp_path / "verdict.json").read_text()
    for damaged in (text[:100], json.dumps(json.loads(text) | {"more": 1}), "[]"):
        (tmp_path / "verdict.json").write_text(damaged)
        assert isinstance(read_monitor_result(tmp_path, NOW), Broken)
    (tmp_path / "failed.txt").write_bytes(b"error: no log \xff\nname: Ada Lovelace\n")
    assert read_monitor_result(tmp_path, NOW) == Broken("no log \ufffd")
    (tmp_path / "failed.txt").write_text("x" * 1000)
    assert read_monitor_result(tmp_path, NOW) == Broken("x" * 300)


@pytest.mark.parametrize("hours", [7, -7])
def test_an_old_look_is_none(tmp_path: Path, hours: int) -> None:
    """Attacks an alarm by a pass of days ago: the job that tells is run again, alone."""
    look = judged()
    look.verdict.write(tmp_path / "verdict.json")
    look.record.write(tmp_path / "record.json")
    (tmp_path / "report.md").write_text("## The report")
    found = read_monitor_result(tmp_path, NOW + timedelta(hours=hours))
    told = "the look is of 2026-11-20 00:00 (UTC); run the whole workflow again"
    assert found == Broken(told)


def test_the_command(alarm: Alarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Policy from the folder it runs in, the look from the one it is given."""
    from gatehouse.github.cli import group

    (tmp_path / "policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    alarm.hub.token(GRANTS)
    done = CliRunner().invoke(group, ["alarm", "monitor", "--retrain-data", DATA])
    assert done.exit_code == 0, done.output
    assert done.output == "production fails ((monitoring)): opened #2\n"
    alarm.hub.token({"issues": "read"})
    done = CliRunner().invoke(group, ["alarm", "monitor"])
    assert done.exit_code == 2
