"""A look at production from the log to the verdict, in a small workspace."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, read_evidence
from gatehouse.monitor.look import Look
from gatehouse.monitor.record import BROKEN, EVIDENCE, RECORD, REPORT, VERDICT, Record
from gatehouse.monitor.report import render
from gatehouse.monitor.run import look, write
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL, Workspace
from tests.gatehouse import tiny
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END, WEEK
from tests.gatehouse.tiny import Finished

ROWS = tiny.rows(600, 3000)
DAY = timedelta(days=1)


def drifted(years: float = 6) -> pd.DataFrame:
    return ROWS.assign(age=ROWS["age"] + years)


class Production:
    """A workspace whose model is served, and its log and labels."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.workspace = Workspace(root)
        self.log = root / "log/predictions.jsonl"

    def records(self, rows: pd.DataFrame, end: datetime = END, days: float = 7.0) -> pd.DataFrame:
        return logs.predictions(self.workspace, rows, end, days)

    def labels(self, rows: pd.DataFrame, records: pd.DataFrame) -> Path:
        path = self.root / "labels.csv"
        logs.labels(self.workspace, records, rows).to_csv(path, index=False)
        return path

    def write(self, *records: pd.DataFrame) -> None:
        logs.write(self.log, *records)

    def look(self, labels: Path | None = None, **more: Any) -> Look:
        told: dict[str, Any] = {"until": END, "root": self.root} | more
        return look(str(self.log), None if labels is None else str(labels), **told)

    def policy(self, old: str, new: str) -> None:
        path = self.root / "policy.yaml"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def monitor(self, settings: str) -> None:
        path = self.root / "policy.yaml"
        path.write_text(path.read_text() + f"monitor: {{{settings}}}\n")


@pytest.fixture
def production(finished: Finished) -> Production:
    made = Production(finished.root)
    # 600 rows of training wander by more than the limit of the fixture.
    made.policy("at_most: 0.05\n", "at_most: 0.15\n")
    return made


def outcomes(found: Look) -> list[str]:
    return [str(window.outcome) for window in found.record.windows]


def test_clean_traffic_passes(production: Production) -> None:
    """Attacks a monitor that cries wolf."""
    production.write(production.records(ROWS, days=14))
    found = production.look()
    assert found.verdict.outcome is Outcome.PASS
    assert set(found.evidence) == {"drift"}
    assert outcomes(found) == ["none"] * 6 + ["pass"] * 2
    counts = found.record.counts
    assert (counts.read, counts.broken, counts.repeated, counts.labels) == (600, 0, 0, 0)
    assert [window.rows for window in found.record.windows[-2:]] == [300, 300]


@pytest.mark.parametrize("column", ["age", "job"])
def test_drift_is_an_alarm(production: Production, column: str) -> None:
    """Attacks traffic that moved: a number by 0.4 sigma; a category's share, and its absence."""
    moved = drifted() if column == "age" else ROWS.assign(job=ROWS["job"].fillna("nurse"))
    production.policy("slice: number=*\n", 'slice: "*"\n')
    production.write(production.records(ROWS, END - WEEK), production.records(moved))
    found = production.look()
    assert found.verdict.outcome is Outcome.FAIL
    assert outcomes(found)[-2:] == ["pass", "fail"]
    failed = [f.slice for r in found.verdict.rules for f in r.findings if f.outcome is Outcome.FAIL]
    assert any(column in slice for slice in failed)


def test_a_column_that_no_caller_sends_any_more(production: Production) -> None:
    """Attacks a broken join: every row lacks a value that training had."""
    production.policy("slice: number=*\n", 'slice: "*"\n')
    production.write(production.records(ROWS.assign(age=np.nan)))
    found = production.look()
    assert found.verdict.outcome is Outcome.FAIL
    assert "category=age (missing)" in {
        f.slice for r in found.verdict.rules for f in r.findings if f.outcome is Outcome.FAIL
    }


def test_labels_are_judged(production: Production) -> None:
    """Attacks accuracy and fairness that nobody measures, and a clean run that alarms."""
    records = production.records(ROWS)
    production.write(records)
    found = production.look(production.labels(ROWS, records))
    assert found.verdict.outcome is Outcome.PASS
    assert set(found.evidence) == {"drift", "accuracy", "fairness"}
    assert (found.record.counts.labels, found.record.counts.labelled) == (600, 600)


