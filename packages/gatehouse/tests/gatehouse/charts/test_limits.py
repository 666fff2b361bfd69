"""Attacks the comment's picture: its size, its words, and what is drawn where."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatehouse.charts.contents import Limited, Limits, Mark, State
from gatehouse.charts.limits import MOST_BYTES, bar, draw, is_plain, words
from tests.gatehouse.site.html import Page

MARK = Mark(used=0.5, low=0.4, high=0.6, base=0.3, state="pass")
ROW = Limited("accuracy", "accuracy-floor", "0.874", "0.867 to 0.881", "at least 0.83", (MARK,))


def drawn(*marks: Mark) -> list[dict[str, str]]:
    """What each path of one row looks like, without the plot's own."""
    text = draw(Limits((replace(ROW, marks=marks),)))
    assert is_plain(text)
    paths = [attrs for tag, attrs in Page(text).tags if tag == "path"]
    return [{name: str(value) for name, value in each.items()} for each in paths[2:]]


def test_a_large_policy_fits_into_20_kilobytes() -> None:
    """Attacks a picture that a reader gives up on: many rules, some of many slices."""
    slices = [30 if i % 5 == 0 else 1 for i in range(200)]
    rows = tuple(
        replace(ROW, group=f"gate {i // 9}", name=f"rule-{i}", marks=(MARK,) * n)
        for i, n in enumerate(slices)
    )
    for some in (rows[:30], rows[:45], rows):
        text = draw(Limits(some))
        assert len(text.encode()) <= MOST_BYTES
        assert is_plain(text)
        assert ("more rules are not drawn" in text) == (some is rows)


def test_it_is_told_in_words() -> None:
    """Attacks a picture that says nothing to who does not see it."""
    other = replace(ROW, name="a", interval="", marks=(replace(MARK, state="fail"),))
    told = words(Limits((ROW, other)))
    assert told == (
        "accuracy-floor 0.874 (0.867 to 0.881), at least 0.83: pass; a 0.874, at least 0.83: fail"
    )
    assert Page(draw(Limits((ROW, other)))).tags[0][1]["aria-label"] == told
    assert words(Limits(())) == "nothing was decided"


def test_outcomes_differ_by_shape() -> None:
    """Attacks outcomes that are told by colour alone."""
    states: list[State] = ["pass", "warning", "fail", "accepted"]
    bare = replace(MARK, low=None, high=None, base=None)
    shapes = {drawn(replace(bare, state=state))[0]["d"].partition(" ")[2] for state in states}
    assert len(shapes) == 4


def test_interval_and_base_are_drawn_beside_the_value() -> None:
    """Attacks a value that hides how sure it is, or what it was."""
    assert len(drawn(MARK)) == 3
    assert len(drawn(replace(MARK, base=None))) == 2
    assert len(drawn(replace(MARK, base=None, low=None, high=None))) == 1


@pytest.mark.parametrize("used", [1e308, -1e308, 2.1, -0.5])
def test_what_lies_far_out_ends_at_the_edge(used: float) -> None:
    """Attacks a mark outside of the picture: an arrow says that it lies further out."""
    (arrow,) = drawn(replace(MARK, used=used, low=None, high=None, base=None))
    assert arrow["d"].endswith("z")
    assert 0 < float(arrow["d"][1:].split()[0]) < 860


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        (0.0, "░░░░░░░░"),
        (-3.0, "░░░░░░░░"),
        (0.5, "████░░░░"),
        (1.0, "████████"),
        (1.01, "████████▶"),
    ],
)
def test_bars_of_text(used: float, shown: str) -> None:
    """Attacks a bar that looks full within the limit, or ends at it beyond."""
    assert bar(used) == shown


def test_names_are_no_markup() -> None:
    """Attacks a rule's value that is markup."""
    text = draw(Limits((replace(ROW, value='"><script>', interval="<b>"),)))
    assert is_plain(text)
    assert "<script" not in text
