"""Tables of many shapes: what is written of each reads as it should; the pipeline takes it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pyarrow.parquet as pq
import pytest

from gatehouse.adopt.entries import category_entry
from gatehouse.adopt.profile import Kind, Profile
from gatehouse.contract import Role, Task
from gatehouse.gates.data.measure import suite, validate
from gatehouse.pipeline.ingest import ingest
from gatehouse.prepare import prepare
from gatehouse.table import read_table
from tests.gatehouse.adopt.conftest import Fork
from tests.gatehouse.adopt.shapes import SHAPES

WRITTEN_OTHERWISE = ("tabs", "bars", "cp1252", "utf-16", "byte order mark", "gzip", "parquet")
"""Shapes that differ in their files alone."""

Forks = Callable[..., Fork]


@pytest.mark.parametrize("name", SHAPES)
def test_the_pipeline_and_the_data_gate_take_what_is_written(name: str, fork: Forks) -> None:
    """Attacks a contract that its own table breaks, in any shape that there is."""
    made, shape = fork(name), SHAPES[name]
    contract, settings = made.contract, made.settings
    assert contract.task is shape.task
    assert contract.target == shape.target
    assert contract.split.identity == tuple(contract.keys or contract.inputs)
    assert settings.data.source == "file"
    assert not settings.data.file.path.is_absolute()
    with contextlib.chdir(made.root):
        ingest(settings.data, contract)
        prepare(contract)
        rows = read_table(made.root / "data/raw/rows.parquet")
    made_rows = shape.make()
    assert len(rows) == len(made_rows)
    for split in ("train", "valid", "test"):
        assert pq.read_metadata(made.root / f"data/prepared/{split}.parquet").num_rows
    if name in WRITTEN_OTHERWISE or name == "200 columns":  # Great Expectations takes its time
        for column in contract.inputs:
            assert rows[column].tolist() == made_rows[column].tolist()
        return
    _, results = validate(rows, contract)
    assert len(results) == len(suite(contract, rows))
    broken = [str(result) for result in results if not result.success]
    critical = [str(r) for r in results if not r.success and r.expectation.severity == "critical"]
    assert critical == []
    # What is open from the start does not warn at each run.
    assert len(broken) == made.policy.rules["data-warning"].limit


@pytest.mark.parametrize("name", SHAPES)
def test_nothing_of_the_sample_stays(name: str, fork: Forks) -> None:
    """Attacks leftovers: Adult's columns, its model card, its protected attribute."""
    made = fork(name)
    words = made.written.replace("simulated | adult | file", "").lower()
    for word in ("income", "census", "native_country", "attribute: sex", "dollars", "becker"):
        assert word not in words
    assert made.settings.train.torch_mlp.fairness_penalty.attribute is None
    assert "to be written" in made.card.model_details.owner.lower()
    assert str(made.file.parent) not in made.written, "no path of this machine"
    lines = made.written.split("\n")
    assert lines == [line.rstrip() for line in lines], "no hook of `make check` changes a file"


def columns(made: Fork) -> dict[str, tuple[str, str]]:
    return {n: (c.type, c.role.value) for n, c in made.contract.columns.items()}


def test_numbers_alone_make_no_rule_about_categories(fork: Forks) -> None:
    """Attacks a target of 0 and 1 that is read as a number, and a rule that nothing answers."""
    made = fork("numeric only")
    target = made.contract.columns["bought"]
    assert (target.type, target.categories, target.positive) == (
        "category", ("0", "1"), "1",
    )  # fmt: skip
    assert "drift-numbers" in made.policy.rules
    assert made.contract.columns["visits"].type == "integer"
    assert not any("fairness" in rule for rule in made.policy.rules)


def test_categories_alone_make_no_rule_about_numbers(fork: Forks) -> None:
    """Attacks an error at the first comparison: a rule that no measurement answers."""
    made = fork("categorical only")
    assert "drift-numbers" not in made.policy.rules
    assert "drift-categories" in made.policy.rules
    assert made.contract.columns["grade"].positive in ("good", "bad")


def test_free_text_is_ignored_and_told_nowhere(fork: Forks) -> None:
    """Attacks what persons wrote, in files that are committed or on a screen that is shared."""
    for name in ("free text", "quoted newlines"):
        made = fork(name)
        assert columns(made)["remarks"] == ("string", "ignored")
        assert "Anna" not in made.written + made.result.output
        assert "remarks" in made.result.output


