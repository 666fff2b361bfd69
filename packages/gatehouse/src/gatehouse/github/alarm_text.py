"""Texts of the alarm: the issue's title, its body with the stored state, and its comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from pydantic import Field, ValidationError

from gatehouse.github.monitor_result import (
    NOT_MONITORED,
    Broken,
    Judged,
    MonitorResult,
    failing_gates,
)
from gatehouse.report.escape import code, prose
from gatehouse.report.summary import gate_word
from gatehouse.typed import Frozen

REPORT_LIMIT = 60_000
"""Maximum length of the report in characters of Markdown; GitHub's limit is 65,536, and the rest of
the text is short."""

_MARK = re.compile(r"\A<!-- gatehouse-alarm (\{.*\}) -->")


class Memory(Frozen):
    """State kept between monitoring runs, hidden at the start of the issue's text."""

    model: str | None = Field(default=None, description="digest of the model that was judged")
    failing: tuple[str, ...] = Field(
        default=(), description="names of the rules that failed, and have not passed since"
    )
    retrained: tuple[str, ...] = Field(
        default=(), description="digests of the models for which a retraining was started"
    )

    def mark(self) -> str:
        """Return the state as an HTML comment that no value in it can end."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True).replace(">", "\\u003e")
        return f"<!-- gatehouse-alarm {text} -->"


def memory_in(text: str | None) -> Memory | None:
    """State stored in the issue's text, or None if the issue is not ours."""
    found = _MARK.match(text or "")
    if found is None:
        return None
    try:
        return Memory.model_validate_json(found[1])
    except ValidationError:
        return Memory()  # someone edited it; it is still ours


def title(look: MonitorResult) -> str:
    """Return the issue's title: the failing gates, and the model."""
    if isinstance(look, Broken):
        return "Production: monitoring failed"
    gates = failing_gates(look)
    fails = "fails" if len(gates) == 1 else "fail"
    problem = f"{', '.join(gates)} {fails}" if gates else "what failed can't be judged now"
    return f"Production: {problem} (model {short(look.record.model)})"


def body(look: MonitorResult, memory: Memory, waiting: set[str], retraining: str, run: str) -> str:
    """Return the issue's text.

    Args:
        look: a monitoring result that did not pass, or that is undecided.
        memory: the state for the next run.
        waiting: rules that failed before and that this run could not decide.
        retraining: the state of the retraining, or why none was started, as our own Markdown.
        run: address of the monitoring workflow run.
    """
    foot = (
        f"<sub>Looked at in [this run]({run}), whose artifact has all numbers. The workflow "
        "_Monitor_ keeps this issue: it is edited at each look, and closed by itself when one "
        "passes. For what to do, see docs/alarms.md.</sub>"
    )
    parts = [memory.mark(), *_story(look)]
    if waiting:
        parts.append(
            "⏳ Failed before, and can't be judged now: records or labels are missing or too "
            f"few: {_rules(waiting)}. So this stays open."
        )
    parts += ["### 🔁 Retraining", retraining, foot]
    return "\n\n".join(parts) + "\n"


def changed_comment(
    look: MonitorResult, before: Iterable[str], after: Iterable[str], run: str
) -> str:
    """Return a comment on the rules that newly fail and those that no longer fail.

    `before` and `after` are as stored in the issue.
    """
    then, now = set(before), set(after)
    lines = []
    if isinstance(look, Broken):
        lines.append(f"❌ Monitoring failed: {prose(look.why)}")
    elif new := now - then:
        lines.append(f"❌ Now fails: {_rules(new)}")
    if gone := then - now - {NOT_MONITORED}:
        lines.append(f"Fails no longer: {_rules(gone)}")
    if NOT_MONITORED in then - now:
        lines.append("Production can be looked at again.")
    return "\n\n".join([*lines, f"<sub>[This run]({run})</sub>"]) + "\n"


def passed_comment(look: Judged, run: str) -> str:
    """Return a comment on what passed, written before the issue is closed."""
    verdict, judged = look.verdict, look.record.windows[-1:]
    gates = dict.fromkeys(result.gate for result in verdict.rules)
    words = [f"- **{gate}**: {gate_word(verdict, gate)}" for gate in gates]
    rows = [
        f"{window.rows:,} records from {window.start:%Y-%m-%d %H:%M} to "
        f"{window.end:%Y-%m-%d %H:%M} (UTC), "
        for window in judged
    ]
    head = f"✅ Passes again: {''.join(rows)}model {code(short(look.record.model))}."
    return "\n\n".join([head, "\n".join(words), f"<sub>[This run]({run})</sub>"]) + "\n"


def short(digest: str) -> str:
    """Shorten a digest for display."""
    return digest.removeprefix("sha256:")[:12]


def _story(look: MonitorResult) -> list[str]:
    if isinstance(look, Broken):
        return [
            "## ❌ Gatehouse: monitoring failed",
            f"Monitoring failed: {prose(look.why)}",
            "So nothing is known of production until it is fixed.",
        ]
    if len(look.report) > REPORT_LIMIT:
        gates = ", ".join(failing_gates(look))
        return [
            f"## ❌ Gatehouse: {gates} fail",
            "The report is too long to be shown here; it is in the run's artifact.",
        ]
    return [look.report.strip()]


def _rules(names: set[str]) -> str:
    return ", ".join(code(name) for name in sorted(names))
