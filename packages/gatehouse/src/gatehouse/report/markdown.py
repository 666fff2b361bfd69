"""The report (`reports/report.md`), and the pull request comment made from it."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.charts.limits import draw
from gatehouse.report import against_base, details
from gatehouse.report.context import ReportContext
from gatehouse.report.effects import effects
from gatehouse.report.head import head

LIMIT = 60_000
"""Maximum characters; GitHub rejects comments of more than 65,536."""


@dataclass(frozen=True)
class Section:
    """A section of the report that is either shown completely or cut."""

    title: str
    body: str
    folded: bool = True

    def __str__(self) -> str:
        if not self.folded:
            return f"### {self.title}\n\n{self.body}"
        # The blank lines make GitHub parse Markdown inside the HTML block.
        return f"<details>\n<summary>{self.title}</summary>\n\n{self.body}\n\n</details>"


def render_report(context: ReportContext, limit: int = LIMIT) -> str:
    """Return the report as Markdown of at most `limit` characters.

    The head is always complete. The folded sections follow: first the changes against the base,
    then all measurements. Sections are ordered from most to least valuable. To stay within the
    limit, whole sections are cut from the end, and the report names them and where to find them.
    The same context gives the same bytes.
    """
    start = head(context)
    first, *others = _sections(context)
    for kept in range(len(others), -1, -1):
        shown, cut = others[:kept], others[kept:]
        rest = "\n\n".join([*map(str, shown), *([_notice(context, cut)] if cut else [])])
        text = "\n\n".join([start, str(first), str(Section("All that was measured", rest))]) + "\n"
        if len(text) <= limit:
            return text
    return f"{start}\n\n{_notice(context, [first, *others])}\n"


def render_picture(context: ReportContext) -> str:
    """Return the report's picture as the text of an SVG file."""
    return draw(effects(context))


def _sections(context: ReportContext) -> list[Section]:
    gates = sorted(context.gates, key=lambda gate: gate.section.place)
    waivers = [Section("Waivers", details.waivers(context))] if context.verdict.waivers else []
    return [
        Section("What changed against the base", against_base.changes(context)),
        Section("Rules", details.rules(context)),
        *waivers,
        *(Section(gate.section.title, details.section(context, gate)) for gate in gates),
        Section("What was judged", details.provenance(context)),
    ]


def _notice(context: ReportContext, cut: list[Section]) -> str:
    names = ", ".join(section.title for section in cut)
    where = context.full_report or "`reports/evidence` and `reports/verdict.json` of this run"
    return f"✂️ Cut to fit into a comment: {names}. The rest is in {where}."
