"""Are the prepared rows the raw rows, dealt by the contract's rule?

What trains and what is tested comes from the change's own run. Here the raw rows are dealt anew by
the code that judges, and each split must hold the same rows, each as often. A row that was left
out, changed, repeated or put into another split on the way is found, whatever the files look like.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from gatehouse.contract import Contract
from gatehouse.digest import SPLITS
from gatehouse.ledger.compare import pairs
from gatehouse.ledger.keyed import Hashes, RowHasher
from gatehouse.ledger.parts import Part, batches
from gatehouse.prepare import prepare
from gatehouse.table import open_table


def misdealt_rows(
    contract: Contract, raw: Path, prepared: Path, key: bytes | None = None
) -> tuple[int, int]:
    """How many prepared rows are too many or missing, and how many there are.

    Args:
        contract: with the rule.
        raw: folder of what `ingest` wrote.
        prepared: folder of the three splits.
        key: of the rows' hashes; drawn at random if None.

    Raises:
        GatehouseError: a file is missing or unreadable, or the raw rows can't be dealt.
    """
    wrong = total = 0
    with tempfile.TemporaryDirectory() as folder:
        dealt = Path(folder)
        prepare(contract, raw, dealt)
        for split in SPLITS:
            files = [place / f"{split}.parquet" for place in (dealt, prepared)]
            names = {name for path in files for name in open_table(path).schema_arrow.names}
            hasher = RowHasher(sorted(names), key)
            expected, found = (_hashes(path, hasher) for path in files)
            partners = pairs(expected, found)
            wrong += sum(int((~paired).sum()) for paired in partners)
            total += len(found)
    return wrong, total


def _hashes(path: Path, hasher: RowHasher) -> Hashes:
    """Of each row of a file, by all columns; shape [N]."""
    found = [np.empty(0, np.uint64)]
    for batch in batches(Part(path.name, "", path)):
        terms = hasher.terms(batch)
        found.append(hasher.hashes(terms, terms, batch.num_rows))
    return np.concatenate(found)
