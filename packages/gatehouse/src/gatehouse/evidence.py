"""Evidence: what one gate measured, and of which data and model.

It is stored in `reports/evidence/<gate>.json`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from gatehouse.errors import GatehouseError
from gatehouse.typed import Document, Frozen, is_none

EVIDENCE_VERSION = 1


GateName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")]
"""A gate's name (`gatehouse.gates`), which is also the name of its evidence's file."""


class Of(StrEnum):
    """Whom a measurement describes."""

    CANDIDATE = "candidate"
    BASE = "base"
    COMPARISON = "comparison"


class Better(StrEnum):
    """Which values of a metric are better."""

    HIGHER = "higher"
    LOWER = "lower"
    ZERO = "zero"
    ONE = "one"


class Described(Frozen):
    """A fork's own metric, for those who show it and can't load its code."""

    label: str = Field(min_length=1, max_length=80, description="for people")
    better: Better = Field(description="which values are better")


class Interval(Frozen):
    """A confidence interval."""

    low: float = Field(description="lower bound")
    high: float = Field(description="upper bound")
    confidence: Annotated[float, Field(gt=0, lt=1)] = Field(description="such as 0.95")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low > self.high:
            raise ValueError("an interval's low end lies above its high end; measure again")
        return self


class Measurement(Frozen):
    """One number with all that is needed to judge it."""

    name: str = Field(min_length=1, description="scikit-learn's or Fairlearn's name where one is")
    of: Of = Field(
        default=Of.CANDIDATE, description="the candidate, the base, or the comparison of both"
    )
    slice: str = Field(default="all", description="the part of the rows, columns or calls")
    value: float | None = Field(description="null where it could not be measured; note says why")
    unit: str = Field(description="share, rows, ms, bytes, ...; '1' for a number without one")
    interval: Interval | None = Field(default=None, description="null where the value is exact")
    p_value: Annotated[float, Field(ge=0, le=1)] | None = Field(
        default=None, description="adjusted for all tests of the gate; null where there is no test"
    )
    neutral: float | None = Field(
        default=None,
        exclude_if=is_none,
        description="of a paired comparison: its value if nothing differs, 0 of a difference and "
        "1 of a ratio; a rule's margin is counted from there",
    )
    n: Annotated[int, Field(ge=0)] = Field(
        description="number of independent rows, groups, blocks of time, columns or calls"
    )
    class_n: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        exclude_if=is_none,
        description="rows of the smallest class, where there are classes",
    )
    method: str = Field(min_length=1, description="the statistical method, named")
    decides: bool = Field(default=True, description="false: reported, but no rule may use it")
    note: str | None = Field(default=None, description="something to know about this number")
    doubt: str | None = Field(
        default=None,
        exclude_if=is_none,
        description="why the interval may not hold the truth; a rule is then inconclusive, unless "
        "it clearly fails",
    )
    samples: tuple[str, ...] = Field(default=(), description="a few offending values")
    described: Described | None = Field(
        default=None, exclude_if=is_none, description="only for a fork's own metric"
    )


PAIR = ("raw", "model", "model_fp32")
"""The fields of a subject that identify data and model; the prepared rows follow from these and the
contract."""


class Subject(Frozen):
    """SHA-256 digests of what a gate looked at; null where the gate does not look at it."""

    contract: str | None = Field(default=None, description="contract.yaml: its content")
    raw: str | None = Field(default=None, description="data/raw: what ingest wrote")
    data: str | None = Field(
        default=None, description="data/prepared: the rows, regardless of order"
    )
    model: str | None = Field(default=None, description="the served graph (INT8)")
    model_fp32: str | None = Field(default=None, description="the graph that training exported")

    @property
    def pair(self) -> tuple[str | None, ...]:
        """The digests of data and model, in the order of `PAIR`."""
        return tuple(getattr(self, field) for field in PAIR)


class Curve(Frozen):
    """Values over places, for a chart; no rule judges them."""

    name: str = Field(min_length=1, description="roc_curve or calibration_curve")
    of: Of = Field(description="the candidate, or the base")
    x: tuple[float, ...] = Field(max_length=100, description="the places")
    y: tuple[float, ...] = Field(max_length=100, description="a value for each place")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(self.x) != len(self.y):
            raise ValueError("a curve has as many values as places")
        return self


COLUMN_AUC = "column_auc"
"""How well one new column predicts the target, for slices `column=NAME on WHERE`."""

SINCE = "since an owner's last word"
"""Note on a measurement that includes the effect of earlier changes."""

TIMED = "latency_"
"""Prefix of measurements that depend on a clock: no two runs give the same numbers."""

FALL = "fall_over_time"
"""How much a metric falls over the periods of the test split; the slice names the metric."""

PERIOD = "period="
"""Prefix of the slices of periods."""

NEW = "new test rows"
"""The slice measured on the candidate's test rows that are not exam rows."""

