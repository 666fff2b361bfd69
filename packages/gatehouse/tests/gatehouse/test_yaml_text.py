"""Attacks YAML changed in its text: comments and layout stay, and no other value changes."""

from __future__ import annotations

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.yaml_text import Key, add_key, set_values

TEXT = """\
# the head
a:
  b: 1          # one
  list:
    - {name: x, n: 1}
    - name: "y"   # the second
      n: 2
empty:
"""


@pytest.mark.parametrize(
    ("key", "value", "old", "new"),
    [
        (("a", "b"), 20, "  b: 1          # one", "  b: 20         # one"),
        (("a", "list", 1, "name"), "z", 'name: "y"   # the', "name: z     # the"),
        (("a", "list", 0, "n"), [1, "a b"], "n: 1}", 'n: [1, "a b"]}'),
        (("empty",), "x: y", "empty:\n", 'empty: "x: y"\n'),
        (("a", "c"), True, "  b: 1", "  c: true\n  b: 1"),
        (("a", "list", 1, "m"), 3, '    - name: "y"', '    - m: 3\n      name: "y"'),
    ],
)
def test_only_the_value_changes(key: Key, value: object, old: str, new: str) -> None:
    """Attacks a comment, a column or a neighbour that is lost."""
    assert set_values(TEXT, {key: value}, "a.yaml") == TEXT.replace(old, new, 1)


def test_the_same_value_is_no_change() -> None:
    """Attacks another spelling of what is there already; true is not 1."""
    assert set_values(TEXT, {("a", "list", 1, "name"): "y"}, "a.yaml") == TEXT
    assert set_values(TEXT, {("a", "b"): True}, "a.yaml") != TEXT


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("a: &x 1\nb: *x\n", ("b",), "a.yaml:1: b: cannot be changed in place"),
        ("a: &x 1\nb: *x\n", ("a",), "a.yaml: cannot be changed in place; write a: 5 by hand"),
        ("a:\n  b: 1\n", ("a",), "a.yaml:2: a: cannot be changed in place"),
        ("a: 1\n", ("a", "b"), "a.yaml: a.b: a is one value, and has no keys"),
        ("a: [1\n", ("a",), "a.yaml:2: is not valid YAML"),
    ],
)
def test_what_cannot_be_changed_in_place_is_an_error(text: str, key: Key, message: str) -> None:
    """Attacks an anchor that would be lost, and a value of several lines."""
    with pytest.raises(GatehouseError, match=message):
        set_values(text, {key: 5}, "a.yaml")


def test_a_key_comes_with_its_comments_to_its_place() -> None:
    """Attacks a key that lands at the end, or without the words that explain it."""
    theirs = "a: 1\n# why\nnew: {x: 1}   # here\nb: 2\n"
    assert add_key("a: 9\nb: 2\n", theirs, ("new",)) == (
        "a: 9\n# why\nnew: {x: 1}   # here\nb: 2\n"
    )
    assert add_key("[1]\n", theirs, ("new",)) is None
