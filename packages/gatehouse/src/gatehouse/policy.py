"""The policy: what the evidence must show (`policy.yaml`)."""

from __future__ import annotations

import functools
import hashlib
import json
import re
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from gatehouse.evidence import GateName, Of
from gatehouse.gates import GATES
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.drift import DriftMeasure
from gatehouse.gates.fairness import FairnessMeasure
from gatehouse.gates.latency import LatencyMeasure
from gatehouse.gates.spec import Confidence, GateSpec, OwnObject
from gatehouse.nearest import hint
from gatehouse.policy_noise import COMPARED, Noise
from gatehouse.typed import Frozen, is_none, parse_yaml, read_text, validate

POLICY_FILE = Path("policy.yaml")

SEALED_LEAK = "sealed_rows_in_train"
"""The measurement that a policy with a sealed exam must judge."""

S = TypeVar("S", bound=Frozen)

Words = Annotated[str, StringConstraints(strip_whitespace=True)]
Status = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$")]
Login = Annotated[str, Field(pattern=r"^@[A-Za-z0-9][A-Za-z0-9_-]{0,38}$")]
"""A GitHub user. Teams are not allowed: a workflow's token cannot read their members."""


_BUILT_IN = tuple(gate.name for gate in GATES)
_WATCHED = tuple(gate.name for gate in GATES if gate.production is not None)
_TAKEN = ("base", "candidate", "graph")
"""Names of requests to other processes than the gates' (`gatehouse.trusted.reader`)."""
_GATES = f"{', '.join(_BUILT_IN)}, or one that `gates` names"

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_span(value: Any) -> timedelta:
    """Parse a time span such as 30m, 24h, 7d or 4w.

    Raises:
        ValueError: the text is not a time span, or the span is zero.
    """
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhdw])", str(value).strip())
    if found is None:
        raise ValueError("is not a time span: write 30m, 24h, 7d or 4w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def show_span(span: timedelta) -> str:
    """Format a span as `parse_span` reads it, in the largest unit that divides it."""
    seconds = int(span.total_seconds())
    for unit, name in reversed(_UNITS.items()):
        size = int(timedelta(**{name: 1}).total_seconds())
        # Most people read 7d more easily than 1w.
        if seconds % size == 0 and not (unit == "w" and seconds == size):
            return f"{seconds // size}{unit}"
    raise AssertionError(span)


Span = Annotated[
    timedelta,
    BeforeValidator(parse_span, json_schema_input_type=str),
    PlainSerializer(show_span, return_type=str),
]


class Measure(Frozen):
    """How to measure. Changing it means measuring again; changing a limit does not."""

    confidence: Confidence = Field(description="of all intervals except fairness's (two-sided)")
    resamples: Annotated[int, Field(ge=200)] = Field(description="bootstrap resamples")
    seed: Annotated[int, Field(ge=0)] = Field(description="of every random draw")
    drift: DriftMeasure
    accuracy: AccuracyMeasure
    fairness: FairnessMeasure
    latency: LatencyMeasure


class Rule(Frozen):
    """One thing that the evidence must show."""

    gate: GateName = Field(description=_GATES)
    measurement: str = Field(min_length=1, description="name of the measurement")
    of: Of = Field(default=Of.CANDIDATE, description="candidate, or comparison with the base")
    slice: str = Field(default="all", description="which slices; * and ? are wildcards")
    at_least: float | None = Field(default=None, description="the interval must be above this")
    at_most: float | None = Field(default=None, description="the interval must be below this")
    alpha: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None,
        description="a failure counts only if its adjusted p-value is below alpha "
        "(then at_most is a limit on the effect's size)",
    )
    minimum_n: Annotated[int, Field(ge=0)] = Field(
        default=0, description="with a smaller n the rule is inconclusive"
    )
    minimum_class_n: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="with fewer rows of the smallest class the rule is inconclusive",
    )
    inconclusive: Literal["fail", "warn", "pass"] = Field(
        default="fail",
        description="outcome if the interval crosses the limit, or n is too small; a value that "
        "could not be measured blocks unless this is pass",
    )
    on_fail: Literal["fail", "warn"] = Field(
        default="fail", description="does a failure block the merge, or warn?"
    )
    accept: Literal["never"] | tuple[Login, ...] | None = Field(
        default=None,
        description="who may accept a failure on one pull request: [@user, ...], or never; "
        "by default the owners of policy.yaml",
    )
    why: str = Field(min_length=1, description="the reason for the rule, for people")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a rule has either at_least or at_most")
        if self.alpha is not None and self.at_most is None:
            raise ValueError("a rule with alpha limits the effect's size by at_most")
        if self.accept == ():
            raise ValueError("accept names nobody; write never, or leave it out")
        if self.of is Of.BASE:
            raise ValueError("a rule judges the candidate or the comparison, never the base")
        return self

    @property
    def limit(self) -> float:
        limit = self.at_least if self.at_least is not None else self.at_most
        assert limit is not None
        return limit


