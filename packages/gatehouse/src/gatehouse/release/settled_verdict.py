"""A verdict without times.

No two runs measure the same times, so an image that held them would never have the same digest
twice. The whole verdict is attested next to the image; this one is in it.
"""

from __future__ import annotations

import hashlib

from gatehouse.evidence import TIMED
from gatehouse.verdict import Outcome, RuleResult, Verdict

_TEXT = "a time: no two machines agree, so its numbers are in the attested verdict only"


def settled(verdict: Verdict) -> Verdict:
    """`verdict` with the numbers and outcomes of timed rules taken out; it must be a pass.

    Equal models, data, policy and code give equal bytes.
    """
    rules = tuple(_settled(result) for result in verdict.rules)
    timed = {result.rule for result in verdict.rules if _is_timed(result)}
    # A time that failed once may pass the next time, and then needs nobody's word.
    accepted = (
        each.model_copy(update={"rules": tuple(r for r in each.rules if r not in timed)})
        for each in verdict.acceptances
    )
    kept = tuple(each for each in accepted if each.rules)
    return verdict.model_copy(update={"rules": rules, "acceptances": kept})


def _is_timed(result: RuleResult) -> bool:
    return result.measurement.startswith(TIMED)


def _settled(result: RuleResult) -> RuleResult:
    if not _is_timed(result):
        return result
    findings = tuple(
        each.model_copy(
            update={
                "outcome": Outcome.NONE,
                "value": None,
                "interval": None,
                "p_value": None,
                "text": _TEXT,
            }
        )
        for each in result.findings
    )
    return result.model_copy(update={"outcome": Outcome.NONE, "findings": findings})


def verdict_digest(verdict: Verdict) -> str:
    """`sha256:<hex>` of the settled verdict's file, as the image's label carries it."""
    return "sha256:" + hashlib.sha256(settled(verdict).to_json().encode()).hexdigest()
