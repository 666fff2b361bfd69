"""`gatehouse site`: build the pages of `reports/site/` from Git and this folder.

Our own pages are reproducible byte for byte, except that monitoring results can become outdated.
They run no script and load nothing. If the input of a page is missing, the page says so and names
the command that makes it.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.gates import GATES
from gatehouse.gates.own import gates_of
from gatehouse.git import commit_of
from gatehouse.judge_files import read_all_evidence
from gatehouse.monitor import record as monitor
from gatehouse.policy import POLICY_FILE, load_policy, show_span
from gatehouse.report.context import ReportContext
from gatehouse.report.escape import plain
from gatehouse.report.markdown import render_picture
from gatehouse.report.summary import gate_reason, gate_word
from gatehouse.run import CARD, REPORT
from gatehouse.site.badge import Badge, badge
from gatehouse.site.behind import Behind, red_slices, rows_behind
from gatehouse.site.chart import trend_chart
from gatehouse.site.drawn import write_data_docs, write_drift_page
from gatehouse.site.history import Entry, read_history
from gatehouse.site.markdown import render, render_inline
from gatehouse.site.trends import RuleTrends, over_commits, over_windows
from gatehouse.typed import write_text
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import EVIDENCE, VERDICT, Workspace

SITE = Path("reports/site")
_TEMPLATES = Path(__file__).with_name("templates")
_LONGEST = 500_000
"""Maximum number of characters of a Markdown file; our reports have at most 60,000."""


@dataclass(frozen=True)
class Page:
    """One page of the site.

    Attributes:
        file: its name in the site's folder.
        title: the text of links to it.
        about: what it shows, in a sentence.
        command: makes the missing input.
        missing: why it was not made; empty if it was.
    """

    file: str
    title: str
    about: str
    command: str = ""
    missing: str = ""


INDEX = Page("index.html", "Overview", "The last verdict, verdicts over commits, trends.")
DOCUMENTATION = Page("docs/index.html", "Documentation", "The pages that MkDocs built.")
_RUN, _MONITOR = "make run", ".venv/bin/gatehouse monitor --log PATH"
DOCUMENTS = {
    Page("report.html", "Report", "The last verdict with all that was measured.", _RUN): REPORT,
    Page("model_card.html", "Model card", "The model's purpose and quality.", _RUN): CARD,
    Page("monitor.html", "Production", "The report on the inference log.", _MONITOR): (
        monitor.REPORT
    ),
}
ROWS = Page(
    "rows.html",
    "Rows behind failures",
    "The ten test rows of each failing slice that the model gets most wrong.",
    _RUN,
)
DRAWN: dict[Page, Callable[[Workspace, Path], None]] = {
    Page("data_docs.html", "Data Docs", "Great Expectations on the rows.", _RUN): write_data_docs,
    Page("drift.html", "Drift", "Evidently on the training data against the base's.",
         "make run BASE=main"): write_drift_page,
}  # fmt: skip


def write_site(root: Path = Path()) -> list[Page]:
    """Write the site; return its pages, including those that could not be made.

    Raises:
        GatehouseError: a page cannot be written.
    """
    folder = root / SITE
    _empty(folder)
    bodies: dict[Page, Markup] = {}
    others: list[Page] = []
    for page, source in DOCUMENTS.items():
        try:
            bodies[page] = _document(root, source, _picture(root) if source == REPORT else None)
        except GatehouseError as error:
            page = replace(page, missing=_reason(error))
        others.append(page)
    for page, draw in DRAWN.items():
        try:
            draw(Workspace(root), folder / page.file)
        except GatehouseError as error:
            page = replace(page, missing=_reason(error))
        others.append(page)
    behind: list[Behind] = []
    verdict = _verdict_here(root, VERDICT)
    if isinstance(verdict, Verdict) and red_slices(verdict) and _shows_rows(root):
        page = ROWS
        try:
            behind = rows_behind(Workspace(root), verdict)
        except GatehouseError as error:
            page = replace(page, missing=_reason(error))
        others.append(page)
    linked = [INDEX, *(page for page in others if not page.missing)]
    if (folder / DOCUMENTATION.file).exists():
        linked.append(DOCUMENTATION)
    frame = _frame(root, linked)
    for page, body in bodies.items():
        heading = "" if "<h1>" in body else Markup("<h1>{}</h1>").format(page.title)
        _write(folder, frame, page, "page.html", body=heading + body)
    if behind:
        _write(folder, frame, ROWS, "rows.html", slices=behind)
    _write(folder, frame, INDEX, "index.html", others=others, **_overview(root, behind))
    return [INDEX, *others]


def _empty(folder: Path) -> None:
    """Delete all but the documentation: files from earlier runs or commits must not remain."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    for path in folder.iterdir():
        if path.is_symlink() or not path.is_dir():
            path.unlink()
        elif path != folder / Path(DOCUMENTATION.file).parent.name:
            shutil.rmtree(path)


