"""How often `split_leak` alarms on clean tables, and which share of copied rows it sees.

Each draw makes a table with a key, deals it by the hash of the key, and measures copies across
splits as the rows gate does.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gatehouse.contract import Contract
from gatehouse.ledger.copies import Copies, copies
from gatehouse.ledger.ledger import deal_parts
from gatehouse.ledger.parts import raw_parts
from gatehouse.rows import row_hashes
from gatehouse.table import ROWS_FILE, write_table

ALPHA, LIMIT = 0.001, 0.01
"""As in the default policy."""
SIZES = {1_000: 200, 3_000: 100, 30_000: 30}
"""Rows of a table, and clean draws."""
SHARES = (0.05, 0.1, 0.2, 1.0)
COPIED = 10
"""Draws of a share."""
NAMES = "abcdef"

Rng = np.random.Generator
Numbers = NDArray[np.float64]


def measured(rng: Rng, n: int) -> list[Numbers]:
    """Four measured numbers and two categories."""
    return [*rng.normal(size=(4, n)), *rng.integers(0, 4, (2, n)).astype(float)]


def people(rng: Rng, n: int) -> list[Numbers]:
    """Ages, hours, codes and a rare amount, as in Adult."""
    amount = np.where(rng.random(n) < 0.9, 0, rng.integers(0, 9_999, n))
    codes = np.minimum(rng.zipf(1.6, (2, n)), 40)
    return [np.round(rng.normal(40, 12, n)), np.round(rng.normal(40, 5, n)), amount, *codes,
            rng.integers(0, 16, n)]  # fmt: skip


def blanks(rng: Rng, n: int) -> list[Numbers]:
    """Measured numbers, all of them zero in three of ten rows."""
    return [column * (rng.random(n) > 0.3) for column in measured(rng, n)]


def households(rng: Rng, n: int) -> list[Numbers]:
    """Two people each, who share four of six columns."""
    shared = np.repeat(np.array(measured(rng, n // 2)), 2, axis=1)
    return [*shared[:4], *rng.normal(size=(2, n))]


def codes(rng: Rng, n: int) -> list[Numbers]:
    """Four codes, of which some are rare."""
    return [np.minimum(rng.zipf(power, n), 99) for power in (1.4, 1.6, 1.8, 2.0)]


KINDS: tuple[Callable[[Rng, int], list[Numbers]], ...] = (
    measured, people, blanks, households, codes,
)  # fmt: skip


def contract() -> Contract:
    columns = {name: {"type": "number", "description": name} for name in NAMES}
    columns["id"] = {"type": "integer", "role": "key", "description": "id"}
    columns["y"] = {"type": "number", "role": "target", "description": "y"}
    split = {"hash": 1, "identity": ["id"], "valid": 0.16, "test": 0.2}
    return Contract.model_validate(
        {"version": 1, "name": "t", "description": "t", "columns": columns, "split": split}
    )


def table(
    rng: Rng, kind: Callable[[Rng, int], list[Numbers]], n: int, share: float
) -> pd.DataFrame:
    """Rows with a target that follows from the inputs, and copies of a share of them."""
    columns = kind(rng, n)
    columns += [np.zeros(n)] * (len(NAMES) - len(columns))
    frame = pd.DataFrame(dict(zip(NAMES, columns, strict=True))).astype(float)
    frame["y"] = np.sign(frame.sum(axis=1))
    frame = pd.concat([frame, frame[rng.random(n) < share]], ignore_index=True)
    return frame.assign(id=rng.permutation(len(frame)))


def look(frame: pd.DataFrame) -> tuple[bool, bool, float]:
    """Alarm on equal rows, alarm on near ones, and the share that the old measurement gives."""
    made = contract()
    with tempfile.TemporaryDirectory() as folder:
        write_table(frame, Path(folder) / ROWS_FILE)
        dealt = deal_parts(tuple(raw_parts(Path(folder))), made, official_test=False)
        equal, near = copies(dealt, made)
    hashes = row_hashes(frame)
    before = float(np.isin(hashes[dealt.splits == 2], hashes[dealt.splits == 0]).mean())
    return _alarm(equal), _alarm(near), before


def _alarm(found: Copies) -> bool:
    return found.p_value < ALPHA and found.share > LIMIT


def main() -> None:
    heads = ["table", "rows", "clean: alarms", *(f"{share:.0%} copied: seen" for share in SHARES),
             "all copied: before"]  # fmt: skip
    print("|", " | ".join(heads), "|\n|", " | ".join([":---", *["---:"] * (len(heads) - 1)]), "|")
    rng = np.random.default_rng(0)
    for kind in KINDS:
        for n, draws in SIZES.items():
            clean = sum(any(look(table(rng, kind, n, 0.0))[:2]) for _ in range(draws))
            seen, before = [], 0.0
            for share in SHARES:
                found = [look(table(rng, kind, n, share)) for _ in range(COPIED)]
                seen.append(f"{sum(any(each[:2]) for each in found) / COPIED:.0%}")
                before = float(np.mean([each[2] for each in found]))
            cells = [kind.__name__, f"{n:,}", f"{clean} of {draws}", *seen, f"{before:.1%}"]
            print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
