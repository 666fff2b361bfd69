"""Attacks the limits of a row: those of the contract and of float32, and no others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gatehouse.contract import parse_contract
from gatehouse.serving.errors import Refused
from gatehouse.serving.rows import Reader

CONTRACT = """\
version: 1
name: limits
description: A row with limits
split: {hash: 1, identity: [number_key, float_key, ranged_key, text_key], valid: 0.16, test: 0.2}
columns:
  whole: {type: integer, range: [0.5, 20.5], description: A range between two integers}
  wide: {type: integer, description: An integer without a range}
  far: {type: number, range: [-1.0e+300, 1.0e+300], description: A range beyond float32}
  number_key: {type: integer, role: key, description: An integer that is not fed}
  float_key: {type: number, role: key, description: A number that is not fed}
  ranged_key: {type: integer, role: key, range: [-1.5, 1.5], description: A key with a range}
  text_key: {type: string, role: key, description: Text that is not fed}
  group: {type: category, role: protected, unknown: other, categories: [a], description: Not fed}
  city: {type: category, unknown: other, categories: [Ulm], description: Text that is fed}
  label: {type: category, role: target, categories: [a, b], positive: b, description: Target}
"""
ROW = {"whole": 1, "wide": 0, "far": 0, "city": "Ulm"}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(parse_contract(CONTRACT, "contract.yaml"), 10)


def allowed(reader: Reader, row: dict[str, Any]) -> bool:
    """Does the service read it? Its description must say the same."""
    try:
        reader.read(json.dumps(row).encode())
        read = True
    except Refused:
        read = False
    assert Draft202012Validator(reader.adapter.json_schema()).is_valid(row) == read
    return read


@pytest.mark.parametrize(
    ("least", "most", "below", "above"),
    [
        ({"whole": 1}, {"whole": 20}, {"whole": 0}, {"whole": 21}),
        ({"wide": -(2**24)}, {"wide": 2**24}, {"wide": -(2**24) - 1}, {"wide": 2**24 + 1}),
        ({"far": -3.4e38}, {"far": 3.4e38}, {"far": -3.5e38}, {"far": 3.5e38}),
        ({"ranged_key": -1}, {"ranged_key": 1}, {"ranged_key": -2}, {"ranged_key": 2}),
        ({"city": "x"}, {"city": "x" * 200}, {"city": ""}, {"city": "x" * 201}),
    ],
)
def test_what_is_fed_is_bounded(
    reader: Reader,
    least: dict[str, Any],
    most: dict[str, Any],
    below: dict[str, Any],
    above: dict[str, Any],
) -> None:
    """By the contract, and by what the graph's float32 holds without loss."""
    assert allowed(reader, ROW | least)
    assert allowed(reader, ROW | most)
    assert not allowed(reader, ROW | below)
    assert not allowed(reader, ROW | above)


@pytest.mark.parametrize(
    "key",
    [
        {"number_key": 2**53 + 1},
        {"number_key": -(10**30)},
        {"float_key": 1e300},
        {"text_key": "x" * 1000},
        {"group": "x" * 201},
    ],
)
def test_what_is_not_fed_has_no_bounds_but_the_contracts(
    reader: Reader, key: dict[str, Any]
) -> None:
    """An account's number of 20 digits is no reason to refuse its row."""
    assert allowed(reader, ROW | key)


def test_a_key_that_no_number_can_hold_is_refused(reader: Reader) -> None:
    """And does not fail."""
    with pytest.raises(Refused):
        reader.read(json.dumps(ROW | {"float_key": 10**400}).encode())
