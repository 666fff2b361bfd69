"""A defect that the drill plants, and the gate meant to catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.verdict import Verdict

if TYPE_CHECKING:
    from gatehouse.drill.scene import Scene

Plant = Callable[["Scene"], None]


def _nothing(_: Scene) -> None:
    """The copy as it is."""


def _always(_: Verdict) -> bool:
    return True


@dataclass(frozen=True)
class Defect:
    """One entry of the catalogue.

    Attributes:
        name: as the table and `--only` say it.
        gate: the name of the gate meant to catch it; None for a control, which must stay green.
        plant: changes the copy before it is measured.
        tamper: changes the evidence after it was measured.
        also: gates that go red as a consequence of this defect, not by accident.
        beyond_two: gates that also do where the task is not binary.
        warns: the gate warns; it does not block.
        told: what else the verdict must say of it.
    """

    name: str
    gate: str | None
    plant: Plant = _nothing
    tamper: Plant = _nothing
    also: frozenset[str] = frozenset()
    beyond_two: frozenset[str] = frozenset()
    warns: bool = False
    told: Callable[[Verdict], bool] = _always


def red(measurement: str) -> Callable[[Verdict], bool]:
    """A rule of this measurement blocks."""
    return lambda verdict: any(
        result.measurement == measurement and result.blocks for result in verdict.rules
    )
