"""Input of a report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates import GATES
from gatehouse.gates.spec import GateSpec
from gatehouse.report.links import PICTURE, Links
from gatehouse.verdict import Finding, RuleResult, Verdict


@dataclass(frozen=True)
class ReportContext:
    """Verdict, evidence and settings of one run."""

    verdict: Verdict
    evidence: Mapping[str, Evidence | str]
    """Each gate's evidence, or why it could not be read."""
    params: Mapping[str, Any] | None = None
    """The candidate's settings (`params.yaml`), nested."""
    base_params: Mapping[str, Any] | None = None
    """The base's settings; None if there is no base."""
    base_label: str | None = None
    """Name of the base, for example `main at 1a2b3c4`."""
    full_report: str | None = None
    """Location of the uncut report, as our own Markdown (such as a link); it is not escaped."""

    gates: tuple[GateSpec, ...] = GATES
    """The gates of the policy that decided."""
    links: Links = field(default_factory=Links)
    """Links to explanations of rules and gates."""
    picture: str | None = PICTURE
    """Address of the picture; None if no picture can be shown, so that text bars replace it."""

    def spec(self, gate: str) -> GateSpec | None:
        """Return the gate of this name, or None if it no longer exists, as in an old verdict."""
        return next((each for each in self.gates if each.name == gate), None)

    def usable(self, gate: str) -> Evidence | None:
        """Return the gate's evidence, or None if it is absent or the judge refused it."""
        evidence = self.evidence.get(gate)
        if gate in self.verdict.errors or not isinstance(evidence, Evidence):
            return None
        return evidence

    def problem(self, gate: str) -> str:
        """Return why `usable` returns None."""
        evidence = self.evidence.get(gate, "there is no evidence of this gate")
        return self.verdict.errors.get(gate) or str(evidence)

    def measurements(self, gate: str, *names: str, of: Of | None = None) -> list[Measurement]:
        """Return measurements of a gate, optionally only those with `names`, in file order."""
        evidence = self.usable(gate)
        return [
            measurement
            for measurement in (evidence.measurements if evidence else ())
            if (not names or measurement.name in names) and of in (None, measurement.of)
        ]

    def measured(self, result: RuleResult, finding: Finding) -> Measurement | None:
        """Return the measurement that a finding describes."""
        for measurement in self.measurements(result.gate, result.measurement, of=result.of):
            if measurement.slice == finding.slice:
                return measurement
        return None

    def results(self, gate: str) -> list[RuleResult]:
        return [result for result in self.verdict.rules if result.gate == gate]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested settings to `section.key` and value, in the order of the file."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found
