"""Answers of the job *Judge*, made by hand: evidence of nothing that exists."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gatehouse.acceptance.record import Acceptance
from gatehouse.evidence import (
    Evidence,
    Measurement,
    Subject,
    evidence_path,
)
from gatehouse.github.notes import gate_notes, overall_note
from gatehouse.judge import Case, compared_with, judge
from gatehouse.policy import Policy, parse_policy
from gatehouse.trusted.judgement import EVIDENCE, JUDGED, RECORD, VERDICT, Basis, Judgement
from gatehouse.verdict import Verdict
from tests.gatehouse.tiny import POLICY, good
from tests.shared import NAMES, SPECS

SUBJECT = Subject(
    contract="sha256:c", raw="sha256:a", data="sha256:d", model="sha256:e", model_fp32="sha256:f"
)
BASE = Subject(contract="sha256:c", data="sha256:1", model="sha256:2", model_fp32="sha256:3")


@dataclass
class Answer:
    """What *Judge* says of a candidate.

    Attributes:
        base: the commit judged by.
        measurements: of gates whose run was not a good one.
        policy: the base's.
        candidate: what was judged.
        of: what it was compared with.
        known: owners' words that it says it knows.
    """

    base: str
    measurements: dict[str, tuple[Measurement, ...]] = field(default_factory=dict)
    policy: Policy = field(default_factory=lambda: parse_policy(POLICY, "policy.yaml"))
    candidate: Subject = SUBJECT
    of: Subject = BASE
    known: tuple[Acceptance, ...] = ()

    def evidence(self, gate: str) -> Evidence:
        return Evidence(
            gate=gate,
            candidate=Subject(
                **{name: getattr(self.candidate, name) for name in SPECS[gate].looks_at}
            ),
            base=compared_with(SPECS[gate], self.of),
            settings=self.policy.settings(SPECS[gate]),
            tools={},
            measurements=self.measurements.get(gate, good(gate, base=SPECS[gate].compares)),
        )

    def verdict(self) -> Verdict:
        case = Case(
            evidence={gate: self.evidence(gate) for gate in NAMES},
            candidate=self.candidate,
            base=self.of,
            today=datetime.now(UTC).date(),
            acceptances=self.known,
        )
        return judge(case, self.policy, "policy.yaml of main")

    def hand_over(
        self, folder: Path, head: str, *, state: Any = None, record: bool = False, **more: Any
    ) -> Judgement:
        """Write it into `folder`; `state` is another than the verdict's, for a reason besides."""
        verdict = self.verdict()
        problems = ["for another reason"] if state == "failure" else []
        overall = overall_note(verdict, problems, {})
        assert state in (None, overall.state)
        given: dict[str, Any] = {
            "head": head,
            "base": "main",
            "overall": overall,
            "basis": Basis(base=self.base, problems=tuple(problems), acceptances=self.known),
            "gates": gate_notes(verdict),
            "record": record,
        }
        judged = Judgement(**(given | more))
        judged.write(folder / JUDGED)
        places = [folder, *([folder / RECORD / "reports"] if record else [])]
        for place in places:
            verdict.write(place / VERDICT)
            for gate in NAMES:
                self.evidence(gate).write(evidence_path(place / EVIDENCE, gate))
        return judged
