"""Write the spread of trainings into policy.yaml, keeping its comments."""

from __future__ import annotations

import datetime
import math
from pathlib import Path
from typing import Any

from gatehouse import yaml_text
from gatehouse.evidence import Of
from gatehouse.noise.measure import Spread
from gatehouse.policy import POLICY_FILE, Policy, load_policy, parse_policy
from gatehouse.policy_noise import Noise
from gatehouse.typed import read_text, write_text

_STEP = 0.005


def noise_of(spread: Spread, policy: Policy, params: str, today: datetime.date) -> Noise:
    """Return the policy's section: the metrics that its rules compare, to three digits."""
    compared = {rule.measurement for rule in policy.rules.values() if rule.of is Of.COMPARISON}
    return Noise(
        date=today,
        params=params,
        seeds=spread.trained,
        rows=spread.rows,
        deviation={
            name: float(f"{value:.3g}")
            for name, value in spread.deviations().items()
            if name in compared
        },
    )


def write(noise: Noise, path: Path = POLICY_FILE, *, limits: bool = False) -> list[str]:
    """Write the section into the policy at `path`, and return a line for each change.

    `limits` also moves comparison limits that lie inside the noise to just beyond it.

    Raises:
        GatehouseError: the policy can't be read, or not be changed in place.
    """
    before = read_text(path)
    values = noise.model_dump(mode="json")
    text = yaml_text.set_values(before, {("noise",): values}, path)
    lines = [f"noise is now {yaml_text.written(values)}"]
    changes: dict[yaml_text.Key, Any] = {}
    for name, _, moves in parse_policy(text, path).inside_noise() if limits else ():
        rule = load_policy(path).rules[name]
        key = "at_least" if rule.at_least is not None else "at_most"
        beyond = round(math.ceil(moves / _STEP) * _STEP, 3)
        changes["rules", name, key] = -beyond if key == "at_least" else beyond
        lines.append(f"rules.{name}.{key} is now {changes['rules', name, key]:g}")
    text = yaml_text.set_values(text, changes, path)
    parse_policy(text, path)
    write_text(path, text)
    return lines
