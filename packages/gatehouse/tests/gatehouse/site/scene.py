"""A repository with a made-up history: twelve verdicts, and a look at production."""

from __future__ import annotations

import math
import os
import subprocess
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from gatehouse.contract import load_contract
from gatehouse.evidence import (
    Evidence,
    Interval,
    Measurement,
    Of,
    Subject,
    evidence_path,
)
from gatehouse.judge import Case, compared_with, judge
from gatehouse.monitor import record as monitor
from gatehouse.policy import Policy, load_policy
from gatehouse.report.card import CardContext, render_card
from gatehouse.report.card_text import load_card_text
from gatehouse.report.context import ReportContext
from gatehouse.report.markdown import render_report
from gatehouse.run import CARD, REPORT
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import EVIDENCE, VERDICT
from tests.sample import lay_sample
from tests.shared import NAMES, SPECS

ROOT = Path(__file__).parents[5]
COMMITS = 12
FAILS = 4
"""The number of the commit whose verdict is fail."""
HOSTILE = '<script>alert(1)</script> & "quotes" `code` [link](javascript:alert(1))'
START = datetime(2026, 3, 2, 9, tzinfo=UTC)

_SUBJECT = Subject(
    contract="sha256:" + "c" * 64, raw="sha256:" + "a" * 64, data="sha256:" + "d" * 64,
    model="sha256:" + "e" * 64, model_fp32="sha256:" + "f" * 64,
)  # fmt: skip
_BASE = _SUBJECT.model_copy(update={"model": "sha256:" + "2" * 64})


def _m(name: str, value: float, width: float = 0.0, **rest: Any) -> Measurement:
    if width:
        rest["interval"] = Interval(low=value - width, high=value + width, confidence=0.95)
    told: dict[str, Any] = {"unit": "1", "n": 12_000, "method": "by hand"}
    return Measurement(name=name, value=value, **told | rest)


def measurements(gate: str, step: float, *, worse: bool = False) -> list[Measurement]:
    """What `gate` measures at a step: values that wander; `worse`: an accuracy that fails."""
    wave = math.sin(step * 1.7) * 0.4 + math.sin(step * 0.6) * 0.6
    of: dict[str, Any] = {"of": Of.COMPARISON}
    share: dict[str, Any] = {"unit": "share"}
    auc = 0.918 + 0.006 * wave - (0.05 if worse else 0)
    match gate:
        case "data":
            return [
                _m("rows", 48_842, unit="rows"),
                _m("failed_expectations", 0, slice="severity=critical", n=39),
                _m("failed_expectations", 0, slice="severity=warning", n=1),
            ]
        case "rows":
            return [
                _m("not_from_run", 0, n=1),
                _m("first_run", 0, unit="first runs"),
                _m("split_changes", 0, unit="settings", **of),
                _m("touched_exam_rows", 0, unit="rows", n=9_800, **of),
                _m("exam_growth", 0.02, n=9_800, **share, **of),
                _m("exam_leak", 0.0, n=39_042, **share, **of),
                _m("unfair_deal", 0.01, slice="rows=added", p_value=0.5, n=900, **share, **of),
                _m("train_turnover", 0.02, n=39_042, **share, **of),
                _m("split_leak", 0.002, slice="rows=equal", p_value=0.5, n=9_800, **share),
            ]
        case "drift":
            effects = {"number=age": 0.02, "number=hours": 0.015, "category=job": 0.008}
            return [
                _m("schema_changes", 0, n=15, **of),
                *(
                    _m("drift", effect * (1 + 0.5 * wave), slice=name, p_value=0.2,
                       unit="share" if name.startswith("category") else "sigma", **of)
                    for name, effect in effects.items()
                ),
                _m("drift", 0.0005, slice="tail=age", p_value=0.4, unit="share", **of),
                _m("drift", 0.01 + 0.005 * wave, slice="prediction", p_value=0.3, unit="sigma",
                   **of),
                _m("joint_drift", 0.503, 0.006, **of),
            ]  # fmt: skip
        case "accuracy":
            return [
                _m("roc_auc", auc, 0.006), _m("accuracy", 0.862 + 0.003 * wave, 0.007),
                _m("calibration_error", 0.02 + 0.004 * wave, 0.006),
                _m("test_rows_in_train", 0.0, **share),
                _m("roc_auc", auc - 0.9175, 0.003, **of),
                _m("accuracy", 0.001 * wave, 0.004, **of),
                _m("accuracy", 0.002 * wave, 0.01, slice="new test rows", **of),
                _m("roc_auc", auc - 0.9175, 0.003, slice="best released", **of),
                _m("worst_slice", 0.02, 0.03, slice="job=cook", p_value=0.4, n=300, **of),
                _m("roc_auc_of_base_difference", 0.001 * wave, 0.008,
                   slice="new or changed test rows", **of),
            ]  # fmt: skip
        case "fairness":
            rates = {"sex=Female": 0.09, "sex=Male": 0.25}
            return [
                *(
                    _m("selection_rate", rate + 0.01 * wave, 0.01, slice=group, **share)
                    for group, rate in rates.items()
                ),
                *(
                    _m(name, value + 0.03 * wave, 0.04, slice=where, **share)
                    for where in ("sex", "race", "race & sex")
                    for name, value in (
                        ("equalized_odds_difference", 0.14),
                        ("demographic_parity_difference", 0.17),
                    )
                ),
                *(
                    _m("equalized_odds_difference", 0.01, 0.02, slice=where, **share, **of)
                    for where in ("sex", "race", "race & sex")
                ),
            ]
        case "latency":
            return [
                _m("latency_ratio", 0.95 + 0.05 * wave, 0.02, slice="int8/fp32 single row"),
                _m("latency_ratio", 1.01 + 0.03 * wave, 0.02, slice="candidate/base single row",
                   **of),
                _m("latency_p50", 0.06 + 0.004 * wave, slice="int8 single row", unit="ms"),
                _m("latency_p50", 0.066, slice="fp32 single row", unit="ms"),
                _m("decision_agreement", 0.997, 0.001, slice="int8/fp32", **share),
                _m("single_row_difference", 0.0, slice="int8", **share),
                _m("roc_auc_difference", -0.0002, 0.0001, slice="int8/fp32"),
            ]  # fmt: skip
    raise AssertionError(gate)


