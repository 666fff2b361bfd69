"""The simulated source: reproducible to the byte, alike to Adult, and steered by its knobs."""

from __future__ import annotations

import hashlib
import json
import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.contract import load_contract
from gatehouse.samples import simulate as module
from gatehouse.samples.simulate import simulate
from tests.sample import SAMPLE

CONTRACT = load_contract(SAMPLE / "contract.yaml")


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    return simulate(100_000, seed=5)


def _sha256(frame: pd.DataFrame) -> str:
    return hashlib.sha256(frame.to_csv(index=False, lineterminator="\n").encode()).hexdigest()


@pytest.mark.parametrize(
    ("knobs", "digest"),
    [
        ({}, "4432f20fd156a111ada3a0cbf7843a3899540a4d2c3e6e8557cea6c9f1f2c04b"),
        (
            {"drift": 0.25, "label_bias": 0.3, "missingness": 2.5},
            "d851a3429b3f55036cb17c2124508f053d8401e0535138234a0310089b5e2fb0",
        ),
        (
            {"drift": -1.0, "missingness": 0.0},
            "d998a59ff24c3a60af62e03d795b29a22f1fca3cdd60cf49a7f8ef3b2bdb64c9",
        ),
    ],
)
def test_rows_are_the_same_on_every_machine(knobs: dict[str, float], digest: str) -> None:
    """Attacks any dependence on platform, library version or hidden state, knobs included."""
    assert _sha256(simulate(500, seed=3, **knobs)) == digest


@given(first=st.integers(1, 300), more=st.integers(1, 300), seed=st.integers(0, 2**64 - 1))
@settings(max_examples=15, deadline=None)
def test_more_rows_begin_with_the_same_rows(first: int, more: int, seed: int) -> None:
    """Attacks draws that depend on how many rows were asked for."""
    pd.testing.assert_frame_equal(
        simulate(first + more, seed).iloc[:first], simulate(first, seed), check_exact=True
    )


def test_more_rows_begin_with_the_same_rows_across_blocks() -> None:
    """Attacks the seam between blocks: the second must not repeat or shift the first."""
    many = simulate(2**16 + 500, seed=1)
    pd.testing.assert_frame_equal(many.iloc[: 2**16], simulate(2**16, seed=1))
    head, tail = many.iloc[:500], many.iloc[2**16 :].reset_index(drop=True)
    assert not (head["fnlwgt"] == tail["fnlwgt"]).all()


def test_seeds_give_different_rows() -> None:
    """Attacks a seed that is not used."""
    assert not simulate(100, seed=0).equals(simulate(100, seed=1))


def test_rows_fit_the_contract(rows: pd.DataFrame) -> None:
    """Attacks values, types or shares of missing values that the data gate would refuse."""
    assert list(rows.columns) == list(CONTRACT.columns)
    for name, column in CONTRACT.columns.items():
        values = rows[name]
        assert values.isna().mean() <= column.missing, name
        if column.categories:
            assert values.dtype == "str"
            assert set(values.dropna()) <= set(column.categories), name
        else:
            assert values.dtype == "int64"
            assert column.range is not None
            assert values.between(*column.range).all(), name


def test_education_is_one_column_in_two_spellings(rows: pd.DataFrame) -> None:
    """Attacks the two education columns contradicting each other."""
    assert rows.groupby("education_num")["education"].nunique().max() == 1
    levels = list(CONTRACT.columns["education"].categories or ())
    assert (rows["education"] == np.array(levels)[rows["education_num"] - 1]).all()


def test_rows_have_the_known_structure_of_adult(rows: pd.DataFrame) -> None:
    """Attacks a model file whose rows no longer have Adult's published rates and dependence."""
    positive = rows["income"] == ">50K"
    rates = positive.groupby(rows["sex"]).mean()
    assert rates["Female"] == pytest.approx(0.109, abs=0.01)
    assert rates["Male"] == pytest.approx(0.306, abs=0.01)
    by_education = positive.groupby(rows["education_num"]).mean()
    assert by_education[9] < 0.2 < 0.35 < by_education[13] < by_education[14]
    assert (rows.loc[rows["relationship"] == "Husband", "sex"] == "Male").mean() > 0.99
    assert rows["age"].mean() == pytest.approx(38.6, abs=0.3)
    assert rows["hours_per_week"].mean() == pytest.approx(40.4, abs=0.3)
    assert (rows["capital_gain"] > 0).mean() == pytest.approx(0.083, abs=0.005)
    assert not ((rows["capital_gain"] > 0) & (rows["capital_loss"] > 0)).any()


