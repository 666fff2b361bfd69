"""A defect that the drill plants, and the gate that should catch it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.verdict import Verdict

if TYPE_CHECKING:
    from gatehouse.drill.scene import Scene

Plant = Callable[["Scene"], None]


def _nothing(_: Scene) -> None:
    """Leave the copy unchanged."""


def _always(_: Verdict) -> bool:
    return True


@dataclass(frozen=True)
class Defect:
    """One entry of the catalogue.

    Attributes:
        name: name in the table and in `--only`.
        gate: name of the gate that should catch it; None for a control, which must stay green.
        plant: changes the copy before the measurement.
        tamper: changes the evidence after the measurement.
        also: other gates that turn red as a consequence of this defect, not by accident.
        beyond_two: gates that also turn red if the task is not binary.
        warns: the gate warns instead of blocking.
        holds: what else must be true of the verdict.
    """

    name: str
    gate: str | None
    plant: Plant = _nothing
    tamper: Plant = _nothing
    also: frozenset[str] = frozenset()
    beyond_two: frozenset[str] = frozenset()
    warns: bool = False
    holds: Callable[[Verdict], bool] = _always


def red(measurement: str) -> Callable[[Verdict], bool]:
    """Return a check that a rule of this measurement blocks."""
    return lambda verdict: any(
        result.measurement == measurement and result.blocks for result in verdict.rules
    )
