"""Definition of a gate: one object with everything that Gatehouse needs to know about it.

Comment, report, site, drill, monitor and command line read these fields and know no gate by name.
Every job imports the objects, also jobs with few packages. Code that needs numpy, pandas or the
report is therefore imported inside the functions that a gate names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from gatehouse.evidence import Asked, Curve, Exam, Measurement
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
"""An object of the fork's own package `gates`, written as `gates.module:OBJECT`."""

Part = Literal["contract", "raw", "data", "model", "model_fp32"]
"""A field of `evidence.Subject`."""


@dataclass(frozen=True)
class Found:
    """The measurements of a gate.

    Attributes:
        measurements: in the order of the evidence.
        tools: versions of the measuring libraries, by distribution name.
        exam: the rows that candidate and base both predicted, if any.
        curves: for charts.
        asked: what the sealed exam was asked, if there is one.
    """

    measurements: Sequence[Measurement]
    tools: Mapping[str, str]
    exam: Exam | None = None
    curves: Sequence[Curve] = ()
    asked: Asked | None = None


@dataclass(frozen=True)
class Section:
    """The gate's section of the report.

    Attributes:
        title: title of the section.
        place: position among the gates' sections, smallest first. A comment that is too long loses
            its last sections.
        body: returns the section as Markdown; called only if the gate's evidence can be used. If
            None, the section is a table of all measurements with their limits.
    """

    title: str
    place: int
    body: Callable[[ReportContext], str] | None


@dataclass(frozen=True)
class Production:
    """How the monitor uses the gate.

    Attributes:
        question: the question about production that the gate answers.
        advice: how to react to an alarm.
        labels: does it need labels? Labels come late, so inconclusive rules then do no harm.
        compares: does it compare the window with the training data? If so, its comparison rules
            count. Otherwise only the rules about the candidate count, which is the served model.
        tools: distribution names of the libraries that measure.
        measure: measures a window of the log, given its number and a policy. A GatehouseError says
            why the window can't be measured.
    """

    question: str
    advice: str
    labels: bool
    compares: bool
    tools: tuple[str, ...]
    measure: Callable[[Watched, int, Policy], list[Measurement]]


Advice = Callable[["RuleResult", bool], str]
"""Advice on a result that is not green; the second argument says whether there is a base."""


@dataclass(frozen=True)
class GateSpec:
    """A gate.

    Attributes:
        name: name in policy.yaml, file names and statuses: lowercase letters, digits and hyphens.
        question: the question that it answers, in a few words.
        looks_at: the subjects of its evidence; if their digests change, the evidence is stale.
        compares: do its measurements depend on the base?
        settings: the model of its settings; None if nothing in the policy changes its measurements.
            A built-in gate has a field of its name in `policy.Measure`; a fork's own gate has
            `settings` in `gates` of policy.yaml.
        measure: takes candidate, base (None if there is none or `compares` is false) and policy.
        rules: the rules that `gatehouse init` writes for it, as lines of YAML.
        advice: how to react to a failure.
        section: its section of the report.
        defects: the defects that `gatehouse drill` plants for it to catch.
        empty: meaning of evidence without measurements; None if it has no special meaning.
        about_training: can a failure come from how the model was trained? If so, the report lists
            changed settings next to it, and its comparisons first.
        timed: does a clock decide some of its measurements, whose names begin with
            `evidence.TIMED`? Such a gate is measured in a separate job.
        production: how the monitor uses it; None if it does not.
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
        """Return the advice on a result that is not green; `compared`: there is a base."""
        return self.advice if isinstance(self.advice, str) else self.advice(result, compared)
