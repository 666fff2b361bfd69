"""What is said of a measured candidate: verdict, report and model card, stored in its folder."""

from __future__ import annotations

from collections.abc import Mapping

from gatehouse.base import Base
from gatehouse.evidence import Gate
from gatehouse.github.measuring import make_card
from gatehouse.judging import verdict_on
from gatehouse.run import write_report
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace


def report_on(
    candidate: Workspace, base: Base, unmeasured: Mapping[Gate, str], run_here: str
) -> Verdict:
    """Judge what was measured, and store verdict, report and card.

    Args:
        candidate: with its evidence.
        base: whose policy decides.
        unmeasured: why a gate has no evidence.
        run_here: address of the judging run, whose artifacts have all numbers.

    Raises:
        GatehouseError: a file of the candidate's is unreadable.
    """
    verdict = verdict_on(candidate, base, unmeasured=unmeasured)
    verdict.write(candidate.root / VERDICT)
    write_report(candidate, verdict, base, full_report=f"[the run's artifacts]({run_here})")
    if not unmeasured:  # a card of half a model helps nobody
        make_card(candidate.root)
    return verdict
