"""A gate of a fork's own watches production as the built-in ones do."""

from __future__ import annotations

import re
from pathlib import Path

import gates as package
import numpy as np
import pandas as pd
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, evidence_path, read_evidence
from gatehouse.github.alarm_retrain import measured_failures
from gatehouse.github.monitor_result import Judged
from gatehouse.monitor.look import Look
from gatehouse.monitor.record import EVIDENCE, REPORT
from gatehouse.monitor.run import look, write
from gatehouse.policy import load_policy, parse_policy
from gatehouse.verdict import Outcome
from gatehouse.workspace import Workspace
from tests.gatehouse import tiny
from tests.gatehouse.gates import test_own
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END
from tests.gatehouse.tiny import POLICY, Finished

GATE = '  {}: {{object: "gates.{}:{}", settings: {{column: job}}}}\n'
OWN = "gates:\n" + GATE.format("watching", "watching", "WATCHING")
RULE = """\
  values-there:
    gate: watching
    measurement: missing_share
    slice: "*"
    at_most: 0.4
    why: The score means little for people of whom we know nothing
waivers: []
"""
MONITOR = "monitor: {gates: [drift, watching]}\n"
TEXT = (
    POLICY.replace("rules:\n", f"{OWN}rules:\n").replace("waivers: []\n", RULE) + MONITOR
).replace("at_most: 0.05\n", "at_most: 0.15\n")
ROWS = tiny.rows(600, 3000)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets src/gates have the modules `missing` and `watching`."""
    folders = [Path(test_own.__file__).parent / "own", Path(__file__).parent / "own"]
    monkeypatch.setattr(package, "__path__", [*package.__path__, *map(str, folders)])


def seen(finished: Finished, rows: pd.DataFrame, policy: str = TEXT) -> Look:
    """A look at a week of these rows."""
    root = finished.root
    (root / "policy.yaml").write_text(policy)
    log = root / "log/predictions.jsonl"
    logs.write(log, logs.predictions(Workspace(root), rows, END, 14))
    return look(str(log), until=END, root=root)


def test_it_judges_windows_and_is_shown(finished: Finished) -> None:
    """Attacks a gate that is absent from evidence, verdict, trend, advice or report."""
    found = seen(finished, ROWS)
    assert found.verdict.outcome is Outcome.PASS
    assert set(found.evidence) == {"drift", "watching"}
    write(found, finished.root)
    evidence = read_evidence(evidence_path(finished.root / EVIDENCE, "watching"), "watching")
    assert evidence.settings["watching"] == {"column": "job"}
    assert "pandas" in evidence.tools

    late = np.arange(len(ROWS)) >= len(ROWS) // 2
    silent = ROWS.assign(job=ROWS["job"].mask(late))
    found = seen(finished, silent)
    assert found.verdict.gate_blocks("watching")
    assert [str(window.outcome) for window in found.record.windows[-2:]] == ["pass", "fail"]
    assert "values-there" in measured_failures(
        Judged(found.verdict, found.record, ""), found.policy
    )
    write(found, finished.root)
    text = (finished.root / REPORT).read_text("utf-8")
    assert "- ❌ **watching**: Ask whoever calls." in text
    assert "Do callers leave values out?" in text
    assert "values-there, worst of each window" in text
    section = text.split("<summary>Missing values</summary>")[1].split("</details>")[0]
    assert re.search(r"`missing_share` \| `job` \| 100\.0% \| at most 40%", section)


def test_a_window_without_records_is_in_error(finished: Finished) -> None:
    """Attacks an empty window that a gate of one's own would call fine."""
    seen(finished, ROWS)
    log = finished.root / "log/predictions.jsonl"
    found = look(str(log), until=END.replace(day=END.day + 1), root=finished.root)
    assert isinstance(found.evidence["watching"], Evidence)
    found = look(str(log), until=END.replace(month=4, day=4), root=finished.root)
    assert "nothing was logged" in found.verdict.errors["watching"]


def test_one_that_says_nothing_of_production_is_told_so(finished: Finished) -> None:
    """Attacks a gate that the policy names for the monitor, and that does nothing there."""
    policy = TEXT.replace("gates.watching:WATCHING", "gates.missing:MISSING")
    policy = policy.replace("watching", "missing")
    with pytest.raises(GatehouseError, match="missing does not say how it looks at production"):
        seen(finished, ROWS, policy)


def test_the_monitor_takes_gates_that_are_there(tmp_path: Path) -> None:
    """Attacks a name that is wrong, a gate without production, and a gate that is not named."""
    for name in ("watchin", "latency"):
        with pytest.raises(GatehouseError, match=f"has no gate '{name}'; it has: drift, accuracy"):
            parse_policy(TEXT.replace("[drift, watching]", f"[{name}]"), "policy.yaml")
    (tmp_path / "policy.yaml").write_text(TEXT.replace("[drift, watching]", "[drift]"))
    assert load_policy(tmp_path / "policy.yaml").monitor.gates == ("drift",)
