"""The result of one monitoring run."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.evidence import Evidence
from gatehouse.monitor.record import Record
from gatehouse.policy import Policy
from gatehouse.verdict import Verdict


@dataclass(frozen=True)
class Look:
    """The result of one monitoring run.

    Attributes:
        verdict: on the newest window.
        evidence: of each gate, or why there is none.
        record: all windows, and counts of the records read.
        policy: the rules that judged.
        log: name of the log, without credentials.
    """

    verdict: Verdict
    evidence: dict[str, Evidence | str]
    record: Record
    policy: Policy
    log: str