def test_a_loss_of_accuracy_is_an_alarm(production: Production) -> None:
    """Attacks a world that changed while the traffic looks as before."""
    records = production.records(ROWS)
    production.write(records)
    turned = ROWS["rich"].map({"yes": "no", "no": "yes"})
    chosen = np.random.default_rng(0).random(len(ROWS)) < 0.25
    found = production.look(
        production.labels(ROWS.assign(rich=ROWS["rich"].where(~chosen, turned)), records)
    )
    assert found.verdict.gate_blocks("accuracy")
    assert not found.verdict.gate_blocks("drift")
    assert found.verdict.outcome is Outcome.FAIL


def test_a_loss_that_falls_on_one_group_is_an_alarm(production: Production) -> None:
    """Attacks errors of one group that the whole hides."""
    production.policy("at_least: 0.8\n", "at_least: 0.5\n")
    records = production.records(ROWS)
    production.write(records)
    turned = ROWS["rich"].map({"yes": "no", "no": "yes"})
    chosen = (ROWS["sex"] == "f") & (np.random.default_rng(0).random(len(ROWS)) < 0.7)
    found = production.look(
        production.labels(ROWS.assign(rich=ROWS["rich"].where(~chosen, turned)), records)
    )
    assert found.verdict.gate_blocks("fairness")
    assert not found.verdict.gate_blocks("accuracy")


def test_too_few_labels_warn(production: Production) -> None:
    """Attacks an alarm for want of labels, which come late; and a plain pass."""
    records = production.records(ROWS)
    production.write(records)
    some = np.flatnonzero(np.arange(len(ROWS)) % 20 == 0)
    found = production.look(production.labels(ROWS.iloc[some], records.iloc[some]))
    assert found.verdict.outcome is Outcome.PASS
    assert found.record.counts.labelled == 30
    assert found.record.windows[-1].outcome is Outcome.INCONCLUSIVE
    assert found.verdict.gate("fairness") is Outcome.INCONCLUSIVE


def test_labels_of_one_class_only_warn(production: Production) -> None:
    """Attacks an alarm for a metric that is not defined yet; and one that is and is bad."""
    records = production.records(ROWS)
    production.write(records)
    yes = (ROWS["rich"] == "yes").to_numpy()
    found = production.look(production.labels(ROWS[yes], records[yes]))
    assert found.verdict.outcome is Outcome.PASS
    assert found.verdict.gate("accuracy") is Outcome.INCONCLUSIVE


def test_labels_that_are_of_no_record_are_no_pass(production: Production) -> None:
    """Attacks labels of another service, or ids that were changed on the way."""
    records = production.records(ROWS)
    production.write(records)
    found = production.look(production.labels(ROWS, records.assign(request_id="other")))
    assert found.verdict.outcome is Outcome.FAIL
    assert "no label belongs to a record" in found.verdict.errors["accuracy"]
    assert "drift" not in found.verdict.errors


def test_labels_without_a_protected_attribute(production: Production) -> None:
    """Attacks fairness that passes unmeasured; the way out is told."""
    records = production.records(ROWS)
    production.write(records)
    labels = production.labels(ROWS.drop(columns="sex").assign(sex=None), records)
    found = production.look(labels)
    assert found.verdict.outcome is Outcome.FAIL
    assert "the labels have no column sex" in found.verdict.errors["fairness"]
    production.monitor("gates: [drift, accuracy]")
    assert production.look(labels).verdict.outcome is Outcome.PASS


def test_no_record_in_the_window_is_no_pass(production: Production) -> None:
    """Attacks a service that stopped logging."""
    production.write(production.records(ROWS, END - WEEK))
    found = production.look()
    assert found.verdict.outcome is Outcome.FAIL
    assert "no record of this model from 2026-03-23 00:00" in found.verdict.errors["drift"]
    assert outcomes(found)[-2:] == ["pass", "none"]
    assert production.look(until=END - WEEK).verdict.outcome is Outcome.PASS


def test_no_record_in_the_newest_window_of_a_season(production: Production) -> None:
    """Attacks a pass by the windows before: they are measured together with the newest one."""
    production.monitor("window: 6h, season: 1d, windows: 12")
    production.write(production.records(ROWS, END - timedelta(hours=6), days=2))
    found = production.look()
    assert found.verdict.outcome is Outcome.FAIL
    assert "no record of this model from 2026-03-29 18:00" in found.verdict.errors["drift"]


def test_no_record_at_all_is_an_error(production: Production) -> None:
    """Attacks a verdict about nothing."""
    production.write()
    with pytest.raises(GatehouseError, match="the log has no record from"):
        production.look()
    found = production.look(model=file_digest(production.root / MODEL))
    assert found.verdict.outcome is Outcome.FAIL


