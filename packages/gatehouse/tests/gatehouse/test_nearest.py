"""Attacks hints on misspelt names: none, the wrong level of a file, a crash on an odd type."""

from __future__ import annotations

from gatehouse.nearest import hint, keys_at
from gatehouse.policy import Policy


def test_the_closest_names_in_their_own_spelling() -> None:
    """Attacks case, and names that are like nothing."""
    assert hint("train.SEEED", ["train.Seed", "other"]) == "; did you mean 'train.Seed'?"
    assert hint("x", ["seed"]) == ""
    assert hint("x", []) == ""


def test_keys_by_their_place_in_a_file() -> None:
    """Attacks dictionaries, optional parts and lists on the way, and a path to nowhere."""
    assert "at_least" in keys_at(Policy, ("rules", "any-name"))
    assert "expires" in keys_at(Policy, ("waivers", 3))
    assert "maximum_rows" in keys_at(Policy, ("measure", "drift"))
    assert keys_at(Policy, ("nowhere", "at", "all")) == set()
