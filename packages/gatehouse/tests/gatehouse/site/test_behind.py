"""Attacks the rows behind a red slice: shown unasked, of other data, too many, or as markup."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pandas as pd
import pytest

from gatehouse.evidence import Of
from gatehouse.judge_files import verdict_on
from gatehouse.prepare import prepare
from gatehouse.site.behind import SHOWN
from gatehouse.site.build import SITE, write_site
from gatehouse.table import write_table
from gatehouse.verdict import Verdict
from gatehouse.workspace import MODEL, VERDICT
from tests.gatehouse.site.html import Page
from tests.gatehouse.tiny import Finished, make_graph, measured, origin, rows

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def red(finished: Finished) -> Finished:
    """A run that fails by its accuracy, and by the gap between the groups of `sex`."""
    fail(finished)
    return finished


def fail(run: Finished) -> None:
    run.write_evidence("accuracy", measurements=(measured("roc_auc", 0.5, 0.01),))
    gaps = (measured("equalized_odds_difference", 0.6, 0.05, slice="sex"),)
    run.write_evidence("fairness", measurements=gaps)
    judged(run)


def judged(run: Finished) -> Verdict:
    verdict = verdict_on(run.workspace)
    verdict.write(run.root / VERDICT)
    return verdict


def show(run: Finished) -> None:
    file = run.root / "contract.yaml"
    file.write_text(file.read_text().replace("columns:", "show_rows: true\ncolumns:", 1))


def page(run: Finished, name: str) -> Page:
    return Page((run.root / SITE / name).read_text("utf-8"))


def tables(run: Finished) -> list[pd.DataFrame]:
    """The tables of the page, as it shows them."""
    text = (run.root / SITE / "rows.html").read_text("utf-8")
    found = []
    for table in re.findall(r"<table>.*?</table>", text, re.DOTALL):
        heads, *rows = (
            [html.unescape(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)]
            for row in re.findall(r"<tr>.*?</tr>", table)
        )
        found.append(pd.DataFrame(rows, columns=heads))
    return found


def test_no_row_is_shown_unless_the_contract_says_so(red: Finished) -> None:
    """Attacks persons' rows on a page that anyone may read."""
    pages = write_site(red.root)
    assert not (red.root / SITE / "rows.html").exists()
    assert "rows.html" not in {each.file for each in pages}
    assert not any("rows.html" in link for link in page(red, "index.html").links)


def test_ten_rows_are_one_click_away(red: Finished) -> None:
    """Attacks a red slice that leads nowhere, rows in any order, and a score that is no model's."""
    show(red)
    write_site(red.root)
    links = [each for each in page(red, "index.html").links if each.startswith("rows.html#")]
    assert set(links) == {"rows.html#rows-1", "rows.html#rows-2"}
    overall, group = tables(red)
    assert len(overall) == len(group) == SHOWN
    assert list(overall) == ["rich", "the model says", "score", "age", "job", "sex"]
    assert (overall["rich"] != overall["the model says"]).all(), "the worst ones are wrong"
    off = (overall["score"].astype(float) - (overall["rich"] == "yes")).abs()
    assert off.is_monotonic_decreasing
    assert group["sex"].nunique() == 1, "of the group that it errs in most"
    assert f"The group sex={group['sex'][0]}: " in page(red, "rows.html").text
    test = pd.read_parquet(red.workspace.prepared / "test.parquet")
    assert set(overall["age"].astype(float)) <= set(test["age"].round(2))


def test_the_rows_of_a_slice_are_its_own(finished: Finished) -> None:
    """Attacks a red slice of two columns that leads nowhere, or to other rows."""
    where = "job=cook & age in [20, 60)"
    policy = finished.root / "policy.yaml"
    floor = "measurement: roc_auc\n    at_least: 0.8"
    text = policy.read_text().replace(floor, f'{floor}\n    slice: "{where}"')
    assert where in text
    policy.write_text(text)
    accuracy = [measured("roc_auc", 0.5, 0.01, slice=where)]
    accuracy.append(measured("roc_auc", 0.0, 0.001, of=Of.COMPARISON))
    finished.write_evidence("accuracy", measurements=tuple(accuracy))
    judged(finished)
    show(finished)
    write_site(finished.root)
    (found,) = tables(finished)
    assert set(found["job"]) == {"cook"}
    assert found["age"].astype(float).between(20, 60).all()


@pytest.mark.parametrize(("column", "other"), [("age", "job"), ("job", "age")])
def test_a_column_that_may_not_be_logged_is_not_shown(
    red: Finished, column: str, other: str
) -> None:
    """Attacks a column that the contract keeps out of the log."""
    file = red.root / "contract.yaml"
    file.write_text(file.read_text().replace(f"{column}: {{", f"{column}: {{logged: false, ", 1))
    remade(red)
    show(red)
    write_site(red.root)
    assert list(tables(red)[0]) == ["rich", "the model says", "score", other, "sex"]


def remade(run: Finished) -> None:
    """The graphs again, of the contract as it is now, and the verdict on them."""
    import onnx

    onnx.save_model(make_graph(scale=0.021, **origin(run.root)), run.root / MODEL)
    fail(run)


def test_values_are_text(red: Finished) -> None:
    """Attacks the page by a category that is markup."""
    file = red.root / "contract.yaml"
    file.write_text(file.read_text().replace("[f, m]", f'["{HOSTILE}", m]'))
    table = rows(3500)
    table["sex"] = table["sex"].replace("f", HOSTILE)
    write_table(table, red.workspace.raw / "rows.parquet")
    prepare(red.workspace.contract, red.workspace.raw, red.workspace.prepared)
    remade(red)
    show(red)
    write_site(red.root)
    assert HOSTILE in set(tables(red)[0]["sex"])
    assert page(red, "rows.html").count("script") == 0


@pytest.mark.parametrize("lost", ["models/model.int8.onnx", "other data"])
def test_rows_of_other_data_or_of_no_model_are_not_shown(red: Finished, lost: str) -> None:
    """Attacks rows and scores that the verdict is not about."""
    show(red)
    if lost == "other data":
        verdict = judged(red)
        other = verdict.candidate.model_copy(update={"data": "sha256:" + "0" * 64})
        verdict.model_copy(update={"candidate": other}).write(red.root / VERDICT)
    else:
        Path(red.root / lost).unlink()
    (missing,) = [each for each in write_site(red.root) if each.file == "rows.html"]
    assert missing.missing
    assert not (red.root / SITE / "rows.html").exists()
    assert not any("rows.html" in link for link in page(red, "index.html").links)


def test_a_contract_s_digest_does_not_speak_of_it(finished: Finished) -> None:
    """Attacks a model that would have to be trained again to show its rows."""
    before = finished.workspace.contract.digest
    show(finished)
    assert finished.workspace.contract.digest == before
