"""Outcomes as a sign and a word, in a colour that only repeats them."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

_KINDS = {
    "pass": ("good", "✓"), "warning": ("warn", "!"), "inconclusive": ("warn", "?"),
    "waived": ("warn", "~"), "accepted": ("warn", "~"),
    "fail": ("bad", "✗"), "error": ("bad", "✗"),
}  # fmt: skip
_OTHER = ("none", "\N{EN DASH}")


@dataclass(frozen=True)
class Badge:
    """An outcome's word, the class of its colour, and its sign."""

    word: str
    kind: str
    sign: str


def badge(word: str, *, blocks: bool = False) -> Badge:
    """The badge of an outcome; red where it blocks, whatever it is called."""
    kind, sign = _KINDS.get(word, _OTHER)
    return Badge(word, "bad" if blocks else kind, sign)


def sign(word: str) -> Markup:
    """An outcome's sign alone; a screen reader says the word."""
    kind, shown = _KINDS.get(word, _OTHER)
    return Markup('<span class="sign {}" role="img" aria-label="{}">{}</span>').format(
        kind, word, shown
    )