def evidence(policy: Policy, step: float, **told: Any) -> dict[str, Evidence | str]:
    return {
        gate: Evidence(
            gate=gate,
            candidate=Subject(
                **{field: getattr(_SUBJECT, field) for field in SPECS[gate].looks_at}
            ),
            base=compared_with(SPECS[gate], _BASE),
            settings=policy.settings(SPECS[gate]),
            tools={"numpy": "2.4.0"},
            measurements=tuple(measurements(gate, step, **told)),
        )
        for gate in NAMES
    }


def write_run(root: Path, step: float, **told: Any) -> Verdict:
    """Evidence, verdict, report and model card of one run."""
    policy = load_policy(root / "policy.yaml")
    found = evidence(policy, step, **told)
    verdict = judge(Case(found, _SUBJECT, _BASE, date(2026, 3, 2)), policy, "policy.yaml of main")
    for gate, each in found.items():
        assert isinstance(each, Evidence)
        each.write(evidence_path(root / EVIDENCE, gate))
    verdict.write(root / VERDICT)
    context = ReportContext(verdict=verdict, evidence=found, base_label="main at 1a2b3c4")
    (root / REPORT).write_text(render_report(context), "utf-8")
    card = CardContext(
        contract=load_contract(root / "contract.yaml"),
        text=load_card_text(root / "model_card.yaml"),
        params={},
        evidence=found,
    )
    (root / CARD).write_text(render_card(card), "utf-8")
    return verdict


def git(root: Path, *arguments: str, when: datetime = START) -> str:
    moment = when.isoformat()
    done = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False,
        env=os.environ | {
            "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Tester", "GIT_AUTHOR_EMAIL": "tester@example.org",
            "GIT_COMMITTER_NAME": "Tester", "GIT_COMMITTER_EMAIL": "tester@example.org",
            "GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment,
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def commit(root: Path, subject: str, when: datetime = START) -> str:
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--allow-empty", "--message", subject, when=when)
    return git(root, "rev-parse", "HEAD").strip()


def settings(root: Path) -> None:
    """An empty repository with the sample's contract, policy, settings and model card."""
    root.mkdir(parents=True, exist_ok=True)
    lay_sample(root)
    (root / ".gitignore").write_text("/reports/site/\n/reports/monitor/\n")
    git(root, "init", "--quiet", "--initial-branch", "main")


def lay_out(root: Path) -> None:
    """The whole scene: the commits, and what a look at production left."""
    settings(root)
    for step in range(COMMITS):
        write_run(root, step, worse=step == FAILS)
        subject = HOSTILE if step == 1 else f"Change number {step + 1}"
        commit(root, subject, START + timedelta(days=3 * step))
    write_production(root)


def write_production(root: Path) -> None:
    """Eight windows that drift away, the verdict on the last, and the report on it."""
    policy = load_policy(root / "policy.yaml")
    gates = ("drift", "accuracy")

    def looked(step: int) -> list[Measurement]:
        moved = [
            m.model_copy(update={"value": m.value * (1 + 0.6 * step), "p_value": 0.0001})
            if m.name == "drift" and m.value else m
            for m in measurements("drift", 0.3 * step)
        ]  # fmt: skip
        return moved + measurements("accuracy", 0.3 * step)

    found: dict[str, Evidence | str] = {}
    for gate in gates:
        told = evidence(policy, 0)[gate]
        assert isinstance(told, Evidence)
        names = {m.name for m in measurements(gate, 0)}
        mine = tuple(m for m in looked(7) if m.name in names)
        found[gate] = told.model_copy(update={"measurements": mine})
    rules = {name: rule for name, rule in policy.rules.items() if rule.gate in gates}
    watched = policy.model_copy(update={"rules": rules})
    case = Case(found, _SUBJECT, _BASE, date(2026, 3, 2))
    verdict = judge(case, watched, "policy.yaml of the work tree")
    for gate, each in found.items():
        assert isinstance(each, Evidence)
        each.write(evidence_path(root / monitor.EVIDENCE, gate))
    verdict.write(root / monitor.VERDICT)
    context = ReportContext(verdict=verdict, evidence=found)
    (root / monitor.REPORT).write_text(render_report(context), "utf-8")
    week = policy.monitor.window
    monitor.Record(
        made=datetime.now(UTC).replace(microsecond=0),
        model=str(_SUBJECT.model),
        reference="the work tree",
        window=week,
        season=None,
        counts=monitor.Counts(
            read=9_000, broken=1, outside=0, other_models=0, repeated=3, late=2, labels=400,
            labelled=400,
        ),
        windows=tuple(
            monitor.Window(
                start=START + i * week, end=START + (i + 1) * week, rows=1_000 + i, measured=1_000,
                outcome=Outcome.FAIL if i > 4 else Outcome.PASS, measurements=tuple(looked(i)),
            )
            for i in range(8)
        ),
    ).write(root / monitor.RECORD)  # fmt: skip
