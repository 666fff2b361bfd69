"""The data gate: Great Expectations on what `ingest` wrote, with a suite made from the contract."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.contract import Column, ColumnType, Contract
from gatehouse.evidence import Evidence, Gate, Measurement
from gatehouse.gates.tools import versions
from gatehouse.policy import Policy
from gatehouse.table import read_table

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationSuiteValidationResult

    from gatehouse.workspace import Workspace

SEVERITIES = ("critical", "warning")
SAMPLES = 5
UNIQUE_ROWS = 0.99
"""Share of rows that must have no exact copy: real tables hold a few, a doubled load many."""

_INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
_NUMBERS = [*_INTEGERS, "float32", "float64"]


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


@dataclass(frozen=True)
class Result:
    """What became of one expectation: how many rows break it, and a few of their values."""

    expectation: Expectation
    success: bool
    unexpected: int
    rows: int
    samples: tuple[str, ...]

    def __str__(self) -> str:
        text = f"{self.expectation.column or 'table'}: "
        if self.unexpected:
            text += f"{self.unexpected:,} of {self.rows:,} rows break "
        text += self.expectation.type
        if self.samples:
            text += ", such as " + ", ".join(self.samples)
        limits = ", ".join(
            f"{key} {_short(value)}" for key, value in self.expectation.arguments.items()
        )
        return f"{text} ({limits})" if limits else text


def measure(candidate: Workspace, _base: Workspace | None, policy: Policy) -> Evidence:
    """Evidence of the data gate.

    Raises:
        GatehouseError: what `ingest` wrote is missing or unreadable.
    """
    _, results = validate(read_raw(candidate), candidate.contract)
    return Evidence(
        gate=Gate.DATA,
        candidate=candidate.subject(Gate.DATA),
        settings=policy.measure.of_gate(Gate.DATA),
        tools=versions("great-expectations", "pandas"),
        measurements=tuple(_measurements(results)),
    )


def read_raw(workspace: Workspace) -> pd.DataFrame:
    """All rows that `ingest` wrote, the official test rows after the others."""
    import pandas as pd

    files = [workspace.raw / "rows.parquet", workspace.raw / "test.parquet"]
    frames = [read_table(file) for file in files if file == files[0] or file.exists()]
    return pd.concat(frames, ignore_index=True)


def failures(evidence: Evidence, severity: str) -> int:
    """How many expectations of `severity` the data breaks."""
    for measurement in evidence.measurements:
        if (
            measurement.name == "failed_expectations"
            and measurement.slice == f"severity={severity}"
        ):
            return int(measurement.value or 0)
    return 0


def suite(contract: Contract, frame: pd.DataFrame) -> list[Expectation]:
    """The contract as expectations.

    Columns that are absent, or of another kind than the contract says, get no expectation on
    their values: the one on their presence or type fails and says so.
    """
    names = list(contract.columns)
    expectations = [
        Expectation(
            "expect_table_columns_to_match_set", None, "critical",
            {"column_set": names, "exact_match": False},
        )
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
    present = [name for name in names if name in frame.columns]
    expectations.append(
        Expectation(
            "expect_compound_columns_to_be_unique", None, "critical",
            {"column_list": present, "mostly": UNIQUE_ROWS},
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
    numeric = values.dtype.kind in "iuf"
    if column.is_numeric:
        allowed = _NUMBERS
        if column.type is ColumnType.INTEGER and values.dtype.kind == "f":
            # A missing value makes pandas store integers as floats; fractions are no integers.
            whole = bool((values.dropna() % 1 == 0).all())
            allowed = _NUMBERS if whole else _INTEGERS
        expectations.append(
            Expectation(
                "expect_column_values_to_be_in_type_list", name, severity, {"type_list": allowed}
            )
        )
        if numeric and column.range is not None:
            low, high = column.range
            expectations.append(
                Expectation(
                    "expect_column_values_to_be_between", name, severity,
                    {"min_value": low, "max_value": high},
                )
            )  # fmt: skip
    elif column.categories is not None:
        unlisted = severity if column.unknown == "reject" else "warning"
        expectations.append(
            Expectation(
                "expect_column_values_to_be_in_set", name, unlisted,
                {"value_set": list(column.categories)},
            )
        )  # fmt: skip
    return expectations


def validate(
    frame: pd.DataFrame, contract: Contract
) -> tuple[ExpectationSuiteValidationResult, list[Result]]:
    """Great Expectations' verdict on `frame`, whole and as one result per expectation."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx

    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    expectations = suite(contract, frame)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    batch = context.data_sources.pandas_default.read_dataframe(frame)
    outcome = batch.validate(
        gx.ExpectationSuite(
            name=contract.name, expectations=[item.config() for item in expectations]
        ),
        result_format={"result_format": "SUMMARY", "partial_unexpected_count": 20},
    )
    found = {
        (item.expectation_config.type, _key(item.expectation_config.kwargs)): item
        for item in outcome.results
    }
    results = []
    for expectation in expectations:
        item = found[expectation.type, _key(expectation.config()["kwargs"])]
        results.append(_result(expectation, item, frame))
    return outcome, results


def _key(kwargs: dict[str, Any]) -> str:
    """Great Expectations returns results in an order of its own; arguments tell them apart."""
    told = {k: v for k, v in kwargs.items() if k in ("column", "column_list", "column_set")}
    return repr(sorted(told.items()))


def _result(expectation: Expectation, item: Any, frame: pd.DataFrame) -> Result:
    detail = item.result or {}
    values = detail.get("partial_unexpected_list") or []
    # A missing value is the whole message; there is nothing to show.
    samples = list(dict.fromkeys(_short(value) for value in values if value == value))
    mismatched = (detail.get("details") or {}).get("mismatched") or {}
    samples += [f"{name} is {kind}" for kind, names in mismatched.items() for name in names]
    if not item.success and not samples and "observed_value" in detail:
        samples = [f"found {_short(detail['observed_value'])}"]
    return Result(
        expectation=expectation,
        success=bool(item.success),
        unexpected=int(detail.get("unexpected_count") or 0),
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
