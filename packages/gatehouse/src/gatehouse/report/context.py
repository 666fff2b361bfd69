"""All that a report rests on."""

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
    """The base's settings; None where there is no base."""
    base_label: str | None = None
    """What to call the base, such as `main at 1a2b3c4`."""
    full_report: str | None = None
    """Where the uncut report is: Markdown of our own, such as a link; it is not escaped."""

    gates: tuple[GateSpec, ...] = GATES
    """The gates of the policy that decided."""
    links: Links = field(default_factory=Links)
    """Where rules and gates are explained."""
    picture: str | None = PICTURE
    """Address of the picture; None where nobody can show one, and bars of text stand in for it."""

    def spec(self, gate: str) -> GateSpec | None:
        """The gate of this name; None for one that is gone, as in an old verdict."""
        return next((each for each in self.gates if each.name == gate), None)

    def usable(self, gate: str) -> Evidence | None:
        """The gate's evidence; None where it is absent or the judge refused it."""
        evidence = self.evidence.get(gate)
        if gate in self.verdict.errors or not isinstance(evidence, Evidence):
            return None
        return evidence

    def problem(self, gate: str) -> str:
        """Why `usable` gives nothing."""
        evidence = self.evidence.get(gate, "there is no evidence of this gate")
        return self.verdict.errors.get(gate) or str(evidence)

    def measurements(self, gate: str, *names: str, of: Of | None = None) -> list[Measurement]:
        """Measurements of a gate, of these names (any where none is given), in file order."""
        evidence = self.usable(gate)
        return [
            measurement
            for measurement in (evidence.measurements if evidence else ())
            if (not names or measurement.name in names) and of in (None, measurement.of)
        ]

    def measured(self, result: RuleResult, finding: Finding) -> Measurement | None:
        """The measurement that a finding describes."""
        for measurement in self.measurements(result.gate, result.measurement, of=result.of):
            if measurement.slice == finding.slice:
                return measurement
        return None

    def results(self, gate: str) -> list[RuleResult]:
        return [result for result in self.verdict.rules if result.gate == gate]


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as `section.key` to value, in the order of the file."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return found