def test_dates_are_ignored(fork: Forks) -> None:
    """Attacks dates as categories: each one that comes later would be unknown."""
    found = columns(fork("dates"))
    assert {found[name] for name in ("joined", "left", "at")} == {("string", "ignored")}


def test_booleans_are_categories_or_0_and_1(fork: Forks) -> None:
    """Attacks truths of three spellings."""
    contract = fork("booleans").contract
    assert contract.columns["member"].categories == ("False", "True")
    assert list(contract.columns["flag"].range or ()) == [0, 1]
    assert contract.classes == ("FALSE", "TRUE")


def test_an_id_is_the_key_and_a_row_number_is_not_used(fork: Forks) -> None:
    """Attacks a model that learns rows by heart, and keys in files that are committed."""
    made = fork("ids")
    assert columns(made)["customer_id"] == ("string", "key")
    assert "line" not in columns(made), "row numbers would make every row another one"
    assert "K-0" not in made.written + made.result.output
    assert "'customer_id'" in made.result.output, "what was taken is told"
    other = fork("ids", "--key", "line")
    assert other.contract.keys == ["line"]
    assert columns(other)["customer_id"] == ("string", "ignored")


def test_constants_and_empty_columns_are_ignored(fork: Forks) -> None:
    """Attacks columns that say nothing, and whose first new value would break the contract."""
    found = columns(fork("constants"))
    for name in ("country", "year", "nothing", "tax"):
        assert found[name] == ("string", "ignored")


def test_two_hundred_columns_are_features(fork: Forks) -> None:
    """Attacks a screen of two hundred lines."""
    made = fork("200 columns")
    assert len(made.contract.inputs) == 200
    assert made.result.output.count("\n") < 40
    assert "and 200 more" in made.result.output


def test_few_rows_warn_where_an_interval_is_wide(fork: Forks) -> None:
    """Attacks a first verdict that blocks because a hundred test rows can't tell."""
    made = fork("500 rows")
    rules = made.policy.rules
    for name in ("accuracy-auc-floor", "accuracy-floor", "latency-agreement", "latency-quality"):
        assert rules[name].inconclusive == "warn"
        assert rules[name].minimum_n <= 50
    assert 0.5 <= rules["accuracy-auc-floor"].limit < 0.9
    assert "500 rows are few" in made.result.output
    assert made.settings.train.torch_mlp.batch <= 64


def test_missing_values_have_slack_and_none_means_none(fork: Forks) -> None:
    """Attacks a limit at the very share that was seen."""
    contract = fork("missing values").contract
    assert 1 / 29 + 0.01 < contract.columns["age"].missing < 0.1
    assert contract.columns["city"].categories == ("Aachen", "Bonn", "Celle"), "NA is missing"
    assert contract.columns["visits"].type == "integer"
    assert contract.columns["bought"].missing == 0


def test_ranges_have_slack_and_show_no_exact_extreme(fork: Forks) -> None:
    """Attacks the oldest person's exact age in a file that is public."""
    made = fork("500 rows")
    ages = SHAPES["500 rows"].make()["age"]
    low, high = made.contract.columns["age"].range or (0, 0)
    assert low < ages.min() - 1
    assert high > ages.max() + 1
    assert float(low).is_integer()
    assert (made.contract.columns["visits"].range or (1,))[0] == 0, "counts stay above zero"


def test_imbalance_is_told_and_blocks_nothing_by_chance(fork: Forks) -> None:
    """Attacks a floor that two positive test rows decide."""
    made = fork("imbalanced")
    assert "imbalanced" in made.result.output
    assert made.contract.classes == ("no", "yes")
    assert made.policy.rules["accuracy-auc-floor"].inconclusive == "pass"
    assert made.policy.rules["latency-quality"].inconclusive == "pass"


def test_a_column_that_is_the_target_is_left_out(fork: Forks) -> None:
    """Attacks a leak (not a line, but two numbers for two classes), and floors measured with it."""
    made = fork("leaking")
    told = "'refund' predicts the target by itself (ROC AUC 1.000)"
    assert told in made.result.stderr
    assert "measured without it" in made.result.stderr
    assert made.contract.columns["refund"].role is Role.IGNORED
    assert "refund" not in made.contract.inputs
    assert made.policy.rules["accuracy-auc-floor"].limit < 0.95
    assert made.policy.rules["accuracy-too-good"].limit == 0.99
    # Whatever it holds later stops nothing.
    assert columns(made)["refund"] == ("string", "ignored")
    assert made.contract.columns["refund"].missing == 1
    text = (made.root / "contract.yaml").read_text()
    assert "Then --keep refund" in " ".join(text.split())
    kept = fork("leaking", "--keep", "refund")
    assert columns(kept)["refund"] == ("number", "feature")
    assert "predicts the target" not in kept.result.output
    assert kept.policy.rules["accuracy-auc-floor"].limit > 0.95
    assert "accuracy-too-good" not in kept.policy.rules
    assert "predicts the target" not in fork("500 rows").result.output
    assert "accuracy-too-good" in fork("500 rows").policy.rules


