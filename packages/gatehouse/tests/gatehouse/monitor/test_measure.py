"""Windows and seasons measured: a cycle is no drift, and a change within one is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence
from gatehouse.monitor.measure import Watched
from gatehouse.monitor.scan import Span, scan
from gatehouse.monitor.verdict import judge_window, watching
from gatehouse.policy import Monitor, parse_policy
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import Workspace
from tests.gatehouse import tiny
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END
from tests.gatehouse.tiny import POLICY, Finished
from tests.shared import SPECS

HOURS = timedelta(hours=6)
SEASON = Monitor(window=HOURS, windows=12, season=timedelta(days=1))
WITHOUT = Monitor(window=HOURS, windows=12)
RULES = POLICY.replace("at_most: 0.05\n", "at_most: 0.15\n").replace(
    "waivers: []",
    """\
  drift-predictions:
    gate: drift
    measurement: drift
    of: comparison
    slice: prediction
    at_most: 0.15
    alpha: 0.01
    why: Scores that moved change decisions
waivers: []""",
)


def cyclic(rows: int = 3000, changed: float = 0.0, job: str | None = None) -> pd.DataFrame:
    """Rows over three days, older people later in each day; in the last 6 hours, changed."""
    drawn = tiny.rows(rows, 3000).sample(frac=1, random_state=0)
    hour = np.arange(rows) * 72 / rows
    days = [day.sort_values("age") for _, day in drawn.groupby(hour // 24)]
    made = pd.concat(days, ignore_index=True)
    last = hour >= 66
    made.loc[last, "age"] += changed
    if job is not None:
        made.loc[last, "job"] = job
    return made


def watched(root: Path, rows: pd.DataFrame, monitor: Monitor) -> Watched:
    workspace = Workspace(root)
    records = logs.predictions(workspace, rows, END, days=3)
    path = logs.write(root / "log.jsonl", records)
    policy = parse_policy(RULES, "policy.yaml").model_copy(update={"monitor": monitor})
    found = scan(str(path), workspace.contract, Span(END, monitor.window, monitor.windows), 100_000)
    return Watched(found, found.model(), workspace, policy, None)


def judged(over: Watched, number: int = 0) -> Verdict:
    rules = watching(over.policy, ["drift"])
    evidence = {"drift": over.evidence("drift", number)}
    reference = over.reference.subject(SPECS["drift"])
    return judge_window(evidence, over.subject(number), reference, rules, "policy", END.date())


def failed(verdict: Verdict) -> set[str]:
    return {f.slice for r in verdict.rules for f in r.findings if f.outcome is Outcome.FAIL}


def test_a_cycle_is_no_drift(finished: Finished) -> None:
    """Attacks an alarm every night; without a season there is one, so the cycle is a real one."""
    rows = cyclic()
    with_season = watched(finished.root, rows, SEASON)
    assert [judged(with_season, n).outcome for n in range(3)] == [Outcome.PASS] * 3
    without = watched(finished.root, rows, WITHOUT)
    assert [judged(without, n).outcome for n in range(4)] == [Outcome.FAIL] * 4


def test_a_change_in_one_phase_is_caught(finished: Finished) -> None:
    """Attacks a change that the three other quarters of the day hide."""
    over = watched(finished.root, cyclic(changed=4), SEASON)
    verdict = judged(over)
    assert verdict.outcome is Outcome.FAIL
    assert "number=age (since a season ago)" in failed(verdict)
    assert "number=age" not in failed(verdict)
    assert judged(over, 1).outcome is Outcome.PASS


def test_scores_that_change_in_one_phase_are_judged(finished: Finished) -> None:
    """Attacks a rule of one slice by name, which the comparison with a season ago also is of."""
    over = watched(finished.root, cyclic(job="nurse"), SEASON)
    assert "prediction (since a season ago)" in failed(judged(over))


def test_the_season_before_is_of_the_same_phase(finished: Finished) -> None:
    """Attacks a comparison with the wrong hours."""
    over = watched(finished.root, cyclic(), SEASON)
    assert over.cycle == 4
    assert over.pooled(0).rows == 1000
    assert over.before(0).rows == 2 * 250
    assert over.before(8).rows == 0
    measured = over.measure_drift(8)
    assert not [each for each in measured if "since a season" in each.slice]


def test_one_window_without_records_within_a_season(finished: Finished) -> None:
    """Attacks a pass of the newest window by those before it."""
    rows = cyclic()
    workspace = Workspace(finished.root)
    records = logs.predictions(workspace, rows, END - HOURS, days=3)
    path = logs.write(finished.root / "log.jsonl", records)
    found = scan(str(path), workspace.contract, Span(END, HOURS, 12), 1000)
    policy = parse_policy(RULES, "policy.yaml").model_copy(update={"monitor": SEASON})
    over = Watched(found, found.model(), workspace, policy, None)
    with pytest.raises(GatehouseError, match="no record of this model from 2026-03-29 18:00 to"):
        over.measure_drift(0)
    assert isinstance(over.evidence("drift", 0), str)
    assert isinstance(over.evidence("drift", 1), Evidence)


def test_the_reference_is_what_the_log_would_hold(finished: Finished) -> None:
    """Attacks a drift of what is never logged, and of categories the log does not spell out."""
    over = watched(finished.root, cyclic(60), SEASON)
    assert list(over.rows) == ["age", "job"]
    listed = over.contract.columns["job"].model_copy(update={"categories": ("nurse",)})
    over.reference.__dict__["contract"] = over.contract.model_copy(
        update={"columns": over.contract.columns | {"job": listed}}
    )
    over.__dict__.pop("rows")
    assert set(over.rows["job"].dropna()) == {"nurse", "(unlisted)"}


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_records(finished: Finished, count: int) -> None:
    """Attacks a division by nothing in a window of one row, or of rows that are all alike."""
    rows = tiny.rows(count).assign(age=40.0)
    over = watched(finished.root, rows, Monitor())
    assert isinstance(over.evidence("drift"), Evidence)
    rows = rows.assign(age=np.nan, job=None)
    assert isinstance(watched(finished.root, rows, Monitor()).evidence("drift"), Evidence)


def test_the_subject_tells_windows_apart(finished: Finished) -> None:
    """Attacks evidence of one window that passes for another's."""
    over = watched(finished.root, cyclic(300), WITHOUT)
    assert over.subject(0) == over.subject(0)
    assert len({over.subject(number).data for number in range(12)}) == 12
