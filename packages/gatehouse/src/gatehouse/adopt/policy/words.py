"""The text format of a rule."""

from __future__ import annotations

import json
import math

from gatehouse.adopt.baseline import Score

_WIDTH = 100
_FLOW = frozenset(',[]{}#"')
"""Characters that end a plain value in a YAML flow mapping."""


def rule(
    name: str, gate: str, measurement: str, why: str, *, comment: str = "", **keys: object
) -> str:
    """Return a rule as YAML, with a comment above; keys with None are left out."""
    shown = {"gate": gate, "measurement": measurement} | keys
    parts = [f"{key}: {_value(value)}," for key, value in shown.items() if value is not None]
    parts.append(f"why: {_value(why)}}}")
    lines = [f"  # {line}" for line in comment.splitlines()]
    line = f"  {name}: {{"
    for part in parts:
        if len(line) + len(part) > _WIDTH:
            lines.append(line.rstrip())
            line = "    "
        line += f"{part} "
    return "\n".join([*lines, line.rstrip()]) + "\n"


def _value(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    text = str(value)
    return json.dumps(text, ensure_ascii=False) if text == "*" or set(text) & _FLOW else text


def number(value: float) -> str:
    """Format a number with its significant digits."""
    if not math.isfinite(value):
        return "not defined"
    if abs(value) >= 1e6 or 0 < abs(value) < 1e-3:
        # YAML requires a decimal point in numbers such as 1e-05.
        mantissa, exponent = f"{value:.3e}".split("e")
        return f"{float(mantissa)}e{int(exponent):+03d}"
    if abs(value) >= 1000:
        return f"{value:.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{round(value, 3):g}"


def models_text(score: Score) -> str:
    """Return the scores of the baseline's two models: three decimals, or significant digits."""
    linear, boosted = (
        f"{value:.3f}" if value == 0 or 1e-3 <= abs(value) < 1000 else number(value)
        for value in (score.linear, score.boosted)
    )
    return f"linear model {linear}, boosted trees {boosted}"
