"""The published JSON Schemas: up to date, true of real files, and refusing of hostile ones."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from gatehouse.evidence import Evidence, Interval, Measurement, Subject
from gatehouse.judge import Case, judge
from gatehouse.policy import load_policy
from gatehouse.schemas import published, schema
from gatehouse.typed import parse_yaml
from tests.sample import SAMPLE

NAMES = sorted(published())
CONFIGURATION = {
    "policy": "policy.yaml",
    "contract": "contract.yaml",
    "params": "params.yaml",
    "model_card": "model_card.yaml",
}


def valid(name: str, document: Any) -> bool:
    validator = Draft202012Validator(schema(name), format_checker=FormatChecker())
    return bool(validator.is_valid(json.loads(json.dumps(document))))


@pytest.fixture
def evidence() -> dict[str, Any]:
    return Evidence(
        gate="accuracy",
        candidate=Subject(model="sha256:" + "a" * 64),
        settings={"confidence": 0.95},
        tools={"numpy": "2.4.0"},
        measurements=(
            Measurement(
                name="roc_auc", value=0.9, unit="1", n=10, method="by hand", p_value=0.5,
                interval=Interval(low=0.8, high=0.95, confidence=0.95),
            ),
        ),
    ).model_dump(mode="json")  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema_with_a_name(name: str) -> None:
    """Editors need a valid draft 2020-12 schema with $id, title and description."""
    found = schema(name)
    Draft202012Validator.check_schema(found)
    assert found["$id"].startswith(f"urn:gatehouse:schema:{name}")
    assert found["title"]
    assert found["description"]
    assert found["additionalProperties"] is False


@pytest.mark.parametrize(("name", "file"), CONFIGURATION.items())
def test_the_sample_s_files_are_valid(name: str, file: str) -> None:
    """What we ship must fit what we publish."""
    document = json.loads(
        json.dumps(parse_yaml((SAMPLE / file).read_text("utf-8"), file), default=str)
    )
    errors = [e.message for e in Draft202012Validator(schema(name)).iter_errors(document)]
    assert not errors


def test_evidence_and_verdict_as_written_are_valid(evidence: dict[str, Any]) -> None:
    """What Gatehouse writes must fit its own schemas."""
    assert valid("evidence", evidence)
    policy = load_policy(SAMPLE / "policy.yaml")
    case = Case(
        evidence={"accuracy": Evidence.model_validate(evidence)},
        candidate=Subject(), base=None, today=date(2026, 11, 21),
    )  # fmt: skip
    assert valid("verdict", judge(case, policy, "policy.yaml").model_dump(mode="json"))


@pytest.mark.parametrize(
    "forged",
    [
        {"version": 2},
        {"gate": "vibes"},
        {"measurements": "none"},
        {"verdict": "pass"},
        {"candidate": {"model": 5}},
        {"tools": {"numpy": 2}},
    ],
)
def test_forged_evidence_is_refused(evidence: dict[str, Any], forged: dict[str, Any]) -> None:
    """Newer versions, unknown gates and keys, and wrong types."""
    assert not valid("evidence", evidence | forged)


@pytest.mark.parametrize(
    "forged",
    [
        {"value": "0.99"},
        {"n": -1},
        {"p_value": 1.5},
        {"name": ""},
        {"of": "nobody"},
        {"interval": {"low": 0.1, "high": 0.2}},
        {"interval": {"low": 0.1, "high": 0.2, "confidence": 1}},
        {"weight": 1},
    ],
)
def test_forged_measurements_are_refused(evidence: dict[str, Any], forged: dict[str, Any]) -> None:
    """Numbers that are text, negative counts, impossible probabilities, extra keys."""
    evidence["measurements"][0] |= forged
    assert not valid("evidence", evidence)


def test_hostile_policies_are_refused() -> None:
    """No rules at all, a rule name that is markup, a waiver without reason or with no date."""
    policy = load_policy(SAMPLE / "policy.yaml").model_dump(mode="json")
    assert valid("policy", policy)
    rule = next(iter(policy["rules"].values()))
    waiver = {
        "rule": "x",
        "reason": "long enough a reason",
        "approver": "a",
        "expires": "2027-01-01",
    }
    assert valid("policy", policy | {"waivers": [waiver]})
    assert not valid("policy", policy | {"rules": {}})
    assert not valid("policy", policy | {"rules": {"<b>": rule}})
    assert not valid("policy", policy | {"waivers": [waiver | {"reason": "short"}]})
    assert not valid("policy", policy | {"waivers": [waiver | {"expires": "never"}]})
