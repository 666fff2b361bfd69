"""Rows of two sides for the ledger's tests: made, dealt and compared."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from gatehouse.contract import Contract, parse_contract
from gatehouse.ledger.compare import Splits
from gatehouse.ledger.ledger import Ledger, Table, deal_parts, keep_ledger
from gatehouse.ledger.parts import raw_parts
from gatehouse.split import deal
from gatehouse.table import ROWS_FILE, TEST_FILE, write_table

CONTRACT = """\
version: 1
name: tiny
description: One made-up person
columns:
  age: {type: number, description: Years}
  pay: {type: number, description: Euros}
  job: {type: category, categories: [nurse, cook], missing: 0.5, description: Work}
  sex: {type: category, role: protected, categories: [f, m], description: Sex}
  rich: {type: category, role: target, categories: ["no", "yes"], positive: "yes", description: Is?}
split: {hash: 1, identity: [age, pay, job], valid: 0.16, test: 0.20}
"""
IDENTITY = ("age", "pay", "job")
SHARES = (0.64, 0.16, 0.20)


def contract() -> Contract:
    return parse_contract(CONTRACT, "contract.yaml")


def people(count: int, seed: int = 0) -> pd.DataFrame:
    """Made-up rows, nearly all of them of their own identity."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.round(rng.uniform(18, 90, count), 2),
            "pay": np.round(rng.lognormal(7, 1, count), 2),
            "job": rng.choice(["nurse", "cook", ""], count),
            "sex": rng.choice(["f", "m"], count),
            "rich": rng.choice(["no", "yes"], count),
        }
    )


def splits(frame: pd.DataFrame) -> Splits:
    """The split of each row by the contract's rule, shape [N]."""
    return deal(pa.Table.from_pandas(frame, preserve_index=False), contract())


def table(folder: Path, rows: pd.DataFrame, test: pd.DataFrame | None = None) -> Table:
    """One side on disk, dealt; `test` are official test rows."""
    write_table(rows, folder / ROWS_FILE)
    if test is not None:
        write_table(test, folder / TEST_FILE)
    return deal_parts(tuple(raw_parts(folder)), contract(), official_test=test is not None)


def ledger(folder: Path, base: pd.DataFrame, candidate: pd.DataFrame) -> Ledger:
    old, new = table(folder / "base", base), table(folder / "candidate", candidate)
    return keep_ledger(old, new, contract())
