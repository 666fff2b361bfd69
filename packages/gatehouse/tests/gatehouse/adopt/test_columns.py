"""The role of each column: what the model learns from, and what it never sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adopt import baseline
from gatehouse.adopt.columns import plan_columns
from gatehouse.adopt.profile import Kind
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.target import find_target
from gatehouse.adopt.texts import contract_text
from gatehouse.contract import Role, load_contract, parse_contract
from gatehouse.errors import GatehouseError
from tests.gatehouse.adopt.conftest import run_init
from tests.gatehouse.adopt.shapes import plain
from tests.gatehouse.adopt.tables import bought, seen, written


def test_columns_that_no_contract_can_name_are_left_out(root: Path, tmp_path: Path) -> None:
    """Attacks pandas' nameless index, lists, and a column that is called like the output."""
    frame = plain(120).rename(columns={"visits": "probabilities"})
    frame.to_csv(tmp_path / "index.csv")
    assert (
        run_init(root, str(tmp_path / "index.csv"), "--target", "bought", "--force").exit_code == 0
    )
    contract = load_contract(root / "contract.yaml")
    assert "" not in contract.columns
    assert contract.columns["probabilities"].role is Role.IGNORED
    table = pa.Table.from_pandas(plain(120)).append_column("tags", pa.array([["a"]] * 120))
    pq.write_table(table, tmp_path / "lists.parquet")
    result = run_init(root, str(tmp_path / "lists.parquet"), "--target", "bought", "--force")
    assert result.exit_code == 0
    assert "lists, bytes or intervals: left out" in result.output
    assert "tags" not in load_contract(root / "contract.yaml").columns


def test_numbers_with_a_little_text_are_ignored_and_told(root: Path, tmp_path: Path) -> None:
    """Attacks a unit or a word among numbers: the pipeline can't read it as one."""
    frame = plain(200).astype({"age": object, "visits": float})
    frame.loc[::60, "age"] = "40 or so"
    frame.loc[3, "visits"] = 1e300
    result = run_init(
        root, written(tmp_path, frame.to_csv(index=False)), "--target", "bought", "--force"
    )
    contract = load_contract(root / "contract.yaml")
    assert contract.columns["age"].role is Role.IGNORED
    assert "4 rows hold other text" in result.output
    assert contract.columns["visits"].severity == "warning"


@pytest.mark.parametrize("form", ["{:,.2f}", "${:.2f}", "{:.1f} €", "{:.1f}%"])
def test_numbers_written_for_people_are_told_as_such(form: str, tmp_path: Path) -> None:
    """Attacks a price that is taken for free text, with a note that leads astray."""
    frame = plain(200)
    prices = frame["age"] * 1000 + np.arange(200)
    found = seen(tmp_path, frame.assign(price=prices.map(form.format)))
    assert found.profiles["price"].kind is Kind.WRITTEN
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    (price,) = [column for column in plan.columns if column.name == "price"]
    assert price.role is Role.IGNORED
    assert "write plain numbers" in price.note


def test_numbers_that_float32_cannot_tell_apart_are_no_feature(tmp_path: Path) -> None:
    """Attacks a column that is one number to the graph, and looks like a feature."""
    frame = plain(200)
    steps = np.random.default_rng(0).integers(0, 50, 200)
    frame = frame.assign(account=10**17 + steps, far=2**24 + steps * 1000)
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    columns = {column.name: column for column in plan.columns}
    assert columns["account"].role is Role.IGNORED
    assert columns["far"].role is Role.FEATURE
    assert "holds only every 2nd of these numbers" in columns["far"].note


def test_categories_that_differ_by_spaces_are_told(tmp_path: Path) -> None:
    """Attacks categories that look alike on the screen and are two to the model."""
    frame = plain(200)
    frame["city"] = np.where(np.arange(200) % 2, frame["city"], " " + frame["city"])
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    (city,) = [column for column in plan.columns if column.name == "city"]
    assert city.warning
    assert "differ by blanks alone" in city.note


