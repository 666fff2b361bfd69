"""Verdicts on a good run that some gates spoil, and owners' words on them."""

from __future__ import annotations

from datetime import date
from typing import Any

from gatehouse.acceptance.offer import scope_of
from gatehouse.acceptance.record import Acceptance, Scope
from gatehouse.evidence import Evidence, Measurement, Subject
from gatehouse.judge import Case, compared_with, judge
from gatehouse.policy import Policy, parse_policy
from gatehouse.verdict import Verdict
from tests.gatehouse.tiny import POLICY, good, measured
from tests.shared import NAMES, SPECS

PLAIN = parse_policy(POLICY, "policy.yaml")
NOW = Subject(
    contract="sha256:c", raw="sha256:a", data="sha256:d", model="sha256:e", model_fp32="sha256:f"
)
BASE = Subject(contract="sha256:c", data="sha256:1", model="sha256:2", model_fp32="sha256:3")
REST = good("accuracy", base=True)[1:]
TIME = "int8/fp32 single row"


def judged(
    *acceptances: Acceptance,
    policy: Policy = PLAIN,
    now: Subject = NOW,
    base: Subject | None = BASE,
    **measurements: tuple[Measurement, ...] | str,
) -> Verdict:
    """The verdict on a good run, but for the gates that are given."""
    evidence: dict[str, Evidence | str] = {}
    for gate in NAMES:
        given = measurements.get(gate, good(gate, base=base is not None and SPECS[gate].compares))
        evidence[gate] = (
            given
            if isinstance(given, str)
            else Evidence(
                gate=gate,
                candidate=Subject(**{field: getattr(now, field) for field in SPECS[gate].looks_at}),
                base=compared_with(SPECS[gate], base),
                settings=policy.settings(SPECS[gate]),
                tools={},
                measurements=given,
            )
        )
    case = Case(evidence, now, base, date(2026, 11, 29), acceptances)
    return judge(case, policy, "p")


def worse(value: float = 0.7, width: float = 0.0) -> tuple[Measurement, ...]:
    return (measured("roc_auc", value, width), *REST)


def word(scope: Scope, by: str = "@olga", comment: int = 7) -> Acceptance:
    return Acceptance(scope=scope, by=by, reason="known and wanted", pull=1, comment=comment)


def accept(verdict: Verdict, policy: Policy = PLAIN, **more: Any) -> Acceptance:
    """An owner's word on all that blocks."""
    rules = [result.rule for result in verdict.rules if result.blocks]
    return word(scope_of(verdict, policy, rules), **more)
