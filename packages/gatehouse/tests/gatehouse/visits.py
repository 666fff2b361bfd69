"""Visits of patients: rows with a key, a group and a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from gatehouse.contract import Contract, parse_contract
from gatehouse.pipeline.ingest import typed

CONTRACT = """\
version: 1
name: visits
description: One visit
columns:
  visit: {type: integer, role: key, description: Number}
  patient: {type: string, role: GROUP, description: Patient}
  at: {type: timestamp, timezone: Europe/Berlin, role: ignored, description: Time}
  x: {type: number, description: One number}
  z: {type: number, description: Another}
  u: {type: number, description: A third}
  v: {type: number, description: A fourth}
  y: {type: category, role: target, categories: ["no", "yes"], positive: "yes", description: Back?}
split: {identity: [visit], SPLIT}
"""
BY_HASH = "hash: 1, valid: 0.16, test: 0.2"
BY_GROUP = f"by: group, {BY_HASH}"
BY_TIME = "by: time, time: at, valid_from: 2026-07-01, test_from: 2026-10-01"


def contract(split: str = BY_TIME, *, group: bool = True) -> Contract:
    text = CONTRACT.replace("SPLIT", split).replace("GROUP", "group" if group else "ignored")
    return parse_contract(text, "contract.yaml")


def visits(n: int = 600, patients: int = 200, seed: int = 0, **columns: Any) -> pd.DataFrame:
    """Made-up visits of one year, in no order, as `ingest` writes them."""
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 360 * 24, n), unit="h")
    frame = pd.DataFrame(
        {
            "visit": np.arange(n),
            "patient": [f"P{number}" for number in rng.integers(0, patients, n)],
            "at": days.strftime("%Y-%m-%d %H:%M"),
            **{name: rng.normal(size=n) for name in "xzuv"},
            "y": rng.choice(["no", "yes"], n),
        }
    )
    text = dict.fromkeys(("patient", "at", "y"), "str")
    return typed(frame.assign(**columns).astype(text), contract())
