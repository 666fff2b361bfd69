"""Scheduled workflows: whether GitHub still starts them, and whether the monitor runs.

GitHub disables the schedules of a public repository after 60 days without activity, and those of a
fork until somebody enables them. Nothing fails then, so nobody notices.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatehouse.doctor.finding import Area, Finding
from gatehouse.errors import GatehouseError
from gatehouse.github.settings_api import Api
from gatehouse.typed import parse_yaml, read_text

AREA = Area("github")
MONITOR = ".github/workflows/monitor.yml"
LOG_VARIABLE = "MONITOR_LOG"
MISSED = 3
"""Number of consecutive runs that may be missing: GitHub drops single ones when it is busy."""

_WHY = {
    "disabled_inactivity": "after 60 days without activity in the repository",
    "disabled_fork": "as in every fork, until somebody switches it on",
}
_LOOKED = ("success", "failure")
"""Conclusions of a run that monitored: a failure opened an issue."""


def check_schedules(root: Path, repo: str, api: Api) -> Iterator[Finding]:
    """Check that the schedules are enabled, and that the newest monitoring run is recent enough."""
    periods = _scheduled(root)
    try:
        listed = api.read(f"repos/{repo}/actions/workflows?per_page=100") or {}
        log = (api.read(f"repos/{repo}/actions/variables/{LOG_VARIABLE}") or {}).get("value")
    except GatehouseError as error:
        yield AREA.unseen(f"schedules of workflows: {str(error).splitlines()[0]}")
        return
    states = {each["path"]: str(each["state"]) for each in listed.get("workflows", [])}
    off = {path: states[path] for path in periods if states.get(path, "active") != "active"}
    for path, state in off.items():
        name = Path(path).name
        yield AREA.warning(
            f"GitHub does not run {name} on its schedule: switched off "
            f"{_WHY.get(state, 'by hand')}",
            f"gh workflow enable {name} --repo {repo}",
        )
    if periods.keys() & states.keys() and not off:
        yield AREA.fine("GitHub runs the workflows that have a schedule")
    if log and MONITOR in periods:
        yield from _check_looks(repo, api, periods[MONITOR])


def _check_looks(repo: str, api: Api, period: timedelta) -> Iterator[Finding]:
    name, start = Path(MONITOR).name, f"gh workflow run {Path(MONITOR).name} --repo {repo}"
    path = f"repos/{repo}/actions/workflows/{name}/runs?event=schedule&per_page=30"
    try:
        runs = (api.read(path) or {}).get("workflow_runs", [])
    except GatehouseError as error:
        yield AREA.unseen(f"looks at production: {str(error).splitlines()[0]}")
        return
    looks = [
        datetime.fromisoformat(each["created_at"]) for each in runs if each["conclusion"] in _LOOKED
    ]
    if not looks:
        yield AREA.warning(f"{name} has not run on its schedule yet", start)
    elif datetime.now(UTC) - max(looks) > MISSED * period:
        yield AREA.warning(
            f"the monitor last ran on {max(looks):%Y-%m-%d}: {name} should run "
            f"every {period.days} day{'s' * (period.days > 1)}",
            f"see its runs under Actions; then {start}",
        )
    else:
        yield AREA.fine(f"the monitor last ran on {max(looks):%Y-%m-%d}")


def _scheduled(root: Path) -> dict[str, timedelta]:
    """Return the scheduled workflows by path, with the longest interval between runs."""
    found = {}
    for file in sorted((root / MONITOR).parent.glob("*.yml")):
        try:
            events = parse_yaml(read_text(file), file)["on"]
            crons = [str(each["cron"]) for each in events["schedule"]]
            found[file.relative_to(root).as_posix()] = min(map(_period, crons))
        except (GatehouseError, KeyError, TypeError, ValueError):
            continue  # none, or not valid: then GitHub reports it
    return found


def _period(cron: str) -> timedelta:
    """Return the maximum interval between two times of a schedule, as far as it matters here."""
    _, _, day, month, weekday = cron.split()
    if month != "*":
        return timedelta(days=366)
    if day != "*":
        return timedelta(days=31)
    return timedelta(days=7 if weekday != "*" else 1)