CHANGED = "new or changed test rows"
"""The slice measured on the candidate's test rows that equal no exam row."""

RELEASED = "best released"
"""The slice that compares with the best released model of the base's branch, on the exam."""

BEST_IS_BASE = "the base's model is the best released one"
"""Note on measurements of the slice `RELEASED` that repeat those against the base."""

SEALED = "sealed"
"""The slice of the sealed exam's answer."""

SEALED_ELSEWHERE = "only a pull request's gates can read the sealed rows"
"""Note on measurements of the sealed exam where it is not; no rule fails for it."""


class Asked(Frozen):
    """The questions to a sealed exam so far, and its best answer."""

    exam: str = Field(description="digest of the sealed rows")
    asked: int = Field(ge=1, description="number of questions")
    answer: float = Field(description="the best answer so far, in steps")
    first: float = Field(description="the first answer, about the base at that time")
    variance: float = Field(
        default=0.0, ge=0, description="of the merged models' gains since the answer, rounded up"
    )
    gained: float = Field(
        description="gain on the visible exam since the first answer, over all merges"
    )


class Exam(Frozen):
    """The rows on which both the candidate and the base were scored."""

    digest: str = Field(description="of the base's test rows, regardless of order")
    rows: int = Field(ge=1, description="how many these are")
    unchanged: int = Field(ge=0, description="how many are unchanged in the candidate")
    standing: str = Field(description="SHA-256 of the bitmap of these, in the base's order")
    scored: int = Field(ge=1, description="how many could be scored")
    new: int = Field(ge=0, description="test rows of the candidate that are not in the exam")
    judged: int = Field(
        default=0, ge=0, description="candidates that the base's branch recorded on it before"
    )


class Evidence(Document):
    """All that one gate measured."""

    version: Literal[1] = Field(default=1, description="version of this schema")
    gate: GateName = Field(description="the gate that measured")
    candidate: Subject = Field(description="what was measured")
    base: Subject | None = Field(default=None, description="null: compared with nothing")
    exam: Exam | None = Field(
        default=None, description="null: the candidate's own test rows, or none at all"
    )
    asked: Asked | None = Field(
        default=None, exclude_if=is_none, description="only with a sealed exam: questions so far"
    )
    draws: str | None = Field(
        default=None, description="the random draws that it used; equal for equal data and models"
    )
    settings: dict[str, Any] = Field(description="the policy's measure section that was used")
    tools: dict[str, str] = Field(description="versions of the libraries that measured")
    measurements: tuple[Measurement, ...] = Field(description="all that was measured")
    curves: tuple[Curve, ...] = Field(default=(), max_length=20, description="for charts")


def evidence_path(folder: Path, gate: str) -> Path:
    return folder / f"{gate}.json"


def read_evidence(path: Path, gate: str) -> Evidence:
    """Read the evidence of `gate` at `path`.

    Raises:
        GatehouseError: it is missing, unreadable, of a newer schema, or another gate's.
    """
    evidence = _read_versioned(path)
    if evidence.gate != gate:
        raise GatehouseError(
            f"{path}: is the {evidence.gate} gate's evidence, not the {gate} gate's"
        )
    return evidence


def _read_versioned(path: Path) -> Evidence:
    try:
        return Evidence.read(path)
    except GatehouseError:
        version = _version(path)
        if version is not None and version > EVIDENCE_VERSION:
            raise GatehouseError(
                f"{path}: has schema version {version}, newer than this judge's "
                f"{EVIDENCE_VERSION}; update Gatehouse, then judge again"
            ) from None
        raise


def _version(path: Path) -> int | None:
    import json

    try:
        version = json.loads(path.read_text(encoding="utf-8")).get("version")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return version if isinstance(version, int) else None