def _picture(root: Path) -> Markup | None:
    """Draw the last verdict's image again, because anyone could have changed the one in Git."""
    verdict = _verdict_here(root, VERDICT)
    if not isinstance(verdict, Verdict):
        return None
    context = _context(root, verdict, EVIDENCE)
    return Markup(render_picture(context))  # noqa: S704 - every text in it was escaped


def _document(root: Path, path: Path, picture: Markup | None) -> Markup:
    try:
        text = (root / path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise GatehouseError(f"{path} is not here") from None
    except (OSError, UnicodeDecodeError) as error:
        raise GatehouseError(f"{path} cannot be read ({error})") from None
    if len(text) > _LONGEST:
        raise GatehouseError(f"{path} is longer than a report of ours")
    return render(text, picture)


def _frame(root: Path, made: list[Page]) -> dict[str, Any]:
    """Return the elements around every page's content."""
    style = (_TEMPLATES / "style.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return {
        "policy": f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "base-uri 'none'; form-action 'none'",
        "style": Markup(style),  # noqa: S704
        "name": _name(root),
        "commit": _commit(root),
        "made": made,
    }


def _write(
    folder: Path, frame: dict[str, Any], page: Page, template: str, **values: Any
) -> None:  # fmt: skip
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    text = environment.get_template(template).render(
        frame, title=page.title, file=page.file, **values
    )
    write_text(folder / page.file, text)


def _shows_rows(root: Path) -> bool:
    """Return whether the contract lets rows be shown; False if it can't be read."""
    try:
        return load_contract(root / CONTRACT_FILE).show_rows
    except GatehouseError:
        return False


def _name(root: Path) -> str:
    """Return the contract's name for the rows; empty if it can't be read."""
    try:
        return load_contract(root / CONTRACT_FILE).name
    except GatehouseError:
        return ""


def _commit(root: Path) -> str:
    try:
        return commit_of("HEAD", root)[:12]
    except GatehouseError:
        return ""


def _overview(root: Path, behind: list[Behind]) -> dict[str, Any]:
    """Return the template data of the first page; failing slices link to their rows."""
    here = _verdict_here(root, VERDICT)
    history = read_history(root)
    committed = history.entries[0].verdict if history.entries else None
    if isinstance(here, Verdict) and here != committed:
        own = Entry("", None, "In the work tree; no commit has it.", here)
        history = replace(history, entries=(own, *history.entries))
    seen = [verdict.gates for _, verdict in history.verdicts]
    gates = list(dict.fromkeys(gate for names in [tuple(each.name for each in GATES), *seen]
                               for gate in names))  # fmt: skip
    return {
        "last": _judged(root, here, EVIDENCE, every=True) if isinstance(here, Verdict) else None,
        "problem": "there is no verdict here yet" if here is None else here,
        "history": history,
        "rows": [_row(entry, gates) for entry in history.entries],
        "gates": gates,
        "over_commits": _grouped(over_commits(root, history)),
        "production": _production(root),
        "behind": behind,
        "nothing": badge(Outcome.NONE.value),
        "draw": trend_chart,
    }


def _verdict_here(root: Path, path: Path) -> Verdict | str | None:
    if not (root / path).exists():
        return None
    try:
        return Verdict.read(root / path)
    except GatehouseError as error:
        return _reason(error)


def _row(entry: Entry, gates: Sequence[str]) -> dict[str, Any]:
    verdict = entry.verdict
    outcomes, problem = [], "The verdict was removed."
    if isinstance(verdict, Verdict):
        outcomes = [badge(verdict.outcome.value), *(_gate(verdict, gate) for gate in gates)]
    elif verdict is not None:
        problem = f"It can't be read: {plain(verdict, 200)}"
    return {
        "name": entry.name,
        "when": entry.when,
        "subject": plain(entry.subject, 120),
        "outcomes": outcomes,
        "problem": problem,
    }


def _judged(root: Path, verdict: Verdict, evidence: Path, *, every: bool) -> dict[str, Any]:
    """Return a verdict by gate; with `every`, including gates that no rule judges."""
    context = _context(root, verdict, evidence)
    gates = [gate for gate in verdict.gates if every or context.results(gate)]
    blocking = [gate for gate in gates if verdict.gate_blocks(gate)]
    warned = sum(gate_word(verdict, gate) == "warning" for gate in gates)
    lead = f"Blocking: {', '.join(blocking)}." if blocking else "No gate blocks."
    if warned:
        lead += f" {warned} {'warns' if warned == 1 else 'warn'}."
    lead += "" if verdict.base else " There was no base to compare with."
    source = f"Decided by {plain(verdict.policy_from, 120)}"
    if verdict.candidate.model:
        source += f", on model {plain(verdict.candidate.model.removeprefix('sha256:')[:12])}"
    return {
        "outcome": badge(verdict.outcome.value),
        "lead": lead,
        "source": source + ".",
        "accepted": [
            f"{', '.join(each.rules)}: accepted by {plain(each.by, 60)} on pull request "
            f"{each.pull}: {plain(each.reason, 500)}"
            for each in verdict.acceptances
        ],
        "gates": [
            {
                "name": gate,
                # The questions are about a change, not about production.
                "question": _question(context, gate) if every else "",
                "outcome": _gate(verdict, gate),
                "why": render_inline(gate_reason(context, gate)),
            }
            for gate in gates
        ],
    }


def _question(context: ReportContext, gate: str) -> str:
    spec = context.spec(gate)
    return spec.question if spec else ""


def _context(root: Path, verdict: Verdict, evidence: Path) -> ReportContext:
    """Return the data behind a verdict, with the gates of the current policy."""
    try:
        gates = gates_of(load_policy(root / POLICY_FILE))
    except GatehouseError:
        gates = GATES
    found = read_all_evidence(root / evidence, verdict.gates)
    return ReportContext(verdict=verdict, evidence=found, gates=gates)


def _gate(verdict: Verdict, gate: str) -> Badge:
    return badge(gate_word(verdict, gate), blocks=verdict.gate_blocks(gate))


def _grouped(trends: list[RuleTrends]) -> list[dict[str, Any]]:
    gates = dict.fromkeys(each.result.gate for each in trends)
    return [
        {
            "gate": gate.capitalize(),
            "rules": [each for each in trends if each.result.gate == gate],
        }
        for gate in gates
    ]


def _production(root: Path) -> dict[str, Any] | None:
    """Return the monitoring results, or None if there are none."""
    if not (root / monitor.RECORD).exists() and not (root / monitor.VERDICT).exists():
        return None
    found = _verdict_here(root, monitor.VERDICT)
    verdict = found if isinstance(found, Verdict) else None
    problems = [] if verdict else [found or "there is no verdict on production"]
    try:
        record = monitor.Record.read(root / monitor.RECORD)
    except GatehouseError as error:
        record = None
        problems.append(_reason(error))
    judged = _judged(root, verdict, monitor.EVIDENCE, every=False) if verdict else None
    if record and datetime.now(UTC) - record.made > record.window:
        problems.append(
            f"the monitor last ran on {record.made:%Y-%m-%d}, more than a window of "
            f"{show_span(record.window)} ago"
        )
        if judged is not None:
            judged["lead"] = f"It was {judged['outcome'].word} then. {judged['lead']}"
            judged["outcome"] = badge("unknown")
    return {
        "verdict": judged,
        "problems": problems,
        "record": record,
        "length": show_span(record.window) if record else "",
        "windows": [(each, badge(each.outcome.value)) for each in reversed(record.windows)]
        if record
        else [],
        "trends": _grouped(over_windows(record, verdict)) if record and verdict else [],
    }


def _reason(error: GatehouseError) -> str:
    """Return the first line of an error."""
    return plain(str(error).splitlines()[0])
