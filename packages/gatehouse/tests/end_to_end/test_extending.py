"""docs/extending.md in a small fork: an object of each kind is one file, and judges a change."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from gatehouse.evidence import Evidence, Of
from gatehouse.samples.simulate import simulate
from gatehouse.verdict import Verdict
from tests.end_to_end.slim import Slim
from tests.template.recipes import do, on_the_page

pytestmark = pytest.mark.slow


def test_an_object_of_each_kind_is_one_file(
    slim_fork: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a page that nobody followed, and an object that runs and decides nothing."""
    own = Slim.copied(slim_fork, tmp_path / "fork")
    for part in on_the_page():
        do(part, own.root)
        touched = own.run("git", "status", "--porcelain").splitlines()
        assert len(touched) == 2, "the object, and the settings that name it"
        own.commit(part.partition("\n")[0])
    assert len(list(on_the_page())) == 6
    rows = simulate(6000)
    rows["capital_gain"] = rows["capital_gain"].map("{:,} USD".format)
    with contextlib.closing(sqlite3.connect(tmp_path / "crm.db")) as database:
        rows.to_sql("customers", database, index=False)
    told = own.gatehouse("run", code=2)
    assert "CRM_DATABASE: names no file" in told
    monkeypatch.setenv("CRM_DATABASE", str(tmp_path / "crm.db"))
    own.run("make", "test", "ARGS=--numprocesses=0")
    own.check()
    own.gatehouse("run", code=None)
    verdict = Verdict.read(own.root / "reports/verdict.json")
    assert verdict.errors == {}
    assert {result.rule for result in verdict.rules} >= {"missing-few", "accuracy-cost"}
    raw = pd.read_parquet(own.root / "data/raw/rows.parquet")
    assert raw["capital_gain"].dtype == "float64"
    train, test = (
        set(pd.read_parquet(own.root / f"data/prepared/{split}.parquet")["occupation"].dropna())
        for split in ("train", "test")
    )
    assert test == {"Transport-moving"}
    assert not train & test
    own.commit("The first run")
    own.run("git", "checkout", "--quiet", "-b", "change")
    own.gatehouse("set", "train.forest.trees=10")
    told = own.gatehouse("run", "--base", "main", code=None)
    assert "train: " in told
    assert "ingest: " not in told
    verdict = Verdict.read(own.root / "reports/verdict.json")
    assert verdict.errors == {}
    evidence = Evidence.read(own.root / "reports/evidence/accuracy.json")
    of = {each.of for each in evidence.measurements if each.name == "decision_cost"}
    assert of == {Of.CANDIDATE, Of.BASE, Of.COMPARISON}
