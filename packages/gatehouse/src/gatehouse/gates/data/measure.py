"""The data gate: runs Great Expectations on the output of `ingest`.

The suite of expectations is generated from the contract.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.columns.expectation import BETWEEN, IN_SET, IN_TYPES, Expectation
from gatehouse.columns.numbers import FLOAT32_MAX, INTEGER_TYPES, fractions
from gatehouse.columns.times import MOMENTS, unread
from gatehouse.contract import Column, Contract, Role
from gatehouse.evidence import Measurement
from gatehouse.gates.spec import Found
from gatehouse.gates.tools import versions
from gatehouse.later import loaded_later
from gatehouse.policy import Policy
from gatehouse.table import read_table

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult

    from gatehouse.workspace import Workspace

SEVERITIES = ("critical", "warning")
SAMPLES = 5

_UNIQUE = ("expect_column_values_to_be_unique", "expect_compound_columns_to_be_unique")
_FAULTS = {
    "expect_column_values_to_not_be_null": "have no value",
    BETWEEN: "are outside of {min_value:.10g} to {max_value:.10g}",
    IN_SET: "have values that are not listed",
    IN_TYPES: "hold text",
    **dict.fromkeys(_UNIQUE, "have the key of another row"),
}
"""What is wrong with the rows, by the type of the expectation that they break."""
_FAULTS_OF_ALL = {
    IN_TYPES: "is no column of numbers",
    "expect_table_columns_to_match_set": "has other columns than the contract",
    "expect_table_row_count_to_be_between": "has no rows",
    "expect_column_distinct_values_to_contain_set": "a class has no rows",
}
_WHOLE = re.compile(r"\s*[+-]?\d+\s*")


@dataclass(frozen=True)
class Result:
    """Result of one expectation: how many rows break it, and a few of their values."""

    expectation: Expectation
    success: bool
    unexpected: int
    rows: int
    samples: tuple[str, ...]

    def __str__(self) -> str:
        """Describe what is wrong in plain words."""
        kind, arguments = self.expectation.type, self.expectation.arguments
        who = self.expectation.column or "table"
        if not self.unexpected:  # the column or the table as a whole is wrong
            what = _FAULTS_OF_ALL.get(kind, f"breaks {kind}")
            return f"{who}: {what}" + (f": {', '.join(self.samples)}" if self.samples else "")
        fault = _FAULTS.get(kind, f"break {kind}")
        samples = list(self.samples)
        if kind == IN_TYPES and arguments["type_list"] == INTEGER_TYPES:
            fault = "hold fractions"
        elif kind == IN_TYPES and arguments["type_list"] == [MOMENTS]:
            fault = "hold no timestamp"
        elif kind == IN_TYPES and samples and all(map(_WHOLE.fullmatch, samples)):
            fault = "hold whole numbers of more than 64 bits"
        elif kind in (IN_TYPES, IN_SET):
            samples = [repr(sample) for sample in samples]
        elif arguments.get("max_value") == FLOAT32_MAX:
            fault = "hold numbers beyond float32"
        elif kind in _UNIQUE and "mostly" in arguments:
            fault = "have an exact copy"
        text = f"{who}: {self.unexpected:,} of {self.rows:,} rows {fault.format(**arguments)}"
        if samples:
            text += f", such as {', '.join(samples)}"
        allowed = 1 - arguments.get("mostly", 1)
        return f"{text} (at most {100 * allowed:.4g}% may)" if allowed else text


def measure(candidate: Workspace, _base: Workspace | None, policy: Policy) -> Found:
    """Measure the data gate.

    Raises:
        GatehouseError: the output of `ingest` is missing or unreadable.
    """
    _, results = validate(read_raw(candidate), candidate.contract)
    return Found(
        tools=versions("great-expectations", "pandas"),
        measurements=tuple(_measurements(results)),
    )


def read_raw(workspace: Workspace) -> pd.DataFrame:
    """Read all rows that `ingest` wrote; the official test rows come last."""
    import pandas as pd

    files = [workspace.raw / "rows.parquet", workspace.raw / "test.parquet"]
    frames = [
        read_table(file, plain=workspace.contract.columns)
        for file in files
        if file == files[0] or file.exists()
    ]
    return pd.concat(frames, ignore_index=True)


def suite(contract: Contract, frame: pd.DataFrame) -> list[Expectation]:
    """Return the contract as expectations.

    A column that is absent, or of another kind than in the contract, gets no expectations on its
    values. The expectation on its presence or type fails instead and names the problem.
    """
    names = list(contract.columns)
    expectations = [
        Expectation(
            "expect_table_columns_to_match_set", None, "critical",
            {"column_set": names, "exact_match": False},
        ),
        Expectation("expect_table_row_count_to_be_between", None, "critical", {"min_value": 1}),
    ]  # fmt: skip
    missing = [name for name in names if name not in frame.columns]
    extra = [name for name in frame.columns if name not in contract.columns]
    if missing or extra:
        severity = "critical" if missing else "warning"
        expectations[0] = Expectation(
            "expect_table_columns_to_match_set", None, severity, {"column_set": names}
        )
    for name, column in contract.columns.items():
        if name in frame.columns:
            expectations += _of_column(name, column, frame[name])
    # Rows that differ only in an absent column are no copies, and keys tell equal rows apart.
    if not missing and not contract.keys:
        expectations.append(
            Expectation(
                "expect_compound_columns_to_be_unique", None, "critical",
                {"column_list": names, "mostly": round(1 - contract.copies, 12)},
            )
        )  # fmt: skip
    keys = [name for name in contract.keys if name in frame.columns]
    if len(keys) == 1:
        expectations.append(
            Expectation("expect_column_values_to_be_unique", keys[0], "critical", {})
        )
    elif keys:
        expectations.append(
            Expectation(
                "expect_compound_columns_to_be_unique", None, "critical", {"column_list": keys}
            )
        )
    if contract.target in frame.columns:
        expectations.append(
            Expectation(
                "expect_column_distinct_values_to_contain_set", contract.target, "critical",
                {"value_set": list(contract.classes)},
            )
        )  # fmt: skip
    return expectations


def _of_column(name: str, column: Column, values: pd.Series) -> list[Expectation]:
    severity = column.severity
    expectations = [
        Expectation(
            "expect_column_values_to_not_be_null", name, severity,
            {"mostly": round(1 - column.missing, 12)},
        )
    ]  # fmt: skip
    return expectations + column.kind.expectations(name, column, values)


def _strangers(values: pd.Series, column: Column | None) -> pd.Series:
    """Return the values that are not of the column's type."""
    if column is not None and column.kind.moments:
        return unread(values, column)
    return fractions(values) if values.dtype.kind == "f" else _texts(values)


