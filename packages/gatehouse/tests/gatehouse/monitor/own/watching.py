"""Do callers leave a column out? A gate that watches production as well."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gates.missing import MISSING, Settings  # type: ignore[import-untyped]

from gatehouse.evidence import Measurement
from gatehouse.gates.spec import Production

if TYPE_CHECKING:
    from gatehouse.monitor.measure import Watched
    from gatehouse.policy import Policy


def _in_production(watched: Watched, number: int, policy: Policy) -> list[Measurement]:
    column = policy.own_settings(WATCHING.name, Settings).column
    values = watched.logged(number)[column]
    return [
        Measurement(
            name="missing_share", slice=f"column={column}", value=float(values.isna().mean()),
            unit="share", n=len(values), method="records without a value / all; exact",
        )
    ]  # fmt: skip


WATCHING = replace(
    MISSING,
    name="watching",
    production=Production(
        question="Do callers leave values out?",
        advice="Ask whoever calls.",
        labels=False,
        compares=False,
        tools=("pandas",),
        measure=_in_production,
    ),
)