def test_another_window_model_and_time(production: Production) -> None:
    """Attacks options that do nothing."""
    production.write(
        production.records(drifted(20), END - DAY, 6), production.records(ROWS, days=1)
    )
    assert production.look().verdict.outcome is Outcome.FAIL
    found = production.look(window=DAY)
    assert found.verdict.outcome is Outcome.PASS
    assert found.record.window == DAY
    assert production.look(window=DAY, until=END - DAY).verdict.outcome is Outcome.FAIL
    with pytest.raises(GatehouseError, match="git log"):
        production.look(model="sha256:" + "0" * 64)


def test_the_window_must_fit_the_season(production: Production) -> None:
    """Attacks a window by hand that the season is not whole of."""
    production.monitor("window: 6h, season: 1d, windows: 8")
    production.write(production.records(ROWS))
    with pytest.raises(GatehouseError, match=r"with --window.*season is several whole windows"):
        production.look(window=timedelta(hours=7))
    with pytest.raises(GatehouseError, match="windows must hold two seasons: at least 48"):
        production.look(window=timedelta(hours=1))


def test_a_model_change_in_the_middle_of_the_window(production: Production) -> None:
    """Attacks answers of the model before, judged as the new one's."""
    old = production.records(drifted(20), END - DAY, 6).assign(model=logs.MODEL, probability=0.99)
    production.write(old, production.records(ROWS, days=1))
    found = production.look()
    assert found.verdict.outcome is Outcome.PASS
    assert found.record.model == file_digest(production.root / MODEL)
    assert (found.record.windows[-1].rows, found.record.counts.other_models) == (600, 600)


def test_the_same_whatever_the_order(production: Production) -> None:
    """Attacks evidence that depends on how the log was cut, mixed and repeated."""
    records = production.records(ROWS, days=14)
    labels = production.labels(ROWS, records)
    production.write(records)
    one = production.look(labels)
    production.write(records.sample(frac=1, random_state=1), records[::3])
    logs.write(production.log.with_name("predictions.jsonl.1"), records)
    two = look(str(production.log.parent), str(labels), until=END, root=production.root)
    assert two.verdict == one.verdict
    assert two.evidence == one.evidence
    assert two.record.windows == one.record.windows
    assert two.record.counts.repeated == 800


def test_policies_without_a_rule_of_production(production: Production) -> None:
    """Attacks a pass where nothing was judged."""
    production.write(production.records(ROWS))
    production.monitor("gates: [accuracy]")
    with pytest.raises(GatehouseError, match="no rule judges production by no gate"):
        production.look()
    records = production.records(ROWS)
    assert set(production.look(production.labels(ROWS, records)).evidence) == {"accuracy"}


def test_the_log_is_read_by_the_served_models_contract(production: Production) -> None:
    """Attacks a contract here that is newer than the model that is served.

    The commit of the served model is not needed for it: a column of another type would make each
    line a broken one, and a dropped column one that is gone from production.
    """
    from gatehouse.monitor import run
    from gatehouse.monitor.reference import Reference

    production.write(production.records(ROWS))
    served = Workspace(production.root)
    _ = served.contract, served.model  # before the contract here is another
    path = production.root / "contract.yaml"
    path.write_text(path.read_text().replace(
        "job: {type: category, categories: [nurse, cook], missing: 0.5, description: Work}",
        "wage: {type: number, missing: 0.5, description: Income}",
    ).replace("identity: [age, job]", "identity: [age]"))  # fmt: skip
    digest = file_digest(production.root / MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "find_reference", lambda model, _: Reference(model, served, "a commit"))
        for model in (None, digest):
            found = production.look(model=model)
            assert found.verdict.outcome is Outcome.PASS
            evidence = found.evidence["drift"]
            assert isinstance(evidence, Evidence)
            slices = {each.slice for each in evidence.measurements}
            assert "category=job" in slices


def test_what_is_written_can_be_read(production: Production) -> None:
    """Attacks files that no other command can read, and what an earlier look left."""
    records = production.records(ROWS)
    production.write(records)
    with production.log.open("ab") as stream:
        stream.write(b"torn \xff\n")
    found = production.look(production.labels(ROWS, records))
    write(found, production.root)
    for gate in ("drift", "accuracy", "fairness"):
        path = production.root / EVIDENCE / f"{gate}.json"
        assert read_evidence(path, gate) == found.evidence[gate]
    assert Verdict.read(production.root / VERDICT) == found.verdict
    assert Record.read(production.root / RECORD) == found.record
    assert json.loads((production.root / RECORD).read_text())["window"] == "7d"
    assert (production.root / BROKEN).read_bytes() == b"torn \xff\n"
    assert "600 predictions" in (production.root / REPORT).read_text()
    production.write(records)
    write(production.look(), production.root)
    assert [each.name for each in (production.root / EVIDENCE).iterdir()] == ["drift.json"]
    assert (production.root / BROKEN).read_bytes() == b""


