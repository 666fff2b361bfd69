"""Result of one planted defect."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.drill.defect import Defect


@dataclass(frozen=True)
class Trial:
    """Result of one defect in one run.

    Attributes:
        defect: the planted defect.
        seconds: time to plant, measure and judge.
        caught: its own gate turned red (or warned), and the verdict was as required.
        strays: other gates that turned red by accident.
        reason: the verdict's text, or why the defect is not applicable.
        skipped: the defect is not applicable to the contract or policy.
    """

    defect: Defect
    seconds: float
    caught: bool
    strays: tuple[str, ...]
    reason: str
    skipped: bool = False

    @property
    def good(self) -> bool:
        return self.skipped or (self.caught and not self.strays)
