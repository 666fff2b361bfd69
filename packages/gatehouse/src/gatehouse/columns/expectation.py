"""The data gate's expectations of a table, in the form that Great Expectations takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

IN_SET = "expect_column_values_to_be_in_set"
IN_TYPES = "expect_column_values_to_be_in_type_list"
BETWEEN = "expect_column_values_to_be_between"


@dataclass(frozen=True)
class Expectation:
    """One expectation of the suite: Great Expectations' type, arguments and severity."""

    type: str
    column: str | None
    severity: str
    arguments: dict[str, Any]

    def config(self) -> dict[str, Any]:
        kwargs = dict(self.arguments)
        if self.column is not None:
            kwargs["column"] = self.column
        return {"type": self.type, "kwargs": kwargs, "severity": self.severity}

    @property
    def slice(self) -> str:
        return "table" if self.column is None else f"column={self.column}"
