"""Outcomes as a sign and a word; the colour only repeats them."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

_KINDS = {
    "pass": ("good", "✓"), "warning": ("warn", "!"), "inconclusive": ("warn", "?"),
    "as before": ("good", "="), "waived": ("warn", "~"), "accepted": ("warn", "~"),
    "fail": ("bad", "✗"), "error": ("bad", "✗"),
}  # fmt: skip
_OTHER = ("none", "\N{EN DASH}")


@dataclass(frozen=True)
class Badge:
    """An outcome's word, the CSS class of its colour, and its sign."""

    word: str
    kind: str
    sign: str


def badge(word: str, *, blocks: bool = False) -> Badge:
    """Return the badge of an outcome; it is red if the outcome blocks, whatever its name."""
    kind, sign = _KINDS.get(word, _OTHER)
    return Badge(word, "bad" if blocks else kind, sign)


def sign(word: str) -> Markup:
    """Return only an outcome's sign; a screen reader reads the word."""
    kind, shown = _KINDS.get(word, _OTHER)
    return Markup('<span class="sign {}" role="img" aria-label="{}">{}</span>').format(
        kind, word, shown
    )
