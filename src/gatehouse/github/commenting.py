"""The comment on a judged change: for now, and for when the run is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gatehouse.base import Base
from gatehouse.errors import GatehouseError
from gatehouse.github.candidate import text_at
from gatehouse.github.compose import RECORD_COMMIT, Surroundings, judged_comment
from gatehouse.github.judged import RECORDED_COMMENT
from gatehouse.github.linked import linked_report
from gatehouse.github.target import Target
from gatehouse.policy import Policy
from gatehouse.report.context import ReportContext
from gatehouse.run import PICTURE
from gatehouse.typed import write_text
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import VERDICT


@dataclass(frozen=True)
class Reported:
    """What a comment says.

    Attributes:
        context: of the report.
        base: whose policy decided.
        problems: what forbids the merge besides the verdict.
        around: of the report.
    """

    context: ReportContext
    base: Base
    problems: Sequence[str]
    around: Surroundings

    def comment(self, recorded: str | None, around: Surroundings | None = None) -> str:
        """The comment, with the picture that the commit `recorded` has, or with bars of text."""
        base = self.base
        report = linked_report(self.context, base.commit, base.policy_text, recorded)
        return judged_comment(report, self.problems, around or self.around)


def write_comment(
    reported: Reported, target: Target, root: Path, out: Path, *, record: bool
) -> str:  # fmt: skip
    """The comment for now. Where the run is to be recorded, `out` gets the one for then besides.

    Args:
        reported: what it says.
        target: what was judged.
        root: the trusted checkout, which has the head.
        out: the folder of the answer.
        record: will the run be committed?
    """
    if record and target.branch is not None:
        around = reported.around.with_record(True)
        write_text(out / RECORDED_COMMENT, reported.comment(RECORD_COMMIT, around))
    pictured = is_pictured(reported.context.verdict, target.head, root)
    return reported.comment(target.head if pictured else None)


def is_quiet(policy: Policy | None, verdict: Verdict, waits: bool) -> bool:
    """Does the policy ask for no comment? `waits`: something besides the verdict forbids the merge.

    What needs somebody is always said.
    """
    if policy is None or waits or verdict.outcome is not Outcome.PASS:
        return False
    if policy.comment == "on-change":
        same = verdict.base is not None and verdict.candidate.pair == verdict.base.pair
        return same and not (verdict.policy_changes or verdict.contract_changes)
    return policy.comment == "failures"


def is_pictured(verdict: Verdict, head: str, root: Path) -> bool:
    """Does the head record a picture of this verdict?"""
    try:
        said = text_at(head, VERDICT, root)
        if said is None or text_at(head, PICTURE, root) is None:
            return False
        found = Verdict.parse(said, VERDICT)
    except GatehouseError:
        return False
    return (found.candidate, found.base) == (verdict.candidate, verdict.base)