def test_a_log_that_is_broken_for_the_most_part_is_an_error(production: Production) -> None:
    """Attacks a pass by the few records that a version of the service writes as one should."""
    production.write(production.records(ROWS))
    with production.log.open("ab") as stream:
        stream.write(b"broken\n" * 600)
    found = production.look()
    assert found.verdict.outcome is Outcome.PASS
    assert "600 lines of the log could not be read" in render(found)
    with production.log.open("ab") as stream:
        stream.write(b"broken\n")
    with pytest.raises(GatehouseError, match="601 lines are not records"):
        production.look()
    assert (production.root / BROKEN).read_bytes() == b"broken\n" * 601


def test_a_mistyped_policy_is_told(production: Production) -> None:
    """Attacks a traceback."""
    production.write(production.records(ROWS))
    production.monitor("window: soon")
    with pytest.raises(GatehouseError, match="is not a time span"):
        production.look()


def test_a_column_that_changes_its_type(production: Production) -> None:
    """Attacks a work tree that is ahead of the service: the served model's contract reads its log.

    And once a model of the new contract serves, what is left of the old one is no broken log.
    """
    production.write(production.records(ROWS))
    workspace = production.workspace
    contract = production.root / "contract.yaml"
    before = contract.read_text()
    found = production.look()
    assert found.verdict.outcome is Outcome.PASS
    records = production.records(ROWS, END - WEEK, 21)
    records["model"] = "sha256:" + "0" * 64
    records["row"] = [{"age": "old"} for _ in range(len(records))]
    production.write(records, records.assign(request_id="twice"), production.records(ROWS))
    found = production.look()
    assert found.record.model == file_digest(workspace.model.path)
    assert (found.record.counts.broken, found.record.counts.other_models) == (0, 1200)
    assert contract.read_text() == before


def test_rows_of_the_judged_model_that_do_not_fit(production: Production) -> None:
    """Attacks a pass by the few rows that fit: more that do not are no evidence."""
    records = production.records(ROWS)
    records["row"] = [row if n % 3 else {"age": "old"} for n, row in enumerate(records["row"])]
    production.write(records)
    found = production.look()
    assert found.record.counts.broken == 200
    assert len((production.root / BROKEN).read_bytes().splitlines()) == 200
    records["row"] = [row if n % 3 == 1 else {"age": "x"} for n, row in enumerate(records["row"])]
    production.write(records)
    with pytest.raises(GatehouseError, match="400 hold a row that is not one of its contract"):
        production.look()


def test_a_log_that_stopped_is_an_alarm(production: Production) -> None:
    """Attacks a dead logger that a long window hides."""
    records = production.records(ROWS)
    quiet = records[pd.to_datetime(records["time"]) < END - 3.4 * DAY]
    production.write(quiet)
    assert production.look().verdict.outcome is Outcome.PASS
    production.write(records[pd.to_datetime(records["time"]) < END - 4.3 * DAY])
    found = production.look()
    assert found.verdict.outcome is Outcome.FAIL
    assert "nothing was logged for" in found.verdict.errors["drift"]


def test_late_labels_are_judged(production: Production) -> None:
    """Attacks a loss that only labels of the window before show: it is judged, and dated."""
    old, new = production.records(ROWS, END - WEEK), production.records(ROWS)
    wrong = ROWS.assign(rich=np.where(ROWS["rich"] == "yes", "no", "yes"))
    production.write(old, new)
    found = production.look(production.labels(wrong, old))
    assert found.verdict.gate("accuracy") is Outcome.FAIL
    evidence = found.evidence["accuracy"]
    assert isinstance(evidence, Evidence)
    assert all("labels from 2026-03-16" in (m.note or "") for m in evidence.measurements)
    assert found.record.counts.labelled == 600
    assert production.look(production.labels(ROWS, old)).verdict.outcome is Outcome.PASS


def test_a_rule_of_one_column_is_of_no_other(production: Production) -> None:
    """Attacks a season's suffix that lets a rule on `age` judge `age_of_car` too."""
    production.policy("slice: number=*", "slice: number=ag")
    production.write(production.records(drifted()))
    assert "no measurement" in str(production.look().verdict.rules)
