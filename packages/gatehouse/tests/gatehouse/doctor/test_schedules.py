"""Attacks the look at schedules: GitHub that switched one off in silence, and false alarms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gatehouse.doctor.finding import Finding, Level
from gatehouse.doctor.schedules import check_schedules
from gatehouse.errors import GatehouseError
from tests.gatehouse.doctor.answers import Answers

AT = "repos/acme/prices/actions"
LOG = {f"{AT}/variables/MONITOR_LOG": {"value": "s3://bucket/log"}}
MONITOR, UPDATE = ".github/workflows/monitor.yml", ".github/workflows/update.yml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A daily monitor, a weekly update, a workflow without a schedule, and a broken one."""
    for path, events in {
        MONITOR: '{schedule: [{cron: "41 4 * * *"}], workflow_dispatch: }',
        UPDATE: '{schedule: [{cron: "23 5 * * 1"}]}',
        ".github/workflows/other.yml": "push",
        ".github/workflows/broken.yml": "{schedule: [{cron: daily}]}",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(f"on: {events}\n")
    return tmp_path


def states(**more: str) -> dict[str, Any]:
    given = {"monitor": "active", "update": "active"} | more
    return {
        f"{AT}/workflows": {
            "workflows": [
                {"path": f".github/workflows/{name}.yml", "state": state}
                for name, state in given.items()
            ]
        }
    }


def looks(*days: float, conclusion: str = "success") -> dict[str, Any]:
    now = datetime.now(UTC)
    runs = [
        {
            "created_at": (now - timedelta(days=each)).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "conclusion": conclusion,
        }
        for each in days
    ]
    return {f"{AT}/workflows/monitor.yml/runs": {"workflow_runs": runs}}


def found(root: Path, *answers: dict[str, Any]) -> list[Finding]:
    merged = {key: value for each in answers for key, value in each.items()}
    return list(check_schedules(root, "acme/prices", Answers(merged)))


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ("disabled_inactivity", "after 60 days without activity"),
        ("disabled_fork", "as in every fork"),
        ("disabled_manually", "by hand"),
    ],
)
def test_a_schedule_that_is_off(root: Path, state: str, why: str) -> None:
    (warning,) = found(root, states(update=state))
    assert (warning.level, warning.fix) == (
        Level.WARNING,
        "gh workflow enable update.yml --repo acme/prices",
    )
    assert why in warning.text


@pytest.mark.parametrize(
    ("seen", "part"),
    [
        (looks(4, 5, 6), "the monitor last ran on"),
        (looks(0.1, conclusion="cancelled") | {}, "has not run on its schedule yet"),
        (looks(), "has not run on its schedule yet"),
        ({}, "has not run on its schedule yet"),
    ],
)
def test_a_monitor_that_has_not_looked(root: Path, seen: dict[str, Any], part: str) -> None:
    """Attacks with a monitor that is on and silent: a warning, whatever the schedules say."""
    fine, warning = found(root, states(), LOG, seen)
    assert (fine.level, warning.level) == (Level.FINE, Level.WARNING)
    assert part in warning.text


def test_no_false_alarm(root: Path) -> None:
    """A look of yesterday, an alarm too; two missed days; a weekly schedule; no log, no look."""
    for seen in (looks(1), looks(1, conclusion="failure"), looks(2.9)):
        assert {each.level for each in found(root, states(), LOG, seen)} == {Level.FINE}
    (root / MONITOR).write_text('on: {schedule: [{cron: "41 4 * * 1"}]}\n')
    assert {each.level for each in found(root, states(), LOG, looks(20))} == {Level.FINE}
    assert [each.level for each in found(root, states())] == [Level.FINE]
    assert found(root) == []


def test_what_may_not_be_seen(root: Path) -> None:
    """It is said, and is no ✅."""
    refused = {f"{AT}/workflows": GatehouseError("403\nno right")}
    (unseen,) = found(root, refused)
    assert (unseen.level, unseen.text) == (Level.UNSEEN, "schedules of workflows: 403")
    refused = {f"{AT}/workflows/monitor.yml/runs": GatehouseError("403")}
    assert found(root, states(), LOG, refused)[-1].level is Level.UNSEEN
