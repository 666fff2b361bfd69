"""Do rows say nothing in a column? A gate as a fork writes one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from gatehouse.evidence import Measurement, Of
from gatehouse.gates.spec import Found, GateSpec, Section
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.drill.scene import Scene
    from gatehouse.policy import Policy
    from gatehouse.workspace import Workspace


class Settings(Frozen):
    column: str = Field(description="column of the contract")


def _measure(candidate: Workspace, base: Workspace | None, policy: Policy) -> Found:
    from gatehouse.gates.data.measure import read_raw
    from gatehouse.gates.tools import versions

    column = policy.own_settings(MISSING.name, Settings).column
    sides = {Of.CANDIDATE: candidate} | ({Of.BASE: base} if base else {})
    measurements = []
    for of, side in sides.items():
        values = read_raw(side)[column]
        measurements.append(
            Measurement(
                name="missing_share", of=of, slice=f"column={column}",
                value=float(values.isna().mean()), unit="share", n=len(values),
                method="rows without a value / all raw rows; exact",
            )
        )  # fmt: skip
    return Found(measurements, versions("pandas"))


def _rules(_: Start) -> list[str]:
    from gatehouse.adopt.policy.words import rule

    why = "The score means little for people of whom we know nothing"
    return ["\n", rule("missing-few", "missing", "missing_share", why, slice="*", at_most=0.4)]


def _blank(scene: Scene) -> None:
    scene.edit_rows(lambda rows: rows.assign(job=rows["job"].where(rows.index % 20 < 11)))


def _defects() -> tuple[Defect, ...]:
    from gatehouse.drill.defect import Defect

    return (Defect("jobs left out", MISSING.name, _blank, also=frozenset({"rows", "drift"})),)


MISSING = GateSpec(
    name="missing",
    question="Are values there?",
    looks_at=("contract", "raw"),
    compares=True,
    settings=Settings,
    measure=_measure,
    rules=_rules,
    advice="Ask for the values where the rows come from.",
    section=Section("Missing values", place=7, body=None),
    defects=_defects,
)
