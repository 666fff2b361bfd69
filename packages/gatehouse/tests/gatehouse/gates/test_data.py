"""The data gate: one planted defect per kind of expectation, and what the message says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement
from gatehouse.gates.data import failures
from gatehouse.gates.data import measure as data
from gatehouse.policy import Policy
from gatehouse.table import write_table
from gatehouse.workspace import Workspace
from tests.gatehouse.gates.evidence import evidence_by

RowsOf = Callable[[int, int], pd.DataFrame]
ContractOf = Callable[..., Contract]
BETWEEN = "expect_column_values_to_be_between"
NOT_NULL = "expect_column_values_to_not_be_null"
UNLISTED = "have values that are not listed, such as "
HOSTILE = "<img src=x onerror=alert(1)>|`\n# heading\x00"


def broken(frame: pd.DataFrame, contract: Contract) -> list[data.Result]:
    _, results = data.validate(frame, contract)
    return [result for result in results if not result.success]


def put(frame: pd.DataFrame, column: str, *values: Any) -> pd.DataFrame:
    """The rows with `values` at the head of `column`, of the dtype that a file would give."""
    items = [*values, *frame[column].iloc[len(values) :]]
    text = frame[column].dtype.kind == "O"
    return frame.assign(**{column: pd.Series(items, dtype="str" if text else None)})


@pytest.fixture
def rows(rows_of: RowsOf) -> pd.DataFrame:
    return rows_of(300, 0)


@pytest.fixture
def contract(contract_of: ContractOf) -> Contract:
    return contract_of()


def test_clean_rows_pass(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks false alarms: clean rows break nothing, and every kind of expectation was asked."""
    _, results = data.validate(rows, contract)
    assert all(result.success for result in results)
    kinds = {result.expectation.type.removeprefix("expect_") for result in results}
    assert kinds == {
        "table_columns_to_match_set", "table_row_count_to_be_between",
        "column_values_to_not_be_null", "column_values_to_be_in_type_list",
        "column_values_to_be_between", "column_values_to_be_in_set",
        "compound_columns_to_be_unique", "column_distinct_values_to_contain_set",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "values", "expectation", "count", "samples", "words"),
    [
        ("age", [-1, 101, 7000], BETWEEN, 3, ["-1", "101", "7000"], "are outside of 0 to 100, su"),
        ("age", [0.5, 20.25], data._TYPE, 2, ["0.5", "20.25"], "hold fractions, such as 0.5, 20"),
        ("age", [np.nan, np.nan], NOT_NULL, 2, [], "have no value"),
        ("size", [np.inf], BETWEEN, 1, ["inf"], "hold numbers beyond float32, such as inf"),
        ("size", [1e39, -1e39], BETWEEN, 2, ["1e+39", "-1e+39"], "hold numbers beyond float32"),
        ("colour", ["pink", "RED"], data._SET, 2, ["pink", "RED"], UNLISTED + "'pink', 'RED'"),
        ("colour", [None, None, None], NOT_NULL, 3, [], "have no value"),
        ("colour", [HOSTILE], data._SET, 1, [HOSTILE], UNLISTED + "'<img src"),
        ("colour", [""], data._SET, 1, [""], UNLISTED + "''"),
        ("y", ["maybe"], data._SET, 1, ["maybe"], UNLISTED + "'maybe'"),
        ("sex", ["f "], data._SET, 1, ["f "], UNLISTED + "'f '"),
    ],
)
def test_planted_values_are_found_and_told(
    rows: pd.DataFrame,
    contract: Contract,
    column: str,
    values: list[Any],
    expectation: str,
    count: int,
    samples: list[str],
    words: str,
) -> None:
    """Attacks each expectation on values: found, alone, with column, count and the values."""
    (result,) = broken(put(rows, column, *values), contract)
    assert result.expectation.type == expectation
    assert result.expectation.column == column
    assert result.expectation.severity == "critical"
    assert (result.unexpected, result.rows) == (count, 300)
    assert list(result.samples) == samples
    text = str(result)
    assert text.startswith(f"{column}: {count} of 300 rows {words}")
    assert all(sample in text or repr(sample) in text for sample in samples)
    assert "expect_" not in text
    assert "None" not in text
    assert "nan" not in text


