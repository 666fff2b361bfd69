"""What a gate is: one object with everything that Gatehouse asks of it.

Comment, report, site, drill, monitor and command line read these fields and know no gate by name.
Every job imports the objects, also those that have few packages: what needs numpy, pandas or the
report is imported inside of the functions that a gate names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gatehouse.evidence import Curve, Exam, Measurement
from gatehouse.named import OWN_OBJECT
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    from gatehouse.adopt.policy.start import Start
    from gatehouse.drill.defect import Defect
    from gatehouse.monitor.measure import Watched
    from gatehouse.policy import Policy
    from gatehouse.report.context import ReportContext
    from gatehouse.verdict import RuleResult
    from gatehouse.workspace import Workspace

Count = Annotated[int, Field(ge=1)]
Confidence = Annotated[float, Field(ge=0.5, lt=1)]

OwnObject = Annotated[str, Field(pattern=f"^{OWN_OBJECT}$", max_length=200)]
"""An object of the fork's own package `gates`, as `gates.module:OBJECT`."""

Part = Literal["contract", "raw", "data", "model", "model_fp32"]
"""A field of `evidence.Subject`."""


@dataclass(frozen=True)
class Found:
    """What a gate measured.

    Attributes:
        measurements: in the order of the evidence.
        tools: versions of the libraries that measured, by distribution name.
        exam: the rows that candidate and base were asked, where they were.
        curves: for charts.
    """

    measurements: Sequence[Measurement]
    tools: Mapping[str, str]
    exam: Exam | None = None
    curves: Sequence[Curve] = ()


@dataclass(frozen=True)
class Section:
    """The gate's part of the report.

    Attributes:
        title: of the part.
        place: where it is among the gates' parts, the smallest first. The last ones are cut
            from a comment that is too long.
        body: the part, as Markdown; called only if the gate's evidence can be used. None: a table
            of all that was measured, with the limits.
    """

    title: str
    place: int
    body: Callable[[ReportContext], str] | None


@dataclass(frozen=True)
class Production:
    """How the monitor uses the gate.

    Attributes:
        question: that it answers of production.
        advice: what to do about an alarm.
        labels: does it need labels? Its rules are then inconclusive without harm: labels come late.
        compares: does it compare the window with the training data? Its rules of the comparison
            then count; else only those of the candidate do, and that is the served model.
        tools: distribution names of the libraries that measure.
        measure: a window of the log, by its number, by a policy. A GatehouseError says why the
            window can't be measured.
    """

    question: str
    advice: str
    labels: bool
    compares: bool
    tools: tuple[str, ...]
    measure: Callable[[Watched, int, Policy], list[Measurement]]


Advice = Callable[["RuleResult", bool], str]
"""What to do about a result that is not green; the second argument says whether there is a base."""


@dataclass(frozen=True)
class GateSpec:
    """A gate.

    Attributes:
        name: as policy.yaml, file names and statuses say it: small letters, digits and hyphens.
        question: that it answers, of a few words.
        looks_at: what its evidence is about; evidence of other digests of these is stale.
        compares: do its measurements depend on the base?
        settings: the model of its settings; None: nothing of the policy changes what it measures.
            A built-in gate has a field of `policy.Measure` of its name, a fork's own has
            `settings` in `gates` of policy.yaml.
        measure: candidate, base (None: there is none, or `compares` is false) and policy in.
        rules: the rules that `gatehouse init` writes for it, as lines of YAML.
        advice: what to do about a failure.
        section: its part of the report.
        defects: what `gatehouse drill` plants for it to catch.
        empty: what it means that the gate measured nothing; None: nothing special.
        about_training: does a failure come from how the model was trained? Then the report names
            changed settings next to it, and its comparisons first.
        timed: does a clock decide some of its measurements, whose names begin with
            `evidence.TIMED`? Such a gate is measured by itself.
        production: how the monitor uses it; None: it does not.
    """

    name: str
    question: str
    looks_at: tuple[Part, ...]
    compares: bool
    settings: type[Frozen] | None
    measure: Callable[[Workspace, Workspace | None, Policy], Found]
    rules: Callable[[Start], list[str]]
    advice: str | Advice
    section: Section
    defects: Callable[[], tuple[Defect, ...]]
    empty: str | None = None
    about_training: bool = False
    timed: bool = False
    production: Production | None = None

    def advise(self, result: RuleResult, *, compared: bool) -> str:
        """What to do about a result that is not green; `compared`: there is a base."""
        return self.advice if isinstance(self.advice, str) else self.advice(result, compared)