def test_names_of_rows_that_are_numbers_are_not_learned(tmp_path: Path) -> None:
    """Attacks R's row names: a person's number, which a tree cuts into pieces."""
    names = [7 * i + 1000 for i in range(120)]
    found = seen(tmp_path, plain(120).assign(rownames=names, PassengerId=range(1, 121)))
    assert {found.profiles[n].kind for n in ("rownames", "PassengerId")} == {Kind.ID}
    target = find_target(found, "bought", None, None, Questions(interactive=False))
    plan = plan_columns(found, target, (), None, Questions(interactive=False))
    assert [c.name for c in plan.of(Role.KEY)] == ["rownames"]
    assert [c.name for c in plan.of(Role.IGNORED)] == ["PassengerId"]


def test_columns_to_keep_are_features_where_they_can_be(tmp_path: Path) -> None:
    """Attacks features that look like something else, and whose owner has no way to say so."""
    n = np.arange(200)
    frame = plain(200).assign(
        score_id=n * 7 % 211, sample_no=n + 5, patient_id=n // 2 % 90, index=n, country="DE",
        said=[f"a text of {i} and some more words" for i in n % 25], sex=["f", "m"] * 100,
        badge=[f"B-{i:03d}" for i in n], day=pd.date_range("2020-01-01", periods=200).astype(str),
    )  # fmt: skip
    found, silent = seen(tmp_path, frame), Questions(interactive=False)
    kept = ("score_id", "sample_no", "patient_id", "index", "said", "sex", "age")
    plan = plan_columns(found, bought(found), (), None, silent, kept=kept)
    contract = parse_contract(contract_text(plan, "shop", 0), "contract.yaml")
    assert set(kept) < set(contract.inputs)
    types = {name: contract.columns[name].type for name in kept[:5]}
    assert types == dict.fromkeys(kept[:4], "integer") | {"said": "category"}
    data = baseline.learning(found, contract, ".")
    assert not data.features[[*kept]].isna().any(axis=None)
    for name, why in (("badge", "a different value in"), ("day", "dates"), ("country", "the same")):
        with pytest.raises(GatehouseError, match=f"--keep: '{name}' can't be a feature .{why}"):
            plan_columns(found, bought(found), (), None, silent, kept=[*kept, name])


def test_a_column_to_ignore_is_neither_learned_nor_asked_about(tmp_path: Path) -> None:
    """Attacks a column that its owner does not want used, and questions about it."""
    frame = plain(120).assign(
        sex=["f", "m"] * 60, customer_id=[f"{i * 7:04d}x" for i in range(120)]
    )
    found = seen(tmp_path, frame)
    ignored = ("sex", "customer_id", "age")
    plan = plan_columns(
        found, bought(found), (), None, Questions(interactive=True), ignored=ignored
    )
    assert {c.name for c in plan.of(Role.IGNORED)} == set(ignored)
    assert [c.name for c in plan.of(Role.FEATURE)] == ["visits", "city"]
    assert "(named by --ignore)" in contract_text(plan, "customers", 0)


def test_a_weight_of_rows_is_asked_about_and_is_no_feature(root: Path, tmp_path: Path) -> None:
    """Attacks a survey's weight that the model learns from, which nobody has where it predicts."""
    frame = plain(300).assign(weight=np.linspace(0.2, 3, 300), weight_kg=np.linspace(40, 90, 300))
    path = written(tmp_path, frame.to_csv(index=False))
    wanted = ("--target", "bought", "--yes", "--force")
    output = run_init(root, path, *wanted).output
    assert output.count("how much a row counts? Then: --weight weight") == 1
    assert "weight" in load_contract(root / "contract.yaml").inputs
    assert run_init(root, path, *wanted, "--weight", "weight").exit_code == 0
    contract = load_contract(root / "contract.yaml")
    assert (contract.weight, "weight" in contract.inputs) == ("weight", False)
    assert contract.columns["weight"].range is not None
    assert "weight_kg" in contract.inputs


