"""Formats numbers for people: few digits, separators, percentages, intervals in brackets."""

from __future__ import annotations

import re

from gatehouse.evidence import Interval
from gatehouse.report.escape import prose

MINUS = "\u2212"
_MOST_DECIMALS = 6
_COUNTS = ("rows", "columns", "expectations", "settings", "first runs")
"""Units of counts, which are whole numbers."""
_INTERVAL = re.compile(rf"[+{MINUS}]?\d[\d.,]*%? \[[+{MINUS}\d.,%]+ ?\w*, [+{MINUS}\d.,%]+ ?\w*\]")
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def estimate(
    value: float | None,
    interval: Interval | None = None,
    unit: str = "1",
    *,
    signed: bool = False,
    limit: float | None = None,
) -> str:
    """Return a value with its interval, for example `0.912 [0.905, 0.918]`.

    Digits are added until both ends of a narrow interval differ, or a value differs from a close
    `limit`.
    """
    if value is None:
        return "not measured"
    ends = [interval.low, interval.high] if interval else []
    decimals = _decimals([value, *ends], unit, limit)
    if not interval:
        return _number(value, unit, decimals, signed)
    inner = unit if unit in ("share", "bytes") else "1"
    shown, low, high = (_number(part, inner, decimals, signed) for part in (value, *ends))
    return f"{shown} [{low}, {high}]" + ("" if inner == unit else _suffix(unit))


def unbroken(text: str) -> str:
    """Return Markdown in which no interval is split over two lines."""
    return _INTERVAL.sub(lambda found: found[0].replace(" ", "\u00a0"), text)


def number(value: float, unit: str = "1", *, signed: bool = False) -> str:
    """Return a number without an interval."""
    return _number(value, unit, _decimals([value], unit, None), signed)


def bound(limit: float, unit: str = "1", *, signed: bool = False) -> str:
    """Return a limit of the policy, with all of its digits."""
    scaled = limit * 100 if unit == "share" else limit
    whole = unit in ("share", "ms", "bytes", *_COUNTS)
    digits = max(_fraction_digits(scaled), 0 if whole else 2)
    return _number(limit, unit, digits, signed)


def is_count(unit: str) -> bool:
    """Return whether the unit counts things."""
    return unit in _COUNTS


def count(n: int) -> str:
    return f"{n:,}"


def probability(p: float) -> str:
    """Return a p-value as plain text: `0.031`, or `< 0.0001`."""
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def _decimals(values: list[float], unit: str, limit: float | None) -> int:
    if unit in ("bytes", *_COUNTS):
        return 0
    scale = 100 if unit == "share" else 1
    scaled = [value * scale for value in values]
    decimals = 1 if unit == "share" or max(map(abs, scaled)) >= 100 else 3
    while decimals < _MOST_DECIMALS and _too_coarse(scaled, decimals):
        decimals += 1
    if limit is not None:
        while decimals < _MOST_DECIMALS and any(
            v != limit * scale and round(v, decimals) == round(limit * scale, decimals)
            for v in scaled
        ):
            decimals += 1
    return decimals


def _too_coarse(values: list[float], decimals: int) -> bool:
    """Return whether a nonzero value would show as zero, or an interval would have no width."""
    vanishes = values[0] != 0 and round(values[0], decimals) == 0
    flat = values[1] != values[2] if len(values) == 3 else False
    return vanishes or (flat and round(values[1], decimals) == round(values[2], decimals))


def _fraction_digits(value: float) -> int:
    fraction = f"{value:.{_MOST_DECIMALS}f}".partition(".")[2].rstrip("0")
    return len(fraction)


def _number(value: float, unit: str, decimals: int, signed: bool) -> str:
    size, suffix = abs(value), ""
    if unit == "share":
        size, suffix = size * 100, "%"
    elif unit == "bytes":
        for scale, name in _BYTES:
            if size >= scale:
                size, suffix, decimals = size / scale, f" {name}", 1
                break
        else:
            suffix = " bytes"
    else:
        suffix = _suffix(unit)
    text = f"{size:,.{decimals}f}"
    zero = not text.strip("0.,")
    sign = "" if zero else MINUS if value < 0 else "+" if signed else ""
    return sign + text + suffix


def _suffix(unit: str) -> str:
    if unit in ("1", "rows", "first runs"):
        return ""
    return " \N{GREEK SMALL LETTER SIGMA}" if unit == "sigma" else f" {prose(unit, 20)}"