def _texts(values: pd.Series) -> pd.Series:
    """Return the values that are not a number in any notation, and numbers beyond 64 bits."""
    import pandas as pd

    found = pd.to_numeric(values, errors="coerce").astype("float64")
    return values[values.notna() & (found.isna() | (found.abs() >= 2.0**63))]


def validate(
    frame: pd.DataFrame, contract: Contract
) -> tuple[ExpectationSuiteValidationResult, list[Result]]:
    """Return Great Expectations' verdict on `frame`: the whole, and one result per expectation."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with loaded_later("altair", "jsonschema", "scipy.stats"):  # unused by the contract's rules
        import great_expectations as gx
        from great_expectations.data_context.types.base import ProgressBarsConfig

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    expectations, given = suite(contract, frame), _known_types(frame)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    batch = context.data_sources.pandas_default.read_dataframe(given)
    outcome = batch.validate(
        gx.ExpectationSuite(
            name=contract.name, expectations=[item.config() for item in expectations]
        ),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": 20},
    )
    found = {
        (config.type, _key(config.kwargs)): item
        for item in outcome.results
        if (config := item.expectation_config) is not None
    }
    results = []
    for expectation in expectations:
        item = found[expectation.type, _key(expectation.config()["kwargs"])]
        column = contract.columns.get(expectation.column or "")
        private = column is not None and column.role in (Role.KEY, Role.GROUP, Role.IGNORED)
        results.append(_result(expectation, item, frame, column, private=private))
    return outcome, results


def _known_types(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with moments in a type that Great Expectations knows."""
    moments = frame.select_dtypes("datetimetz")
    return frame.assign(
        **{str(name): values.dt.tz_localize(None) for name, values in moments.items()}
    )