def test_rows_hardly_repeat(rows: pd.DataFrame) -> None:
    """Attacks a generator that gives the same row again and again."""
    assert rows.duplicated().mean() < 0.001


@pytest.mark.parametrize("drift", [0.1, 0.5, -0.3])
def test_drift_moves_means_by_standard_deviations(rows: pd.DataFrame, drift: float) -> None:
    """Attacks a drift of the wrong size or sign, and one that moves other columns."""
    moved = simulate(len(rows), seed=5, drift=drift)
    for name in ("age", "education_num", "hours_per_week"):
        shift = (moved[name].mean() - rows[name].mean()) / rows[name].std()
        assert shift == pytest.approx(drift, rel=0.12), name  # ranges cut a little off
    for name in ("sex", "race", "marital_status", "capital_gain", "fnlwgt"):
        assert moved[name].equals(rows[name]), name
    share = (moved["workclass"] == "Self-emp-not-inc").mean()
    before = (rows["workclass"] == "Self-emp-not-inc").mean()
    assert share - before == pytest.approx(abs(drift) / 2 * (0.95 - before), rel=0.1)


def test_label_bias_turns_only_positive_labels_of_women(rows: pd.DataFrame) -> None:
    """Attacks a bias that touches men, negative labels or inputs, or has another size."""
    biased = simulate(len(rows), seed=5, label_bias=0.4, missingness=0)
    fair = simulate(len(rows), seed=5, missingness=0)
    changed = biased["income"] != fair["income"]
    assert set(fair.loc[changed, "sex"]) == {"Female"}
    assert set(fair.loc[changed, "income"]) == {">50K"}
    women = (fair["sex"] == "Female") & (fair["income"] == ">50K")
    assert changed.sum() / women.sum() == pytest.approx(0.4, abs=0.03)
    pd.testing.assert_frame_equal(biased.drop(columns="income"), fair.drop(columns="income"))


def test_missingness_is_a_multiple_of_adults(rows: pd.DataFrame) -> None:
    """Attacks a knob that loses values at another rate, or changes those that stay."""
    none, double = (simulate(len(rows), seed=5, missingness=m) for m in (0.0, 2.0))
    assert not none.isna().any().any()
    for name, share in {"workclass": 0.056, "occupation": 0.057, "native_country": 0.018}.items():
        assert rows[name].isna().mean() == pytest.approx(share, abs=0.003)
        assert double[name].isna().mean() == pytest.approx(2 * share, abs=0.006)
        kept = double[name].notna()
        assert (double.loc[kept, name] == none.loc[kept, name]).all()
    assert simulate(2_000, missingness=1e9).isna().any(axis=1).all()


def test_model_file_is_small_and_whole() -> None:
    """Attacks a model file that grew, or whose tables don't fit each other."""
    text = module.MODEL_FILE.read_text(encoding="utf-8")
    assert len(text) < 200_000
    for node in json.loads(text)["nodes"]:
        weights = np.array(node["weights"])
        assert (weights >= 0).all()
        assert (weights.sum(axis=1) == module.ONE).all(), node["name"]
        assert sorted(set(node["table"])) == list(range(len(weights))), node["name"]


def test_rows_are_not_copies_of_adult(rows: pd.DataFrame) -> None:
    """Attacks a model that hands out the rows it was fitted to more often than chance does."""
    if not os.environ.get("GATEHOUSE_ADULT_DIR"):
        pytest.skip("GATEHOUSE_ADULT_DIR names no folder with UCI Adult")
    from gatehouse.samples import adult

    train, test = adult.load(None)
    hashed = [
        pd.util.hash_pandas_object(frame.drop(columns="fnlwgt"), index=False)
        for frame in (train, test, rows)
    ]
    assert hashed[2].isin(hashed[0]).mean() <= hashed[1].isin(hashed[0]).mean()
    whole = pd.util.hash_pandas_object(train, index=False)
    assert pd.util.hash_pandas_object(rows, index=False).isin(whole).mean() < 0.0001
