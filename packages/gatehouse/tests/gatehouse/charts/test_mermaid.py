"""Attacks the way of charts through Markdown: what is written is what is read."""

from __future__ import annotations

import pytest

from gatehouse.charts.contents import Bars, Lines, Series
from gatehouse.charts.mermaid import BARS_SHOWN, read, write

CURVE = Lines(
    "ROC", "rate", ("0", "0.5", "1"),
    (Series("this change", (0.0, 0.9, 1.0)), Series("base", (0.0, 0.8, 1.0))),
)  # fmt: skip


@pytest.mark.parametrize(
    "chart",
    [
        Bars("Rates", "share", (("a", 0.25), ("b", -0.5)), 0.3),
        Bars("Rates", "share", (("a", 0.25),)),
        CURVE,
        Lines("Over time", "effect", ("a", "b"), (Series("", (1.0, 2.0)), Series("", (3.0, 3.0)))),
    ],
)
def test_it_comes_back(chart: Bars | Lines) -> None:
    """Attacks a site that shows another chart than the comment."""
    source = write(chart)
    assert source.startswith("```mermaid\n")
    assert read(source.removeprefix("```mermaid\n").removesuffix("\n```")) == chart


def test_what_is_left_out_is_said() -> None:
    """Attacks a chart that shows the first bars as if they were all."""
    many = Bars("Rates", "share", tuple((str(i), 1.0) for i in range(BARS_SHOWN + 3)))
    assert write(many).endswith(f"_Drawn: the first {BARS_SHOWN} of {BARS_SHOWN + 3}._")


def test_numbers_have_no_exponent() -> None:
    """Attacks Mermaid's grammar, which knows none."""
    assert "e-" not in write(Bars("x", "y", (("a", 1e-9), ("b", 1e-5))))
