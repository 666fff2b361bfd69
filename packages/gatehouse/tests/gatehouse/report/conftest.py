"""A small, realistic run: evidence by hand, in the gates' own format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import pytest

from gatehouse.evidence import Evidence, Interval, Measurement, Of, Subject
from gatehouse.judge import Case, compared_with, judge
from gatehouse.policy import Policy, parse_policy
from gatehouse.report.context import ReportContext
from tests.shared import NAMES, SPECS

POLICY = """
version: 1
measure:
  confidence: 0.95
  resamples: 2000
  seed: 0
  drift: {maximum_rows: 100000, rare_level: 20}
  accuracy: {calibration_bins: 15}
  fairness: {confidence: 0.90, minimum_rows: 100, minimum_class_rows: 50}
  latency: {sessions: 11, calls: 300, batch: 256}
rules:
  data-critical: {gate: data, measurement: failed_expectations, slice: severity=critical,
    at_most: 0, why: A row that breaks the contract is not what the model is for}
  exam-untouched: {gate: rows, measurement: touched_exam_rows, of: comparison, at_most: 0,
    why: The exam is the base's}
  drift-columns: {gate: drift, measurement: drift, of: comparison, slice: column=*,
    at_most: 0.05, alpha: 0.01, why: Training data that moved needs a look}
  accuracy-floor: {gate: accuracy, measurement: roc_auc, at_least: 0.88, why: The least we accept}
  accuracy-base: {gate: accuracy, measurement: roc_auc, of: comparison, at_least: -0.01,
    why: Not worse than the base by more than the margin}
  fairness-odds: {gate: fairness, measurement: equalized_odds_difference, slice: "*",
    at_most: 0.25, inconclusive: warn, why: Errors must not fall on one group}
  latency-int8: {gate: latency, measurement: latency_ratio, slice: int8/fp32 single row,
    at_most: 1.1, why: Quantization must keep up}
waivers: []
"""

SUBJECT = Subject(
    contract="sha256:" + "c" * 64, raw="sha256:" + "a" * 64, data="sha256:" + "d" * 64,
    model="sha256:" + "e" * 64, model_fp32="sha256:" + "f" * 64,
)  # fmt: skip
BASE = SUBJECT.model_copy(update={"data": "sha256:" + "1" * 64, "model": "sha256:" + "2" * 64})
TODAY = date(2026, 11, 21)

MakeRun = Callable[..., ReportContext]


def measurement(name: str, value: float | None, width: float = 0.0, **rest: Any) -> Measurement:
    """A measurement with an interval of ± `width` around its value."""
    if width and value is not None:
        rest["interval"] = Interval(low=value - width, high=value + width, confidence=0.95)
    return Measurement(
        **{"name": name, "value": value, "unit": "1", "n": 9769, "method": "by hand"} | rest
    )


def measurements(gate: str, **told: Any) -> list[Measurement]:
    """What `gate` measures in a good run; `told` changes single numbers."""
    m = measurement
    of: dict[str, Any] = {"of": Of.COMPARISON}
    match gate:
        case "data":
            broken = told.get("broken", ())
            return [
                m("failed_expectations", len(broken), slice="severity=critical", n=31,
                  unit="expectations"),
                m("failed_expectations", 0, slice="severity=warning", n=1, unit="expectations"),
                m("rows", 48842, n=48842, unit="rows"),
                *broken,
            ]  # fmt: skip
        case "rows":
            rows: dict[str, Any] = {"unit": "rows"}
            touched = told.get("touched", 0)
            return [
                m("rows", 48842, n=48842, of=Of.BASE, **rows), m("rows", 50210, n=50210, **rows),
                m("added_rows", 1402, **rows, **of), m("gone_rows", 34, **rows, **of),
                m("relabelled_rows", touched, **rows, **of),
                m("touched_exam_rows", touched, **rows, **of),
            ]  # fmt: skip
        case "drift":
            return [
                m("schema_changes", 0, unit="columns", n=15, **of),
                m("drift", told.get("age", 0.011), slice="column=age", unit="sigma",
                  p_value=told.get("age_p", 1.0), **of),
                m("drift", 0.004, slice="column=occupation", unit="share", p_value=0.7, **of),
                m("drift", 0.02, slice="prediction", unit="sigma", p_value=0.4, **of),
            ]  # fmt: skip
        case "accuracy":
            auc = told.get("roc_auc", 0.9121)
            return [
                m("roc_auc", auc, 0.006), m("accuracy", 0.861, 0.007),
                m("roc_auc", 0.9115, 0.006, of=Of.BASE), m("accuracy", 0.860, 0.007, of=Of.BASE),
                m("roc_auc", auc - 0.9115, 0.003, **of), m("accuracy", 0.001, 0.003, **of),
            ]  # fmt: skip
        case "fairness":
            group = [
                (slice_, name, value)
                for slice_, rate in (
                    ("sex=Female", 0.081), ("sex=Male", 0.262),
                    ("sex=Female & race=Other", 0.05),
                )
                for name, value in (("selection_rate", rate), ("accuracy", 0.86))
            ]  # fmt: skip
            return [
                *(
                    m(name, value, 0.01, slice=slice_, unit="share",
                      n=61 if "&" in slice_ else 4000, decides="&" not in slice_)
                    for slice_, name, value in group
                ),
                m("demographic_parity_difference", 0.181, 0.02, slice="sex", unit="share"),
                m("equalized_odds_difference", told.get("odds", 0.12), 0.04, slice="sex",
                  unit="share"),
            ]  # fmt: skip
        case "latency":
            return [
                m("latency_ratio", told.get("ratio", 0.93), 0.02, slice="int8/fp32 single row"),
                m("latency_p50", 0.061, slice="int8 single row", unit="ms"),
                m("latency_p99", 0.094, slice="int8 single row", unit="ms"),
                m("latency_p50", 0.066, slice="fp32 single row", unit="ms"),
                m("decision_agreement", 0.9981, 0.0009, slice="int8/fp32", unit="share"),
                m("size", 341_000, slice="int8", unit="bytes", n=1),
                m("latency_ratio", 1.01, 0.02, slice="candidate/base single row", **of),
            ]  # fmt: skip
    raise AssertionError(gate)


@pytest.fixture
def policy() -> Policy:
    return parse_policy(POLICY, "policy.yaml")


@pytest.fixture
def make_run(policy: Policy) -> MakeRun:
    """Makes the context of a run; numbers, evidence, policies and the base can be changed."""

    def make(
        *,
        base: bool = True,
        evidence: Mapping[str, Evidence | str] | None = None,
        decided_by: Policy = policy,
        proposed: Policy | None = None,
        verdict: Mapping[str, Any] | None = None,
        params: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None,
        **told: Any,
    ) -> ReportContext:
        of_base = BASE if base else None
        found: dict[str, Evidence | str] = {
            gate: Evidence(
                gate=gate,
                candidate=Subject(
                    **{field: getattr(SUBJECT, field) for field in SPECS[gate].looks_at}
                ),
                base=compared_with(SPECS[gate], of_base),
                settings=decided_by.settings(SPECS[gate]),
                tools={"numpy": "2.4.0"},
                measurements=tuple(
                    measured
                    for measured in measurements(gate, **told)
                    if base or measured.of is Of.CANDIDATE
                ),
            )
            for gate in NAMES
        }
        found |= evidence or {}
        case = Case(evidence=found, candidate=SUBJECT, base=of_base, today=TODAY)
        judged = judge(case, decided_by, "main at 1a2b3c4", proposed=proposed)
        return ReportContext(
            verdict=judged.model_copy(update=dict(verdict or {})),
            evidence=found,
            params=params[1] if params else None,
            base_params=params[0] if params else None,
            base_label="main at 1a2b3c4",
        )

    return make
