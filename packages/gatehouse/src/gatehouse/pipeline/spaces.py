"""Values that `gatehouse tune` tries for a setting: a range of numbers, or a list of values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gatehouse.typed import Frozen


class Range(Frozen):
    """Numbers that tuning tries; whole ones where both ends are whole."""

    low: int | float
    high: int | float
    log: bool = Field(False, description="spread evenly over orders of magnitude")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            raise ValueError("low is below high; swap the two")
        if self.log and self.low <= 0:
            raise ValueError("a range over orders of magnitude begins above 0")
        return self


class Choice(Frozen):
    """Values that tuning tries one of; lists are values too."""

    choices: Annotated[tuple[Any, ...], Field(min_length=2)]


Space = Mapping[str, Range | Choice]
"""Values to try for each setting, by its key."""