def test_names_of_any_kind_are_kept(fork: Forks) -> None:
    """Attacks YAML, ONNX and Great Expectations by brackets, quotes, dots and other scripts."""
    names = list(fork("odd names").contract.columns)
    assert names == ["Größe in cm", "a.b[0] \"x\" & = 'y'", "都市 (city), name", "gekauft?"]


def test_many_values_are_open_and_codes_keep_their_zeros(fork: Forks) -> None:
    """Attacks a list of places that each one row has, and postcodes read as numbers."""
    made = fork("many values")
    place = made.contract.columns["place"]
    assert place.unknown == "other"
    seen = SHAPES["many values"].make()["place"].value_counts()
    assert set(place.categories or ()) <= set(seen[seen > 1].index)
    assert made.contract.columns["zip"].type == "category"
    assert made.policy.rules["data-warning"].limit == 1


@pytest.mark.parametrize(("rows", "found"), [(9_999, "other"), (10_000, None)])
def test_lists_of_small_tables_are_open(rows: int, found: str | None) -> None:
    """Attacks a rare value that a small table happens not to hold, and that new rows bring."""
    counts = {"a": rows - 400, "b": 200, "c": 200}
    profile = Profile("kind", Kind.CATEGORY, rows, counts=counts)
    assert category_entry(profile).get("unknown") == found
    two = Profile("kind", Kind.CATEGORY, rows, counts={"a": rows - 400, "b": 400})
    assert "unknown" not in category_entry(two)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("semicolons", {"separator": ";", "encoding": "utf-8", "decimal": ","}),
        ("tabs", {"separator": "\t", "encoding": "utf-8", "decimal": "."}),
        ("bars", {"separator": "|", "encoding": "utf-8", "decimal": "."}),
        ("cp1252", {"separator": ",", "encoding": "cp1252", "decimal": "."}),
        ("utf-16", {"separator": ",", "encoding": "utf-16", "decimal": "."}),
        ("byte order mark", {"separator": ",", "encoding": "utf-8", "decimal": "."}),
        ("gzip", {"separator": ",", "encoding": "utf-8", "decimal": "."}),
        ("parquet", {"separator": ",", "encoding": "utf-8", "decimal": "."}),
    ],
)
def test_a_file_is_read_as_it_is_written(name: str, settings: dict[str, Any], fork: Forks) -> None:
    """Attacks guesses of separator, encoding and decimal mark, by values that they would spoil."""
    made = fork(name)
    assert made.settings.data.file.model_dump(include=set(settings)) == settings
    city = made.contract.columns["city"].categories or ()
    assert set(city) in ({"Köln", "Gießen", "Celle"}, {"Aachen", "Bonn", "Celle"})
    assert made.contract.columns["age"].type == "number"
    path = made.settings.data.file.path.as_posix()
    assert path == f"data/own/my-table{SHAPES[name].ending}"
    assert (made.root / path).read_bytes() == made.file.read_bytes()


def test_each_task_has_rules_of_its_own(fork: Forks) -> None:
    """Attacks rules of two classes for a number, and floors that no baseline gave."""
    multi = fork("multiclass", "--protected", "city")
    assert multi.contract.classes == ("low", "mid", "top")
    measured = {rule.measurement for rule in multi.policy.rules.values()}
    assert {"balanced_accuracy", "recall", "decision_agreement", "equalized_odds_difference",
            "demographic_parity_difference"} <= measured  # fmt: skip
    number = fork("regression", "--protected", "city")
    assert number.contract.task is Task.REGRESSION
    measured = {rule.measurement for rule in number.policy.rules.values()}
    assert {"r2", "mean_absolute_error", "prediction_difference", "r2_difference",
            "group_loss_difference", "mean_error_difference"} <= measured  # fmt: skip
    assert not measured & {"roc_auc", "accuracy", "decision_agreement"}
    assert 0.5 < number.policy.rules["accuracy-r2-floor"].limit < 1
    assert number.contract.columns["city"].role is Role.PROTECTED
    assert number.settings.train.torch_mlp.fairness_penalty.attribute == "city"
