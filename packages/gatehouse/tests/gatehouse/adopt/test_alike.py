"""Attacks categories that are one to people and two to a model."""

from __future__ import annotations

import pytest

from gatehouse.adopt.alike import alike


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("Orléans", "Orle\u0301ans", "Unicode form"),
        ("ﬁne", "fine", "Unicode form"),
        ("\uff21", "A", "Unicode form"),
        ("Ulm", "Ulm\u200b", "invisible characters"),
        ("Ulm", "\ufeffUlm", "invisible characters"),
        ("Ul\u00adm", "Ulm", "invisible characters"),
        ("❤", "❤\ufe0f", "invisible characters"),
        ("Ulm", " Ulm", "blanks"),
        ("New York", "New  York", "blanks"),
        ("New York", "New\u00a0York", "Unicode form"),
        ("18-25", "18–25", "letters or marks that look alike"),  # noqa: RUF001
        ("don't", "don’t", "letters or marks that look alike"),  # noqa: RUF001
        ("Moscow", "M\u043escow", "letters or marks that look alike"),
        ("ulm", "ULM", "case"),
        ("Straße", "STRASSE", "case"),
    ],
)
def test_each_difference_is_named(one: str, other: str, what: str) -> None:
    """With two values, written so that one sees the difference."""
    (told,) = alike([one, "Bonn", other])
    assert f"by {what} alone" in told
    assert ascii(one) in told
    assert ascii(other) in told


def test_several_kinds_are_told_once_each() -> None:
    """The hardest to see first."""
    told = alike(["a", "A", "b", "B", "b\u200b", "c"])
    assert [each.split(" alone")[0] for each in told] == [
        "some values differ by invisible characters", "some values differ by case",
    ]  # fmt: skip


def test_what_is_different_is_not_told() -> None:
    """Attacks false alarms."""
    assert alike(["Ulm", "Ülm", "1", "01", "a b", "ab", ""]) == []
