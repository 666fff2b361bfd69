"""Check rows against the contract before they are accepted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.contract import Contract

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console

    from gatehouse.gates.data.measure import Result

_FIXES = {
    "expect_column_values_to_not_be_null": "fill the values in, or raise `missing`",
    "expect_column_values_to_be_in_type_list": "write values of its type, or change `type`",
    "expect_column_values_to_be_between": "fix these rows or leave them out, or widen `range`",
    "expect_column_values_to_be_in_set": "fix these values, or add them to `categories`",
    "expect_column_values_to_be_unique": "give each key one row",
    "expect_compound_columns_to_be_unique": "take copies out (loaded twice?), or raise `copies`",
    "expect_column_distinct_values_to_contain_set": "add rows of the missing class",
}
"""The fix for each type of broken expectation; keys in backticks are contract.yaml's."""


class RejectedError(Exception):
    """Rows break the contract critically, and are not accepted (exit code 1).

    Attributes:
        broken: the critical expectations that they break.
    """

    def __init__(self, broken: list[Result]) -> None:
        super().__init__(f"{len(broken)} critical expectations of the contract are broken")
        self.broken = broken


def check(frame: pd.DataFrame, contract: Contract) -> list[Result]:
    """Return the non-critical expectations of the data gate that `frame` breaks.

    Raises:
        RejectedError: it breaks critical ones.
    """
    from gatehouse.gates.data.measure import validate

    _, results = validate(frame, contract)
    failed = [result for result in results if not result.success]
    if broken := [result for result in failed if result.expectation.severity == "critical"]:
        raise RejectedError(broken)
    return failed


def print_broken(broken: list[Result], console: Console | None = None) -> None:
    """Print a row for each broken expectation: column, values and fix."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from gatehouse.report.escape import plain

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("column", "broken", "rows", "such as", "what to do"):
        table.add_column(title, overflow="fold")
    for result in broken:
        expectation = result.expectation
        cells = (
            expectation.column or ", ".join(expectation.arguments.get("column_list", ["table"])),
            expectation.type.removeprefix("expect_"),
            f"{result.unexpected:,} of {result.rows:,}" if result.unexpected else "",
            ", ".join(result.samples),
            _FIXES.get(expectation.type, "fix the rows, or contract.yaml"),
        )
        table.add_row(*(Text(plain(cell, 200)) for cell in cells))
    (console or Console()).print(table)
