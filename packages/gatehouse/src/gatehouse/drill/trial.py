"""What became of one planted defect."""

from __future__ import annotations

from dataclasses import dataclass

from gatehouse.drill.defect import Defect


@dataclass(frozen=True)
class Trial:
    """What became of one defect in one run.

    Attributes:
        defect: what was planted.
        seconds: to plant, measure and judge.
        caught: its own gate went red (or warned), and the verdict said what it should.
        strays: other gates that went red by accident.
        reason: the verdict's words, or why the defect has no place here.
        skipped: the contract or policy has no place for it.
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
