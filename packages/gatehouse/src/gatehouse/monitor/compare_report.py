"""The result of a comparison on live traffic, as Markdown (`reports/compare/report.md`)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from gatehouse.evidence import Evidence, evidence_path
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.monitor.compare import Comparison
from gatehouse.report import details, quantities
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import code
from gatehouse.report.links import NO_LINKS
from gatehouse.report.numbers import count
from gatehouse.report.tables import table
from gatehouse.typed import write_text
from gatehouse.verdict import Outcome

FOLDER = Path("reports/compare")
REPORT = FOLDER / "report.md"


def clear(root: Path = Path()) -> None:
    """Delete an earlier comparison's files, which could be mistaken for this one's if it fails."""
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def write(found: Comparison, root: Path = Path()) -> None:
    """Store evidence, verdict and report."""
    for gate, evidence in found.evidence.items():
        if isinstance(evidence, Evidence):
            evidence.write(evidence_path(root / FOLDER / "evidence", gate))
    if found.verdict is not None:
        found.verdict.write(root / FOLDER / "verdict.json")
    write_text(root / REPORT, render(found))


def render(found: Comparison) -> str:
    """Return the report as Markdown."""
    rows = [
        ["served", code(found.served.model, 71), count(len(found.served.scores))],
        [f"candidate ({found.kind})", code(found.candidate.model, 71),
         count(len(found.candidate.scores))],
    ]  # fmt: skip
    start, end = found.span.start(0), found.span.until
    parts = [
        f"## {_title(found)}",
        f"Records of {code(found.log)} from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC; "
        f"{count(found.broken)} lines of it could not be read.",
        table(["Model", "Digest", "Records"], rows, "llr"),
        "### Answers\n\n" + quantities.accuracy(found.described),
    ]
    if found.flips:
        parts.append("### Decisions, record by record\n\n" + _flips(found))
    if found.verdict is not None:
        context = ReportContext(
            verdict=found.verdict, evidence=found.evidence, base_label="the served model",
            links=NO_LINKS,
        )  # fmt: skip
        parts.append("### Rules\n\n" + details.rules(context))
        measured = context.measurements(ACCURACY.name)
        parts.append("### Accuracy\n\n" + quantities.accuracy(measured, "Candidate"))
        if context.usable(FAIRNESS.name):
            parts.append("### Fairness of the candidate\n\n" + details.fairness(context))
    return "\n\n".join(parts) + "\n"


def _title(found: Comparison) -> str:
    if found.verdict is None:
        return f"{found.kind.capitalize()}: described, not judged (there are no labels)"
    passed = found.verdict.outcome is Outcome.PASS
    return f"{'✅' if passed else '❌'} {found.kind.capitalize()}: {'pass' if passed else 'fail'}"


def _flips(found: Comparison) -> str:
    decided: Sequence[str] = sorted({name for pair in found.flips for name in pair})
    rows = [
        [code(served), *(count(found.flips[served, other]) for other in decided)]
        for served in decided
    ]
    header = ["Served says", *(f"candidate says {code(name)}" for name in decided)]
    return table(header, rows, "l" + "r" * len(decided))