def test_whole_numbers_stored_as_floats_pass(rows: pd.DataFrame, contract_of: ContractOf) -> None:
    """Attacks integers that are floats since some are missing: allowed as far as missing is."""
    contract = contract_of(age={"missing": 0.1})
    assert not broken(rows.assign(age=rows["age"].astype(float)), contract)
    assert not broken(put(rows, "age", np.nan), contract)


@pytest.mark.parametrize(("missing", "fails"), [(30, False), (31, True)])
def test_missing_share_is_a_limit(
    rows: pd.DataFrame, contract_of: ContractOf, missing: int, fails: bool
) -> None:
    """Attacks the edge: 10 % allowed and 10 % there passes, one row more fails."""
    contract = contract_of(age={"missing": 0.1})
    found = broken(put(rows, "age", *[np.nan] * missing), contract)
    assert bool(found) == fails
    if fails:
        assert str(found[0]) == "age: 31 of 300 rows have no value (at most 10% may)"


def test_all_missing_where_missing_is_allowed(rows: pd.DataFrame, contract_of: ContractOf) -> None:
    """Attacks columns without any value: fine if the contract says so, else told."""
    allowed = contract_of(age={"missing": True}, colour={"missing": True})
    empty = rows.assign(age=np.nan, colour=pd.Series([None] * len(rows), dtype="str"))
    empty["size"] = np.arange(len(rows)) / 10  # no two rows alike
    assert not broken(empty, allowed)
    assert {r.expectation.column for r in broken(empty, contract_of())} == {"age", "colour"}