class OwnGate(Frozen):
    """A gate of the repository's own: docs/extending.md."""

    object: OwnObject = Field(description="an object of src/gates, as gates.module:OBJECT")
    settings: dict[str, Any] = Field(
        default_factory=dict, description="of the gate; a change measures again"
    )


class Sealed(Frozen):
    """An exam whose rows only the gates can read: docs/exam.md."""

    digest: Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")] = Field(
        description="SHA-256 of the Parquet file with the rows"
    )
    budget: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=200, description="how many questions the rows may answer"
    )
    step: Annotated[float, Field(ge=0.001, le=0.1)] = Field(
        default=0.01, description="smallest improvement that an answer tells"
    )


class Waiver(Frozen):
    """A dated exception to one rule; it counts only from the base's policy."""

    rule: str = Field(min_length=1, description="name of the rule that is waived")
    slice: str = Field(default="*", description="which slices of the rule; * and ? are wildcards")
    reason: Words = Field(min_length=10, description="why this failure is acceptable for now")
    approver: Words = Field(min_length=1, description="who answers for it")
    expires: date = Field(description="last day on which it counts (YYYY-MM-DD, UTC)")


class Monitor(Frozen):
    """How production is watched. The rules above decide, as they do on a pull request."""

    window: Span = Field(
        default=timedelta(days=7), description="span of time that is judged: 30m, 24h, 7d, 4w"
    )
    windows: Annotated[int, Field(ge=1, le=100)] = Field(
        default=8, description="windows in the trend, including the newest, which is judged"
    )
    season: Span | None = Field(
        default=None,
        description="length of a cycle that is longer than the window: whole seasons are then "
        "compared with the training data, and a window with earlier ones of its hour or day",
    )
    gates: tuple[GateName, ...] = Field(
        default=_WATCHED,
        min_length=1,
        description="which gates judge; accuracy and fairness only where there are labels. One "
        "that `gates` names can judge as well, if it says how it looks at production",
    )
    retrain: bool = Field(
        default=False, description="does an alarm start the retraining workflow, once per model?"
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.season is not None and (self.season % self.window or self.season <= self.window):
            raise ValueError("season is several whole windows; leave it out where one window is it")
        if self.season is not None and self.season // self.window * 2 > self.windows:
            raise ValueError(
                f"windows must hold two seasons: at least {self.season // self.window * 2}"
            )
        return self


class Policy(Frozen):
    """Limits, margins, minimum samples, what inconclusive means, waivers."""

    version: Literal[1] = Field(description="version of this file's schema")
    measure: Measure
    gates: dict[GateName, OwnGate] = Field(
        default_factory=dict, description="gates of the repository's own, by name"
    )
    rules: dict[Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")], Rule] = Field(min_length=1)
    noise: Noise | None = Field(
        default=None,
        description="how much training alone moves the metrics; `gatehouse noise --write` "
        "measures it. It changes no outcome: the report names differences within it",
    )
    waivers: tuple[Waiver, ...] = ()
    sealed: Sealed | None = Field(
        default=None, exclude_if=is_none, description="an exam that only the gates can read"
    )
    monitor: Monitor = Monitor()
    bases: dict[Annotated[str, Field(min_length=1)], Status] = Field(
        default_factory=dict,
        description="branches besides the default one whose pull requests are judged, each with "
        "the name of its required status; the default branch's copy of this list counts",
    )
    model: Literal["run", "recorded"] = Field(
        default="run",
        description="where models come from: a run of the repository's own pipeline, or elsewhere; "
        "then an owner accepts each one (rules of the measurement not_from_run)",
    )
    comment: Literal["full", "on-change", "failures"] = Field(
        default="full",
        description="when a pull request gets a comment: always; if data, model, policy or "
        "contract differ from the base's; or only if it cannot merge. A comment that is there is "
        "kept up to date",
    )
    solo: bool | None = Field(
        default=None,
        description="may an owner accept a change of their own? By default if only one account "
        "can own",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.gates:
            if all(rule.gate != name for rule in self.rules.values()):
                raise ValueError(f"gates: no rule judges {name}; write one, or take the gate out")
        if self.sealed and all(r.measurement != SEALED_LEAK for r in self.rules.values()):
            raise ValueError(f"sealed: no rule judges {SEALED_LEAK}; write one (docs/exam.md)")
        for waiver in self.waivers:
            if waiver.rule not in self.rules:
                raise ValueError(
                    f"a waiver names rule '{waiver.rule}', which does not exist"
                    + hint(waiver.rule, self.rules)
                )
        for branch, status in self.bases.items():
            if status == "gatehouse" or status.startswith("gatehouse/"):
                raise ValueError(
                    f"bases: {branch}: the status {status} belongs to the default branch; give "
                    "this one another name, such as gatehouse-1.x"
                )
        if len(set(self.bases.values())) < len(self.bases):
            raise ValueError("bases: two branches share a status; give each its own")
        return self

    @field_validator("gates")
    @classmethod
    def _check_gates(cls, gates: dict[str, OwnGate]) -> dict[str, OwnGate]:
        for name in gates:
            if name in _BUILT_IN or name in _TAKEN:
                raise ValueError(f"the name {name} is taken; choose another")
        return gates

    @field_validator("rules")
    @classmethod
    def _check_rules(cls, rules: dict[str, Rule], info: ValidationInfo) -> dict[str, Rule]:
        known = (*_BUILT_IN, *info.data.get("gates", {}))
        for name, rule in rules.items():
            if rule.gate not in known:
                raise ValueError(
                    f"{name}: there is no gate '{rule.gate}'; there are: {', '.join(known)}"
                )
        return rules

    @field_validator("monitor")
    @classmethod
    def _check_monitor(cls, monitor: Monitor, info: ValidationInfo) -> Monitor:
        known = (*_WATCHED, *info.data.get("gates", {}))
        for gate in monitor.gates:
            if gate not in known:
                raise ValueError(f"the monitor has no gate '{gate}'; it has: {', '.join(known)}")
        return monitor

    @property
    def gate_names(self) -> tuple[str, ...]:
        """The built-in gates, and those that `gates` names."""
        return (*_BUILT_IN, *self.gates)

    def settings(self, gate: GateSpec) -> dict[str, Any]:
        """Return the settings that a gate's measurements depend on, as evidence records them."""
        if gate.settings is None:
            return {}
        common = self.measure.model_dump(mode="json", include={"confidence", "resamples", "seed"})
        if gate.name in self.gates:
            own = self.own_settings(gate.name, gate.settings)
        else:
            own = getattr(self.measure, gate.name)
        return common | {gate.name: own.model_dump(mode="json")}

    def own_settings(self, gate: str, model: type[S]) -> S:
        """Return the settings of one of the repository's own gates, validated by its model."""
        return model.model_validate(self.gates[gate].settings)

    def inside_noise(self) -> list[tuple[str, float, float]]:
        """Return comparison rules whose limit training alone can reach.

        Each is the rule's name, its limit, and the difference that two trainings stay within.
        """
        found = []
        for name, rule in self.rules.items():
            moves = self.noise.moves(rule.measurement) if self.noise else None
            compares = rule.of is Of.COMPARISON and rule.slice in COMPARED
            if compares and moves is not None and abs(rule.limit) < moves:
                found.append((name, rule.limit, moves))
        return found

    @property
    def digest(self) -> str:
        """SHA-256 of the policy's content, ignoring comments and layout."""
        content = json.dumps(self.model_dump(mode="json"), sort_keys=True)
        return "sha256:" + hashlib.sha256(content.encode()).hexdigest()


def load_policy(path: Path = POLICY_FILE) -> Policy:
    """Load the policy at `path`.

    Raises:
        GatehouseError: with the file, line, key and fix.
    """
    return parse_policy(read_text(path), path)


@functools.lru_cache(maxsize=16)  # parsing YAML is slow, and one process asks repeatedly
def parse_policy(text: str, name: str | Path) -> Policy:
    """Parse the policy in `text`; `name` is the file that errors mention."""
    return validate(Policy, parse_yaml(text, name), name)
