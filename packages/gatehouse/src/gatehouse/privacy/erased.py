"""The list of rows that were erased at their person's request (`erased.json`).

The file belongs to an owner. An entry is the HMAC-SHA-256 of a complete row, with the contract's
columns and the identity columns, under a key stored in the file itself. Anyone who has the row can
see that it is listed. Nobody can find a person's key by trying all keys, because the row's other
values must be tried as well.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, field_validator

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.typed import Document

if TYPE_CHECKING:
    import pyarrow as pa

ERASED = Path("erased.json")

Hex = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Erased(Document):
    """Keyed hashes of erased rows."""

    version: Literal[1] = 1
    key: Hex = Field(description="of the hashes; it is no secret")
    rows: tuple[Hex, ...] = Field(description="HMAC-SHA-256 of each erased row, sorted")

    @field_validator("rows")
    @classmethod
    def _sorted(cls, rows: tuple[str, ...]) -> tuple[str, ...]:
        if list(rows) != sorted(set(rows)):
            raise ValueError("is not sorted, or has an entry twice; sort it (`sort -u`)")
        return rows

    @classmethod
    def at(cls, path: Path) -> Self:
        """Read the list at `path`; if there is none, return an empty list with a new key.

        Raises:
            GatehouseError: the file is not such a list.
        """
        return cls.read(path) if path.exists() else cls(key=secrets.token_hex(32), rows=())

    def entries(self, batch: pa.RecordBatch, contract: Contract) -> list[str]:
        """Return the list entry for each of N rows."""
        from gatehouse.ledger.digest import row_digests

        names = sorted({*contract.columns, *contract.split.identity})
        digests, key = row_digests(batch, names), bytes.fromhex(self.key)
        rows = (digests[start : start + 32] for start in range(0, len(digests), 32))
        return [hmac.digest(key, row, "sha256").hex() for row in rows]

    def with_rows(self, entries: list[str]) -> Self:
        """Return the list with more rows."""
        return self.model_copy(update={"rows": tuple(sorted({*self.rows, *entries}))})


def entries_of(raw: Path, contract: Contract, key: Any, erased: Erased) -> list[str]:
    """Return the entries of all raw rows that have a key.

    Args:
        raw: the folder of the table.
        contract: of the table.
        key: as text, of the first column of `role: key`.
        erased: the list, whose key is used for the entries.

    Raises:
        GatehouseError: the contract has no key, or the table cannot be read or lacks that column.
    """
    from gatehouse.privacy.pseudonym import as_text

    if not contract.keys:
        raise GatehouseError(
            "contract.yaml: no column has role: key, so no rows can be found by --key"
        )
    column, wanted = contract.keys[0], as_text(key)
    found = []
    for batch in _batches(raw):
        if column not in batch.schema.names:
            raise GatehouseError(f"{raw}: has no column '{column}', which is the contract's key")
        values = batch.column(column).to_pylist()
        places = [place for place, value in enumerate(values) if as_text(value) == wanted]
        found += erased.entries(batch.take(places), contract) if places else []
    return found


def _batches(raw: Path) -> Iterator[pa.RecordBatch]:
    from gatehouse.ledger.parts import batches, raw_parts

    for part in raw_parts(raw):
        yield from batches(part)