def test_text_in_a_numeric_column(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks a column that a bad value turned into text: one plain failure, no crash in ranges."""
    spoiled = rows.assign(age=rows["age"].astype("str").where(rows.index > 0, HOSTILE))
    (result,) = broken(spoiled, contract)
    assert str(result).startswith("age: 1 of 300 rows hold text, such as '<img src=x")
    assert result.samples == (HOSTILE,)
    written = rows.assign(age=rows["age"].astype("str"))
    (result,) = broken(written, contract)
    assert str(result) == "age: is no column of numbers: found str"


@pytest.mark.parametrize("role", ["key", "ignored"])
def test_text_that_may_be_a_person_s_is_counted_and_not_shown(
    rows: pd.DataFrame, contract_of: ContractOf, role: str
) -> None:
    """Attacks a name in a column of numbers that no model sees: evidence is committed."""
    contract = contract_of(id={"type": "integer", "role": role})
    named = ["Jane Doe", *map(str, range(1, len(rows)))]
    (result,) = broken(rows.assign(id=pd.Series(named, dtype="str")), contract)
    assert str(result) == "id: 1 of 300 rows hold text"
    assert result.samples == ()


def test_number_in_a_category_column(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks a category column read as numbers: no value is listed, the values are shown."""
    (result,) = broken(rows.assign(colour=7), contract)
    assert result.expectation.type == "expect_column_values_to_be_in_set"
    assert result.unexpected == 300
    assert result.samples == ("7",)


def test_extra_column_warns(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks a column that nobody declared: a warning that names it."""
    (result,) = broken(rows.assign(surprise=1), contract)
    assert result.expectation.severity == "warning"
    assert result.samples == ("surprise is unexpected",)


def test_dropped_column_fails_even_beside_an_extra_one(
    rows: pd.DataFrame, contract: Contract
) -> None:
    """Attacks a renamed column: critical, and both names are told."""
    (result,) = broken(rows.rename(columns={"age": "Age"}), contract)
    assert result.expectation.severity == "critical"
    assert set(result.samples) == {"age is missing", "Age is unexpected"}
    assert str(result).startswith("table: has other columns than the contract: ")


def test_dropped_target_fails(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks a table without labels."""
    (result,) = broken(rows.drop(columns="y"), contract)
    assert result.samples == ("y is missing",)


def test_label_of_one_class_fails(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks a table in which one class never occurs: the class is named."""
    (result,) = broken(rows.assign(y="no"), contract)
    assert result.expectation.type == "expect_column_distinct_values_to_contain_set"
    assert result.samples == ("yes is missing",)


@pytest.mark.parametrize(("copies", "fails"), [(1, False), (3, True)])
def test_doubled_rows(rows: pd.DataFrame, contract: Contract, copies: int, fails: bool) -> None:
    """Attacks a load that ran twice: a pair of equal rows is chance, a share of them is not."""
    found = broken(pd.concat([rows, rows.head(copies)], ignore_index=True), contract)
    assert bool(found) == fails
    if fails:
        (result,) = found
        assert result.expectation.type == "expect_compound_columns_to_be_unique"
        assert result.unexpected == 2 * copies
        assert str(result).startswith("table: 6 of 303 rows have an exact copy, such as row 1, ")


@pytest.mark.parametrize(("share", "fails"), [(0.02, False), (0.019, True), (0, True), (1, False)])
def test_the_contract_says_how_many_copies_there_may_be(
    rows: pd.DataFrame, contract: Contract, share: float, fails: bool
) -> None:
    """Attacks small tables of few columns, in which equal rows are no mistake: 6 of 300 here."""
    allowed = contract.model_copy(update={"copies": share})
    doubled = pd.concat([rows.head(297), rows.head(3)], ignore_index=True)
    assert [bool(broken(doubled, allowed)), bool(broken(rows, allowed))] == [fails, False]


def test_one_key_must_be_unique(rows: pd.DataFrame, contract_of: ContractOf) -> None:
    """Attacks a row key that two rows share: told by rows, for a key names a person."""
    contract = contract_of(id={"type": "string", "role": "key"})
    keyed = rows.assign(id=[f"r{i}" for i in range(len(rows))])
    assert not broken(keyed, contract)
    (result,) = broken(put(keyed, "id", "r1"), contract)
    assert result.expectation.type == "expect_column_values_to_be_unique"
    assert (result.unexpected, result.samples) == (2, ("row 1", "row 2"))
    assert str(result) == "id: 2 of 300 rows have the key of another row, such as row 1, row 2"


def test_equal_rows_with_keys_of_their_own_are_no_copies(
    rows: pd.DataFrame, contract_of: ContractOf
) -> None:
    """Attacks a table of few columns: its key tells people apart who are alike in all else."""
    doubled = pd.concat([rows, rows], ignore_index=True)
    assert broken(doubled, contract_of())
    keyed = doubled.assign(id=[f"r{i}" for i in range(len(doubled))])
    contract = contract_of(id={"type": "string", "role": "key"})
    assert not broken(keyed, contract)
    (result,) = broken(keyed.assign(id="r1"), contract)
    assert result.expectation.type == "expect_column_values_to_be_unique"


def test_two_keys_must_be_unique_together(rows: pd.DataFrame, contract_of: ContractOf) -> None:
    """Attacks compound keys: each may repeat, the pair may not."""
    key = {"type": "integer", "role": "key"}
    contract = contract_of(house=key, person=key)
    number = np.arange(len(rows))
    keyed = rows.assign(house=number // 2, person=number % 2)
    assert not broken(keyed, contract)
    (result,) = broken(keyed.assign(person=0), contract)
    assert result.expectation.arguments == {"column_list": ["house", "person"]}
    assert result.unexpected == 300


def test_empty_table_is_told(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks a table without rows, in which every value is as it should be."""
    results = broken(rows.head(0), contract)
    assert "expect_table_row_count_to_be_between" in {r.expectation.type for r in results}


def test_severity_of_a_column(rows: pd.DataFrame, contract_of: ContractOf) -> None:
    """Attacks severity: a column marked `warning` never stops training."""
    contract = contract_of(age={"severity": "warning"})
    (result,) = broken(put(rows, "age", 500), contract)
    assert result.expectation.severity == "warning"


def test_unlisted_category_where_the_contract_allows_it(
    rows: pd.DataFrame, contract_of: ContractOf
) -> None:
    """Attacks `unknown: other`: a new value is worth a warning, a missing one still fails."""
    contract = contract_of(colour={"unknown": "other"})
    (new,) = broken(put(rows, "colour", "pink"), contract)
    assert new.expectation.severity == "warning"
    (missing,) = broken(put(rows, "colour", None), contract)
    assert missing.expectation.severity == "critical"


def test_samples_are_few_and_short(rows: pd.DataFrame, contract: Contract) -> None:
    """Attacks the report's size: at most five samples, none of them long."""
    (result,) = broken(put(rows, "colour", *["x" * 10_000 + str(i) for i in range(50)]), contract)
    assert len(result.samples) <= data.SAMPLES
    assert all(len(sample) <= 120 for sample in result.samples)
    assert len(str(result)) < 1000


# Whole workspaces


def find(evidence: Evidence, name: str, where: str = "all") -> Measurement:
    (found,) = (m for m in evidence.measurements if (m.name, m.slice) == (name, where))
    return found


def with_raw(workspace: Workspace, frame: pd.DataFrame) -> Workspace:
    write_table(frame, workspace.raw / "rows.parquet")
    return workspace


def test_evidence_counts_failures_by_severity(
    make_workspace: Callable[..., Workspace], policy: Policy, rows: pd.DataFrame
) -> None:
    """Attacks what the policy reads: counts, shares of rows, and notes that say what broke."""
    spoiled = put(put(rows, "age", 500, 501), "colour", "pink").assign(surprise=1)
    evidence = evidence_by("data", with_raw(make_workspace(), spoiled), None, policy)
    critical = find(evidence, "failed_expectations", "severity=critical")
    warning = find(evidence, "failed_expectations", "severity=warning")
    assert (critical.value, warning.value) == (2, 1)
    assert failures(evidence, "critical") == 2
    assert critical.note is not None
    assert "age: 2 of 300 rows" in critical.note
    assert "colour: 1 of 300 rows" in critical.note
    share = find(evidence, "expect_column_values_to_be_between", "column=age")
    assert share.value == pytest.approx(2 / 300)
    assert share.samples == ("500", "501")
    assert find(evidence, "rows").value == 300


def test_evidence_is_the_same_on_every_run(
    make_workspace: Callable[..., Workspace], policy: Policy, rows: pd.DataFrame
) -> None:
    """Attacks determinism: Great Expectations runs its checks in an order of its own."""
    workspace = with_raw(make_workspace(), put(rows, "age", 500, 501))
    first, again = (evidence_by("data", workspace, None, policy) for _ in range(2))
    assert first == again
    assert failures(first, "critical") == 1


def test_official_test_rows_are_looked_at_too(
    make_workspace: Callable[..., Workspace], policy: Policy, rows: pd.DataFrame
) -> None:
    """Attacks a defect in test.parquet alone."""
    workspace = with_raw(make_workspace(), rows)
    others = rows.assign(size=np.arange(len(rows)) / 10)
    write_table(put(others, "age", 500), workspace.raw / "test.parquet")
    evidence = evidence_by("data", workspace, None, policy)
    assert find(evidence, "rows").value == 600
    assert failures(evidence, "critical") == 1


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but not really PAR1"])
def test_unreadable_file_is_told(
    make_workspace: Callable[..., Workspace], policy: Policy, content: bytes | None
) -> None:
    """Attacks a raw table that is missing, empty or damaged."""
    workspace = make_workspace()
    path = workspace.raw / "rows.parquet"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    with pytest.raises(GatehouseError, match=r"rows\.parquet"):
        evidence_by("data", workspace, None, policy)


def test_evidence_is_json_whatever_the_values(
    make_workspace: Callable[..., Workspace], policy: Policy, rows: pd.DataFrame
) -> None:
    """Attacks the file format with hostile text and infinite numbers: it reads back the same."""
    spoiled = put(put(rows, "colour", HOSTILE, "\U0001f600", "'; --"), "size", np.inf, -np.inf)
    evidence = evidence_by("data", with_raw(make_workspace(), spoiled), None, policy)
    assert Evidence.model_validate_json(evidence.model_dump_json()) == evidence
    assert failures(evidence, "critical") == 2
