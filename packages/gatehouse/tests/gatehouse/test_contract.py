"""The contract: what may stand in it, and what people get wrong."""

from __future__ import annotations

import pytest

from gatehouse.contract import parse_contract
from gatehouse.errors import GatehouseError
from tests.gatehouse.tiny import CONTRACT

AGE = "age: {type: number, range: [0, 120], missing: 0.5, description: Years}"
JOB = "job: {type: category, categories: [nurse, cook], missing: 0.5, description: Work}"
SEX = "sex: {type: category, role: protected, categories: [f, m], description: Sex}"
SPLIT = "split: {hash: 1, identity: [age, job], valid: 0.16, test: 0.2}\n"
LABELS = 'categories: ["no", "yes"]'


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (AGE, "age: {type: nubmer, description: Years}", r"contract\.yaml:6: .*type: .*'nubmer'"),
        (AGE, "age: {type: number, range: [9, 1], description: Years}", "swap the two"),
        (AGE, "age: {type: number, range: [1], description: Years}", r"columns\.age\.range"),
        (AGE, "age: {type: number, range: [0, .inf], description: Years}", r"columns\.age\.range"),
        (AGE, "age: {type: string, range: [0, 1], description: Years}", "use categories"),
        (AGE, "age: {type: string, description: Years}", "free text can't be an input"),
        (AGE, "age: {type: integer, range: [0, 16777217], description: Years}", "lose digits"),
        (AGE, "age: {type: number}", r"contract\.yaml:6: columns\.age\.description: .*missing"),
        (AGE, "age: {type: number, missing: 2, description: Years}", r"columns\.age\.missing"),
        (AGE, "age: {type: number, role: weight, model_input: true, description: W}", "only a fea"),
        (AGE, "age: 5", r"columns\.age"),
        (AGE, "age: {type: number, role: weight, description: W}", "'age' has role: weight, and"),
        (JOB, "job: {type: category, description: Work}", "lists its categories"),
        (JOB, "job: {type: category, categories: [a, a], description: Work}", "value twice"),
        (JOB, 'job: {type: category, categories: [a, ""], description: Work}', "means missing"),
        (JOB, "job: {type: category, categories: [1, 2], description: Work}", "put it in quotes"),
        (JOB, "job: {type: category, categories: [true], description: Work}", "put it in quotes"),
        (SEX, "sex: {type: number, role: protected, description: Sex}", "bin a numeric one"),
        (LABELS, 'categories: ["no", "yes", "maybe"]', "exactly two categories"),
        ('positive: "yes"', 'positive: "si"', "positive must be one of"),
        ('    positive: "yes"\n', "", "names its positive category"),
        ("role: target", "role: target\n    missing: 0.1", "may not be missing"),
        ("role: target", "role: tarqet", r"columns\.rich\.role"),
        ("  rich:", "  job:", "duplicate key"),
        ("version: 1", "version: 3", r"contract\.yaml:1: version"),
        ("name: tiny", "name: ''", r"contract\.yaml:2: name"),
        ("name: tiny", "name: tiny\ncopies: 2", r"contract\.yaml:3: copies"),
        (SPLIT, f"{SPLIT}retention: {{column: sen, days: 9}}\n", "no column 'sen'; name one"),
        (SPLIT, f"{SPLIT}retention: {{column: job, days: 9}}\n", "'job' has type: category; name"),
        (SPLIT, f"{SPLIT}retention: {{column: job, days: 0}}\n", r"retention\.days"),
        (SPLIT, f"{SPLIT}retention: {{column: job, days: 9w}}\n", r"retention\.days"),
        (SPLIT, "", "split: this key is missing; add it"),
        ("hash: 1", "hash: 2", r"contract\.yaml:4: split\.hash: .*should be 1"),
        ("hash: 1, ", "", r"contract\.yaml:4: split: by: hash needs the key 'hash'; add it"),
        ("[age, job]", "[]", r"contract\.yaml:4: split\.identity: .*at least 1"),
        ("[age, job]", "[age, age]", r"contract\.yaml:4: split: identity names 'age' twice; take"),
        (
            "[age, job]",
            "[age, jobs]",
            r"contract\.yaml:4: split: .*no column 'jobs'; bring it back",
        ),
        ("[age, job]", "[age, rich]", "'rich' has role: target, .*; take it out"),
        ("valid: 0.16", "valid: 0", r"contract\.yaml:4: split\.valid"),
        ("test: 0.2", "test: 1", r"contract\.yaml:4: split\.test"),
        ("test: 0.2", "test: .nan", r"contract\.yaml:4: split\.test"),
        ("test: 0.2", "test: 0.84", r"contract\.yaml:4: split: .*no rows to train on; lower one"),
    ],
)
def test_a_wrong_contract_names_place_and_fix(old: str, new: str, expected: str) -> None:
    """Attacks the mistakes that a fork's author makes in the first hour."""
    assert old in CONTRACT
    with pytest.raises(GatehouseError, match=expected):
        parse_contract(CONTRACT.replace(old, new, 1), "contract.yaml")


def test_a_contract_needs_one_target_and_an_input() -> None:
    """Attacks tables that nothing can be learned from."""
    target = CONTRACT.partition("  rich:")[2]
    for text, expected in (
        (CONTRACT.replace("  rich:" + target, ""), "no column has role: target"),
        (CONTRACT + "  poor:" + target, "only one column may have it"),
        (
            CONTRACT.replace(AGE + "\n  ", "").replace(JOB + "\n  ", "").replace("age, job", "sex"),
            "no column is a model input",
        ),
    ):
        with pytest.raises(GatehouseError, match=expected):
            parse_contract(text, "contract.yaml")


def test_roles_decide_what_the_model_is_fed() -> None:
    """Attacks protected attributes, labels and ignored columns that leak into the model."""
    contract = parse_contract(CONTRACT, "contract.yaml")
    assert list(contract.inputs) == ["age", "job"]
    assert contract.protected == ["sex"]
    assert contract.classes == ("no", "yes")
    fed = CONTRACT.replace("role: protected", "role: protected, model_input: true")
    assert "sex" in parse_contract(fed, "contract.yaml").inputs


def test_the_digest_is_of_content_alone() -> None:
    """Attacks evidence made stale by a comment, and evidence that outlives a changed limit."""
    digest = parse_contract(CONTRACT, "a").digest
    laid_out = "# hello\n" + CONTRACT.replace("[0, 120]", "[0,   120.0]")
    assert parse_contract(laid_out, "b").digest == digest
    assert parse_contract(CONTRACT.replace("[0, 120]", "[0, 121]"), "c").digest != digest
    for told, same in (("true", True), ("false", False)):
        text = CONTRACT.replace("age: {", f"age: {{logged: {told}, ")
        assert (parse_contract(text, "d").digest == digest) == same


def test_a_key_that_a_later_version_adds_changes_no_digest() -> None:
    """Attacks models that an update of Gatehouse would make those of another contract."""
    known = "sha256:6a0bd0211982c29e461f4162074b18d7f186b5c9dabdef2da3c96808c7d93a6e"
    assert parse_contract(CONTRACT, "a").digest == known
    assert parse_contract("copies: 0.01\n" + CONTRACT, "b").digest == known, "the default"
    assert parse_contract("copies: 0.02\n" + CONTRACT, "c").digest != known
