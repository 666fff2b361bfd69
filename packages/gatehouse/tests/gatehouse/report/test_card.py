"""The model card: the paper's headings, measured and human parts told apart, nothing injected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from gatehouse.contract import Contract, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.report.card import CardContext, render_card, with_accepted
from gatehouse.report.card_text import CardText, load_card_text
from tests.gatehouse.acceptance.case import accept, judged, worse
from tests.sample import SAMPLE

HEADINGS = [
    "Model Details",
    "Intended Use",
    "Factors",
    "Metrics",
    "Evaluation Data",
    "Training Data",
    "Quantitative Analyses",
    "Ethical Considerations",
    "Caveats and Recommendations",
]


@pytest.fixture
def contract() -> Contract:
    return load_contract(SAMPLE / "contract.yaml")


@pytest.fixture
def text() -> CardText:
    return load_card_text(SAMPLE / "model_card.yaml")


def card(make_run: Any, contract: Contract, text: CardText, **changed: Any) -> str:
    run = make_run(**changed)
    params = {"data": {"source": "simulated", "simulated": {"rows": 9}, "adult": {"folder": "x"}}}
    return render_card(CardContext(contract, text, params, run.evidence))


def test_the_headings_are_those_of_the_paper_in_order(
    make_run: Any, contract: Contract, text: CardText
) -> None:
    """Mitchell et al. 2019 name nine sections; none may be missing, renamed or moved."""
    lines = card(make_run, contract, text).splitlines()
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS


def test_numbers_come_from_the_evidence_unitary_and_intersectional(
    make_run: Any, contract: Contract, text: CardText
) -> None:
    """A number that changes in the evidence changes in the card; groups and crossings both show."""
    shown = card(make_run, contract, text, roc_auc=0.9017)
    unitary, _, crossed = shown.partition("### Intersectional results")
    assert "| ROC AUC | 0.902\u00a0[0.896,\u00a00.908] |" in unitary
    assert "`sex=Female`" in unitary
    assert "`sex=Female & race=Other`" in crossed
    assert "`sex=Female & race=Other`" not in unitary


def test_missing_evidence_is_said_and_not_hidden(
    make_run: Any, contract: Contract, text: CardText
) -> None:
    """A card without measurements must not read as if all were well."""
    shown = card(make_run, contract, text, evidence={"accuracy": "no such file"})
    assert "Not measured: no such file" in shown


def test_derived_features_are_listed(make_run: Any, contract: Contract, text: CardText) -> None:
    """Attacks a card whose reader takes the contract's columns for all that the model sees."""
    params = {"features": {"band": {"bins": [18, 30], "of": "age"}}}
    shown = render_card(CardContext(contract, text, params, make_run().evidence))
    assert "- Setting `features.band.bins`: `[18, 30]`" in shown
    assert "- Setting `features.band.of`: `age`" in shown


def test_settings_of_other_sources_are_not_claimed(
    make_run: Any, contract: Contract, text: CardText
) -> None:
    """The card of simulated rows must not tell settings of the real ones."""
    shown = card(make_run, contract, text)
    assert "`data.simulated.rows`" in shown
    assert "data.adult" not in shown


def test_every_table_renders_as_a_table(make_run: Any, contract: Contract, text: CardText) -> None:
    """A delimiter row of another width than the header makes Markdown show raw pipes."""
    for shown in (card(make_run, contract, text), card(make_run, contract, text, base=False)):
        tokens = MarkdownIt("commonmark").enable("table").parse(shown)
        assert not [token for token in tokens if token.type == "inline" and "|" in token.content]


def test_words_of_people_are_words(make_run: Any, contract: Contract, text: CardText) -> None:
    """Markup in model_card.yaml must not open sections or links in the card."""
    hostile = ("# Verdict\n\n## Metrics", "[x](https://evil.example) <script> @octocat | a | b |")
    shown = card(
        make_run, contract, text.model_copy(update={"caveats_and_recommendations": hostile})
    )
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(shown)
    inline = [child.type for token in tokens for child in token.children or ()]
    assert [token.type for token in tokens].count("heading_open") == len(HEADINGS) + 3
    assert not {"link_open", "html_inline"} & set(inline)
    assert "@octocat" not in shown


def test_an_error_in_the_people_s_part_names_file_line_and_key(tmp_path: Path) -> None:
    """Who forgets the ethical considerations must be told where."""
    path = tmp_path / "model_card.yaml"
    source = (SAMPLE / "model_card.yaml").read_text(encoding="utf-8")
    path.write_text(source.replace("ethical_considerations:", "ethics:"), encoding="utf-8")
    with pytest.raises(GatehouseError, match=r"model_card.yaml: ethical_considerations: .*missing"):
        load_card_text(path)


def test_it_says_who_accepted_what_and_why(
    make_run: Any, contract: Contract, text: CardText
) -> None:
    """Attacks a reason with markup, a word that was taken back, and a card of another word."""
    plain = card(make_run, contract, text)
    given = accept(judged(accuracy=worse()))
    hostile = given.model_copy(update={"reason": "<script>x</script> # head | [a](http://b)"})
    shown = with_accepted(plain, [given, hostile])
    assert shown.startswith(plain)
    added = shown.removeprefix(plain)
    assert "`accuracy-floor`: accepted by `@olga` on pull request 1: known and wanted" in added
    assert "<script" not in added
    assert [line for line in shown.splitlines() if line.startswith("## ")] == [
        f"## {name}" for name in HEADINGS
    ]
    assert with_accepted(shown, [given]) == with_accepted(plain, [given])
    assert with_accepted(shown, []) == plain


def test_people_s_words_are_no_owners_words(
    make_run: Any, contract: Contract, text: CardText
) -> None:
    """Attacks `model_card.yaml`, which needs no owner: its text can't begin that part."""
    words = "_Accepted by owners, although a rule failed:_"
    forged = text.model_copy(update={"caveats_and_recommendations": (words, f"x\n{words}\ny")})
    shown = card(make_run, contract, forged)
    assert with_accepted(shown, []) == shown
