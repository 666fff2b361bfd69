"""A verdict as commit statuses of one line each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gatehouse.report.escape import plain
from gatehouse.report.summary import gate_word, plain_reason
from gatehouse.trusted.judgement import Note, State
from gatehouse.verdict import Outcome, Verdict


def overall_note(
    verdict: Verdict, problems: Sequence[str], owned: Mapping[str, Sequence[str]]
) -> Note:
    """Return the required status.

    Args:
        verdict: on the candidate.
        problems: what else blocks the merge.
        owned: changed files that need a code owner's approval, which a green status mentions.
    """
    blocking = [gate for gate in verdict.gates if verdict.gate_blocks(gate)]
    if blocking:
        reason = plain(plain_reason(verdict, blocking[0]), 120)
        more = f" (and {', '.join(blocking[1:])})" if len(blocking) > 1 else ""
        return Note(state="failure", text=f"{blocking[0]}{more}: {reason}")
    if verdict.outcome is not Outcome.PASS:
        return Note(state="failure", text="the verdict is fail")
    if problems:
        return Note(state="failure", text=plain(problems[0], 200))
    warned = [gate for gate in verdict.gates if gate_word(verdict, gate) == "warning"]
    text = f"{len(verdict.gates)} gates pass"
    text += f", warnings of {', '.join(warned)}" if warned else ""
    text += "".join(f"; {each.by} accepted {', '.join(each.rules)}" for each in verdict.acceptances)
    text += "; needs a code owner" if owned else ""
    return Note(state="success", text=text)


def gate_notes(verdict: Verdict) -> dict[str, Note]:
    """Return an informational status for each gate; only the overall status is required."""
    return {gate: _note(verdict, gate) for gate in verdict.gates}


def _note(verdict: Verdict, gate: str) -> Note:
    state: State = "success"
    if verdict.gate_blocks(gate):
        state = "error" if gate in verdict.errors else "failure"
    text = f"{gate_word(verdict, gate)}: {plain(plain_reason(verdict, gate), 200)}"
    return Note(state=state, text=text)
