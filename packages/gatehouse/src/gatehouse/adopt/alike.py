"""Values that look equal to people but differ for programs: blanks, case, invisible characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable


def alike(values: Iterable[str]) -> list[str]:
    """Return how some of these values differ from others that look the same; [] if none do.

    Each kind of difference is named once with two example values, the hardest to see first.
    """
    found: dict[str, str] = {}
    seen: dict[str, list[str]] = {}
    for value in sorted(values):
        others = seen.setdefault(_bare(value), [])
        if others:
            other = min(others, key=lambda each: _DIFFERENCES.index(_difference(each, value)))
            found.setdefault(_difference(other, value), f"{other!a} and {value!a}")
        others.append(value)
    return [
        f"some values differ by {what} alone: {found[what]}"
        for what in _DIFFERENCES
        if what in found
    ]


_INVISIBLE, _FORM, _LOOKS = (
    "invisible characters",
    "Unicode form",
    "letters or marks that look alike",
)
_BLANKS, _CASE = "blanks", "case"
_DIFFERENCES = (_INVISIBLE, _FORM, _LOOKS, _BLANKS, _CASE)
_LATIN = str.maketrans(
    dict.fromkeys("‐‑‒–—−", "-")  # noqa: RUF001  these and the following are meant
    | dict.fromkeys("‘’ʼ", "'")  # noqa: RUF001
    | dict.fromkeys("“”„", '"')
    | dict(zip("аеорсухіѕј", "aeopcyxisj", strict=True))  # noqa: RUF001
    | dict(zip("АВЕКМНОРСТХІЅЈ", "ABEKMHOPCTXISJ", strict=True))  # noqa: RUF001
    | dict(zip("ΑΒΕΗΙΚΜΝΟΡΤΥΧο", "ABEHIKMNOPTYXo", strict=True))  # noqa: RUF001
)
"""Dashes, quotes, and Cyrillic and Greek letters that look like Latin ones (part of UTS #39)."""


def _difference(one: str, other: str) -> str:
    """Return the first kind of difference whose removal makes the two equal."""
    if _visible(one) == _visible(other):
        return _INVISIBLE
    if _composed(one) == _composed(other):
        return _FORM
    if _latin(one) == _latin(other):
        return _LOOKS
    return _BLANKS if _blank(one) == _blank(other) else _CASE


def _bare(value: str) -> str:
    return _blank(value).casefold()


def _blank(value: str) -> str:
    """Strip blanks at the ends, and reduce those between words to one."""
    return " ".join(_latin(value).split())


def _latin(value: str) -> str:
    return _composed(value).translate(_LATIN)


def _composed(value: str) -> str:
    """Normalize to one Unicode form (UAX #15), also for letters such as wide ones."""
    return unicodedata.normalize("NFKC", _visible(value))


def _visible(value: str) -> str:
    """Remove characters without width: format characters and variation selectors."""
    return "".join(
        letter
        for letter in value
        if unicodedata.category(letter) != "Cf" and not "\ufe00" <= letter <= "\ufe0f"
    )
