"""The pull request comment (`reports/report.md`)."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.report import against_base, details, rows
from gatehouse.report.context import ReportContext
from gatehouse.report.summary import head

LIMIT = 60_000
"""Characters; GitHub refuses comments of more than 65,536."""


@dataclass(frozen=True)
class Section:
    """A part of the report that is shown whole or cut whole."""

    title: str
    body: str
    folded: bool = True

    def __str__(self) -> str:
        if not self.folded:
            return f"### {self.title}\n\n{self.body}"
        # The blank lines make GitHub read Markdown inside the HTML block.
        return f"<details>\n<summary>{self.title}</summary>\n\n{self.body}\n\n</details>"


def render_report(context: ReportContext, limit: int = LIMIT) -> str:
    """The report as Markdown of at most `limit` characters.

    The head is always whole. Sections stand from most to least valuable, and whole sections are
    cut from the end where the limit asks for it; the report then says which, and where they are.
    The same context gives the same bytes.
    """
    start = head(context)
    sections = _sections(context)
    for kept in range(len(sections), -1, -1):
        cut = sections[kept:]
        parts = [start, *map(str, sections[:kept]), *([_notice(context, cut)] if cut else [])]
        text = "\n\n".join(parts) + "\n"
        if len(text) <= limit:
            return text
    return text


def _sections(context: ReportContext) -> list[Section]:
    changed = Section("What changed against the base", against_base.changes(context), folded=False)
    waivers = [Section("Waivers", details.waivers(context))] if context.verdict.waivers else []
    return [
        changed,
        *waivers,
        Section("All rules", details.rules(context)),
        Section("Data: expectations", details.expectations(context)),
        Section("Rows by split", rows.rows(context)),
        Section("Accuracy", details.accuracy(context)),
        Section("Fairness by group", details.fairness(context)),
        Section("Drift by column", details.drift(context)),
        Section("Latency and size", details.latency(context)),
        Section("What was judged", details.provenance(context)),
    ]


def _notice(context: ReportContext, cut: list[Section]) -> str:
    names = ", ".join(section.title for section in cut)
    where = context.full_report or "`reports/evidence` and `reports/verdict.json` of this run"
    return f"✂️ Cut to fit into a comment: {names}. The rest is in {where}."