def test_running_numbers_are_no_features_and_ages_and_years_are(tmp_path: Path) -> None:
    """Attacks laps, a raster's x, a spectrum and calendars that are taken for running numbers; a
    code for none that makes a batch's range as wide as the table.
    """
    n = np.arange(600)
    ages = np.sort(np.random.default_rng(0).integers(18, 95, 600))
    some = np.where(np.isin(n % 10, [0, 1, 4, 6, 8]), n % 50, np.nan)
    frame = plain(600).assign(**{
        "Sample Number": n + 7 - n // 100, "measured": n + 1 - n // 100, "row_no": n // 2 + n % 2,
        "sorted": ages, "dense": n // 2, "year": 1949 + n // 12, "panel": 1950 + n % 50,
        "hour": n % 24, "Week Number": n % 52 + 1, "month": n % 12 + 1, "day_of_year": n % 365,
        "x": n % 40, "lap_number": n % 50 + 1, "visit_no": np.where(n == 599, 9999, n % 24),
        "wavelength": 400 + n + n // 50, "Year": 1400 + n, "some_no": some,
    })  # fmt: skip
    found = seen(tmp_path, frame)
    counters = [name for name, p in found.profiles.items() if p.kind is Kind.COUNTER]
    assert counters == ["Sample Number", "measured"]
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    left_out = [c for c in plan.columns if c.role is None]
    assert [c.name for c in left_out] == counters
    assert all("row numbers: left out" in c.note and c.warning for c in left_out)
    assert not plan.of(Role.IGNORED)
    noted = {c.name for c in plan.of(Role.FEATURE) if "a running number? Then" in c.note}
    assert noted == {"lap_number", "visit_no", "wavelength", "Year"}


def test_many_sentences_are_free_text_and_a_form_s_answers_are_not(tmp_path: Path) -> None:
    """Attacks what somebody wrote of a person, listed in a contract that is public; answers of a
    form that are lost since they are long.
    """
    n = np.arange(240)
    answers = {
        "credit_history": [
            "existing credits paid back duly till now", "no credits taken, or all paid back duly",
            "critical account, or other credits existing elsewhere", "delay in paying off",
        ],
        "degree": [
            "Bachelor's degree (B.A., B.S., B.Eng., etc.)", "Some study without a degree", "Other",
        ],
        "often": ["Less than once a month.", "Once a month or so.", "Each week."],
        "carrier": ["Delta Air Lines Inc.", "Alaska Airlines Inc.", "SkyWest Airlines Inc."],
        "asked": ["Yes, definitely.", "No."],
        "long": ["a form's answer of many words, " * 4, "another one", "and a third"],
    }  # fmt: skip
    frame = plain(240).assign(
        comments=[f"Came {i} minutes late again and was loud." for i in n % 30],
        **{name: np.array(texts)[n % len(texts)] for name, texts in answers.items()},
    )
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    assert [c.name for c in plan.of(Role.IGNORED)] == ["comments"]
    noted = {c.name: c.note for c in plan.columns if c.warning and c.role is Role.FEATURE}
    assert set(noted) == {"credit_history", "long"}
    assert noted["long"] == "sentences, listed in contract.yaml? Then --ignore long"


def test_ids_that_repeat_are_told_as_what_they_are(root: Path, tmp_path: Path) -> None:
    """Attacks persons in train and test, of whom the model is then tested on what it learned;
    flights and shops that are lost as if they were persons.
    """
    person = np.random.default_rng(0).integers(0, 100, 300)
    frame = plain(300).assign(**{
        "patient_id": np.char.add("P-", (person + 1000).astype(str)), "customer no": person * 7,
        "glycemic_index": person, "shop_id": person % 70, "place": [f"p{n}" for n in person],
        "flight_no": [f"LH{n % 70}" for n in person], "order_id": 1000 + np.arange(300) // 2 * 3,
    })  # fmt: skip
    result = run_init(
        root, written(tmp_path, frame.to_csv(index=False)), "--target", "bought", "--force"
    )
    assert result.exit_code == 0, result.output
    for name in ("patient_id", "customer no"):
        assert f"warning: '{name}' is in several rows: rows of the same {name}" in result.output
    assert result.output.count("(group leakage)") == 2
    assert result.output.count("ignored: an id that is in several rows") == 3
    contract = load_contract(root / "contract.yaml")
    assert set(contract.inputs) == {
        "age", "visits", "city", "glycemic_index", "shop_id", "place", "flight_no",
    }  # fmt: skip
    assert "P-1" not in (root / "contract.yaml").read_text()
