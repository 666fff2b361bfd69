"""The verdict: policy applied to evidence (`reports/verdict.json`)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from gatehouse.evidence import Described, GateName, Interval, Of, Subject
from gatehouse.gates import GATES
from gatehouse.policy import Waiver
from gatehouse.typed import Document, Frozen, is_none


class Outcome(StrEnum):
    """Outcome of a rule, from best to worst."""

    NONE = "none"
    PASS = "pass"  # noqa: S105 - an outcome, no password
    AS_BEFORE = "as before"
    WAIVED = "waived"
    ACCEPTED = "accepted"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)


def worst(outcomes: list[Outcome]) -> Outcome:
    """Return the worst of `outcomes`, or `none` if there are none."""
    return max(outcomes, key=lambda outcome: outcome.rank, default=Outcome.NONE)


class Finding(Frozen):
    """A rule applied to one slice."""

    slice: str = Field(description="the measurement's slice")
    outcome: Outcome = Field(description="of this slice")
    value: float | None = Field(default=None, description="as the evidence says")
    unit: str = Field(default="1", description="as the evidence says")
    interval: Interval | None = Field(default=None, description="as the evidence says")
    p_value: float | None = Field(default=None, description="as the evidence says")
    n: int | None = Field(default=None, description="as the evidence says")
    note: str | None = Field(default=None, description="as the evidence says")
    noise: float | None = Field(
        default=None,
        exclude_if=is_none,
        description="the value is within this difference, which training alone makes; null: it is "
        "not, or nobody has measured it",
    )
    text: str = Field(description="the reason, in words")


class RuleResult(Frozen):
    """A rule's outcome, the worst of its findings."""

    rule: str = Field(description="name of the rule in the policy")
    gate: GateName = Field(description="whose evidence it judges")
    measurement: str = Field(description="what it judges")
    of: Of = Field(description="the candidate, or the comparison with the base")
    limit: float = Field(description="the policy's limit")
    bound: Literal["at_least", "at_most"] = Field(description="which side of the limit is good")
    outcome: Outcome = Field(description="the worst of the findings")
    blocks: bool = Field(description="does this result forbid the merge?")
    why: str = Field(description="the policy's reason for the rule")
    findings: tuple[Finding, ...] = Field(description="one per slice")
    described: Described | None = Field(
        default=None, exclude_if=is_none, description="only for a fork's own metric"
    )

    @property
    def warns(self) -> bool:
        return not self.blocks and self.outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE)


class Change(Frozen):
    """One difference between the base's policy or contract and the proposed one."""

    key: str = Field(description="where in the file")
    before: str = Field(description="in the base")
    after: str = Field(description="in the proposal")
    direction: Literal["loosened", "tightened", "neutral"] = Field(
        description="what cannot be shown to be as strict counts as loosened"
    )


class WaiverState(Frozen):
    """A waiver and what became of it."""

    waiver: Waiver
    state: Literal["used", "unused", "expired", "proposed"] = Field(
        description="proposed: it is only in the pull request, so it does not count"
    )


class Accepted(Frozen):
    """An owner's acceptance of a failure."""

    rules: tuple[str, ...] = Field(description="the rules whose failures it covers here")
    by: str = Field(description="who accepted, as @user")
    reason: str = Field(description="in their words")
    digest: str = Field(description="of what was accepted")
    pull: int = Field(description="number of the pull request")
    comment: int = Field(description="number of the comment that says so")


class Proposed(Frozen):
    """Outcome under the pull request's own policy; shown, never decisive."""

    outcome: Outcome
    rules: dict[str, Outcome] = Field(description="the rules whose outcome would differ")


class Verdict(Document):
    """One overall answer, and how it came about."""

    version: Literal[1] = Field(default=1, description="version of this schema")
    outcome: Literal[Outcome.PASS, Outcome.FAIL]
    candidate: Subject
    base: Subject | None
    policy: str = Field(description="digest of the policy that decided")
    policy_from: str = Field(description="where that policy is from: the work tree, or a commit")
    rules: tuple[RuleResult, ...]
    errors: dict[GateName, str] = Field(
        description="gates whose evidence could not be used, and why"
    )
    policy_changes: tuple[Change, ...] = ()
    contract_changes: tuple[Change, ...] = ()
    waivers: tuple[WaiverState, ...] = ()
    acceptances: tuple[Accepted, ...] = ()
    proposed: Proposed | None = None

    @property
    def gates(self) -> tuple[str, ...]:
        """The built-in gates, and the repository's own gates that a rule is about."""
        names = [gate.name for gate in GATES] + [result.gate for result in self.rules]
        return tuple(dict.fromkeys(names))

    def gate(self, gate: str) -> Outcome:
        """Return the worst outcome of a gate's rules."""
        return worst([result.outcome for result in self.rules if result.gate == gate])

    def gate_blocks(self, gate: str) -> bool:
        return any(result.blocks for result in self.rules if result.gate == gate)

    @property
    def loosened(self) -> bool:
        """Whether the proposal loosens the policy or the contract."""
        changes = self.policy_changes + self.contract_changes
        return any(change.direction == "loosened" for change in changes)
