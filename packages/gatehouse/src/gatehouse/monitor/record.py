"""The results of a monitoring run (`reports/monitor/record.json`)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import Field

from gatehouse.evidence import Measurement
from gatehouse.policy import Span
from gatehouse.typed import Document, Frozen
from gatehouse.verdict import Outcome

FOLDER = Path("reports/monitor")
RECORD = FOLDER / "record.json"
EVIDENCE = FOLDER / "evidence"
VERDICT = FOLDER / "verdict.json"
REPORT = FOLDER / "report.md"
BROKEN = FOLDER / "broken.jsonl"
"""Lines that could not be read, unchanged: they may contain anything that the log contains."""


class Counts(Frozen):
    """Records of the log, by what became of them."""

    read: int = Field(description="records that could be read, repeated ones included")
    broken: int = Field(description="lines that could not be read; they are kept aside")
    outside: int = Field(description="records before the oldest window, or after the newest")
    other_models: int = Field(description="records of models other than the judged one")
    repeated: int = Field(description="records that are in the log more than once")
    late: int = Field(description="records that came after records of a later window")
    labels: int = Field(description="labels that were given")
    labelled: int = Field(description="records of the judged window with a label")


class Window(Frozen):
    """One span of time of the judged model's records."""

    start: datetime = Field(description="first moment (UTC)")
    end: datetime = Field(description="first moment after it (UTC)")
    rows: int = Field(description="records in it")
    measured: int = Field(description="records that were measured: a random sample where many")
    outcome: Outcome = Field(description="worst outcome of the rules on it; none without records")
    measurements: tuple[Measurement, ...] = Field(
        description="drift against the training data, and metrics where there are labels"
    )


class Record(Document):
    """Counts, and the windows over time."""

    version: Literal[1] = Field(default=1, description="version of this schema")
    made: datetime = Field(description="when the log was looked at (UTC)")
    model: str = Field(description="digest of the judged model")
    reference: str = Field(description="where its training data came from: a commit, or work tree")
    window: Span = Field(description="length of a window")
    season: Span | None = Field(description="length of the cycle that is averaged out")
    counts: Counts
    windows: tuple[Window, ...] = Field(description="from the oldest to the newest, judged one")
