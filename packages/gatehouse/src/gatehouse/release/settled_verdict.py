"""A verdict without times.

No two runs measure the same times, so an image that contained them could not be reproduced. The
complete verdict is attested next to the image; the image contains this one.
"""

from __future__ import annotations

import hashlib

from gatehouse.evidence import TIMED
from gatehouse.verdict import Outcome, RuleResult, Verdict

_TEXT = "a time: no two machines agree, so its numbers are in the attested verdict only"


def settled(verdict: Verdict) -> Verdict:
    """Return `verdict` without the numbers and outcomes of timed rules; it must be a pass.

    Equal models, data, policy and code give equal bytes.
    """
    rules = tuple(_settled(result) for result in verdict.rules)
    timed = {result.rule for result in verdict.rules if _is_timed(result)}
    # A time limit that failed once may pass the next time, and then needs no acceptance.
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
    """Return the `sha256:<hex>` of the settled verdict's file, as in the image's label."""
    return "sha256:" + hashlib.sha256(settled(verdict).to_json().encode()).hexdigest()
