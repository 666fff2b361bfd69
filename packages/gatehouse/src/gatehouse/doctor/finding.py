"""The findings of a check."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from gatehouse.typed import Document, Frozen


class Level(StrEnum):
    """How bad it is; only a problem makes the command fail."""

    FINE = "fine"
    UNSEEN = "unseen"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(Frozen):
    """One line of the answer."""

    area: str = Field(description="tools, disk, environment, git, settings, data remote, github")
    level: Level
    text: str = Field(description="what was found")
    fix: str = Field("", description="what to do; empty where nothing is to be done")


class Answer(Document):
    """What `gatehouse doctor --json` prints."""

    version: int = 1
    fine: bool = Field(description="no finding is a problem")
    findings: tuple[Finding, ...] = Field(description="in the order in which to fix them")


class Area:
    """Makes the findings of one area."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fine(self, text: str) -> Finding:
        return Finding(area=self.name, level=Level.FINE, text=text)

    def unseen(self, text: str, fix: str = "") -> Finding:
        return Finding(area=self.name, level=Level.UNSEEN, text=text, fix=fix)

    def warning(self, text: str, fix: str) -> Finding:
        return Finding(area=self.name, level=Level.WARNING, text=text, fix=fix)

    def problem(self, text: str, fix: str) -> Finding:
        return Finding(area=self.name, level=Level.PROBLEM, text=text, fix=fix)