def _key(kwargs: dict[str, Any]) -> str:
    """Key that matches results to expectations, since Great Expectations reorders its results."""
    named = {k: v for k, v in kwargs.items() if k in ("column", "column_list", "column_set")}
    return repr(sorted(named.items()))


def _result(
    expectation: Expectation,
    item: Any,
    frame: pd.DataFrame,
    column: Column | None,
    *,
    private: bool,
) -> Result:
    """`private`: the column's text may be about a person, and evidence is committed."""
    detail = item.result or {}
    values = detail.get("partial_unexpected_list") or []
    # For missing values there is nothing to show: that they are missing is the message.
    shown = [value for value in values if value is not None and value == value]
    unexpected = int(detail.get("unexpected_count") or 0)
    if not item.success and expectation.type == IN_TYPES:
        values = frame[expectation.column]
        faulty = _strangers(values, column)
        shown, unexpected = faulty.drop_duplicates().head(SAMPLES).tolist(), len(faulty)
        if private:
            shown = []
    if not item.success and expectation.type in _UNIQUE:
        # Keys and whole rows are personal data, and evidence is committed: show row numbers only.
        names = expectation.arguments.get("column_list", [expectation.column])
        twice = frame.duplicated(names, keep=False).to_numpy().nonzero()[0]
        shown = [f"row {number + 1}" for number in twice[:SAMPLES]]
    samples = list(dict.fromkeys(_short(value) for value in shown))
    samples += [f"{_short(value)} is missing" for value in detail.get("partial_missing_list") or []]
    mismatched = (detail.get("details") or {}).get("mismatched") or {}
    samples += [f"{name} is {kind}" for kind, names in mismatched.items() for name in names]
    if not item.success and not samples and not unexpected and "observed_value" in detail:
        samples = [f"found {_short(detail['observed_value'])}"]
    return Result(
        expectation=expectation,
        success=bool(item.success),
        unexpected=unexpected,
        rows=len(frame),
        samples=() if item.success else tuple(samples[:SAMPLES]),
    )


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _measurements(results: list[Result]) -> list[Measurement]:
    measurements = []
    for severity in SEVERITIES:
        chosen = [r for r in results if r.expectation.severity == severity]
        broken = [str(r) for r in chosen if not r.success]
        measurements.append(
            Measurement(
                name="failed_expectations",
                slice=f"severity={severity}",
                value=len(broken),
                unit="expectations",
                n=len(chosen),
                method="Great Expectations; every row looked at, exact",
                samples=tuple(broken[:SAMPLES]),
                note="; ".join(broken[:SAMPLES]) or None,
            )
        )
    rows = results[0].rows
    measurements.append(
        Measurement(name="rows", value=rows, unit="rows", n=rows, method="counted; exact")
    )
    for result in results:
        measurements.append(
            Measurement(
                name=result.expectation.type,
                slice=result.expectation.slice,
                value=result.unexpected / result.rows if result.rows else 0.0,
                unit="share",
                n=result.rows,
                method=f"Great Expectations, {result.expectation.severity}: share of rows that "
                "break it",
                note=None if result.success else str(result),
                samples=result.samples,
            )
        )
    return measurements
