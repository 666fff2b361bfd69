"""The verdict: policy applied to evidence (`reports/verdict.json`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from gatehouse.evidence import Gate, Interval, Of, Subject
from gatehouse.policy import Waiver
from gatehouse.typed import Document, Frozen


class Outcome(StrEnum):
    """Outcome of a rule, from best to worst."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - an outcome, no password
    WAIVED = "waived"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)


def worst(outcomes: list[Outcome]) -> Outcome:
    """The worst of `outcomes`; of none, `none`."""
    return max(outcomes, key=lambda outcome: outcome.rank, default=Outcome.NONE)


class Finding(Frozen):
    """A rule applied to one slice."""

    slice: str
    outcome: Outcome
    value: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    n: int | None = None
    text: str = Field(description="the reason, in words")


class RuleResult(Frozen):
    """A rule's outcome, the worst of its findings."""

    rule: str
    gate: Gate
    measurement: str
    of: Of
    limit: float
    bound: Literal["at_least", "at_most"]
    outcome: Outcome
    blocks: bool = Field(description="does this result forbid the merge?")
    why: str
    findings: tuple[Finding, ...]

    @property
    def warns(self) -> bool:
        return not self.blocks and self.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)


class Change(Frozen):
    """One difference between the base's policy or contract and the proposed one."""

    key: str
    before: str
    after: str
    direction: Literal["loosened", "tightened", "neutral"]


class WaiverState(Frozen):
    """A waiver and what became of it."""

    waiver: Waiver
    state: Literal["used", "unused", "expired", "proposed"] = Field(
        description="proposed: it stands only in the pull request, so it does not count"
    )


class Proposed(Frozen):
    """What the pull request's own policy would have said; shown, never decisive."""

    outcome: Outcome
    rules: dict[str, Outcome] = Field(description="the rules whose outcome would differ")


class Verdict(Document):
    """One overall answer, and how it came about."""

    version: Literal[1] = Field(default=1, description="version of this schema")
    outcome: Literal[Outcome.PASS, Outcome.FAIL]
    candidate: Subject
    base: Subject | None
    policy: str = Field(description="digest of the policy that decided")
    policy_from: str = Field(description="where that policy stands: the work tree, or a commit")
    rules: tuple[RuleResult, ...]
    errors: dict[Gate, str] = Field(description="gates whose evidence could not be used, and why")
    policy_changes: tuple[Change, ...] = ()
    contract_changes: tuple[Change, ...] = ()
    waivers: tuple[WaiverState, ...] = ()
    proposed: Proposed | None = None

    def gate(self, gate: Gate) -> Outcome:
        """The worst outcome of a gate's rules."""
        return worst([result.outcome for result in self.rules if result.gate is gate])

    def gate_blocks(self, gate: Gate) -> bool:
        return any(result.blocks for result in self.rules if result.gate is gate)

    @property
    def loosened(self) -> bool:
        """Does the proposal loosen the policy or the contract?"""
        changes = self.policy_changes + self.contract_changes
        return any(change.direction == "loosened" for change in changes)
