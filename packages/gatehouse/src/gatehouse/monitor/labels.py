"""Labels that arrive later: the true target of a logged row, and its protected attributes.

A table (CSV, JSON lines or Parquet) with `request_id`, `index` (of the row in its request; 0 if
there is no such column), the contract's target, and the protected attributes, which are never in
the log. A weight or a group column counts if the table has it. If there are more than a million
labels, a uniform sample is kept by hash, as for the log itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.json as pj
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gatehouse.contract import Contract, Task
from gatehouse.errors import GatehouseError
from gatehouse.monitor import log_files
from gatehouse.monitor.sample import Hashes
from gatehouse.remote import shown
from gatehouse.rows import row_hashes

MOST = 1_000_000
_ID = ["request_id", "index"]


@dataclass(frozen=True)
class Labels:
    """Labels by the hash of their record.

    Attributes:
        hashes: of request id and index, in increasing order; shape [N].
        frame: the target, and the given protected attributes, weight and group; N rows.
        given: number of labels before sampling; a repeated label counts again.
    """

    hashes: Hashes
    frame: pd.DataFrame
    given: int

    def places(self, hashes: Hashes) -> NDArray[np.intp]:
        """Return the row in `frame` of each record's label, shape of `hashes`; -1 without one."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.intp)
        found = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        return np.where(self.hashes[found] == hashes, found, -1)


def identity(records: pa.Table) -> Hashes:
    """Return hashes that identify each record's request and row, shape [N]."""
    return row_hashes(records.select(_ID).to_pandas())


def read_labels(url: str, contract: Contract) -> Labels:
    """Read the labels at a path or URL; if a row is labelled twice, the later label counts.

    Raises:
        GatehouseError: they can't be read, lack a column, contain a value that is not a class or a
            number, or are empty.
    """
    kept, given = _Kept(), 0
    for file in log_files.oldest_first(log_files.find(url, (*log_files.LOG, "csv"))):
        for part in _parts(file, contract):
            given += len(part)
            _check_targets(part, contract, file.name)
            kept.add(row_hashes(part[_ID]), part.drop(columns=_ID))
    if not given:
        raise GatehouseError(
            f"{shown(url)}: holds no label; each row needs request_id and {contract.target}"
        )
    hashes, frame = kept.settle()
    # Drop empty columns: JSON lines without such a key produce one.
    return Labels(hashes, frame.dropna(axis="columns", how="all"), given)


class _Kept:
    """The labels with the smallest hashes; the last one of each hash."""

    def __init__(self) -> None:
        self._hashes: list[Hashes] = []
        self._frames: list[pd.DataFrame] = []
        self._held = 0

    def add(self, hashes: Hashes, frame: pd.DataFrame) -> None:
        self._hashes.append(hashes)
        self._frames.append(frame)
        self._held += len(hashes)
        if self._held > 2 * MOST:
            self.settle()

    def settle(self) -> tuple[Hashes, pd.DataFrame]:
        frame = pd.concat(self._frames, ignore_index=True)
        # np.unique returns the first of equal hashes, so the order is reversed.
        hashes, first = np.unique(np.concatenate(self._hashes)[::-1], return_index=True)
        hashes, first = hashes[:MOST], first[:MOST]
        frame = frame.iloc[len(frame) - 1 - first].reset_index(drop=True)
        self._hashes, self._frames, self._held = [hashes], [frame], len(hashes)
        return hashes, frame


def _parts(file: log_files.File, contract: Contract) -> Iterator[pd.DataFrame]:
    """Yield the file's labels in blocks.

    The types are given, because a first block without labels would not reveal them.
    """
    kinds = {"request_id": pa.string(), **_kinds(contract)}
    with file.open() as stream:
        try:
            for table in _tables(file, stream, kinds):
                yield _part(table, contract, file.name)
        except pa.ArrowException as error:  # its message may contain personal data
            raise GatehouseError(
                f"{file.name}: cannot be read as labels ({type(error).__name__}): they are CSV, "
                "JSON lines or Parquet; each column stands once, each row has all of them, "
                f"request_id and classes are text, index is a whole number{_number(contract)}"
            ) from None


def _kinds(contract: Contract) -> dict[str, pa.DataType]:
    """Return the columns that labels can have, the target first, and the types they are read as."""
    number, text = pa.float64(), pa.string()
    kinds = {contract.target: number if contract.task is Task.REGRESSION else text}
    kinds |= dict.fromkeys(contract.protected, text)
    kinds |= {contract.weight: number} if contract.weight else {}
    return kinds | ({contract.group: text} if contract.group else {})


def _number(contract: Contract) -> str:
    return f", {contract.target} is a number" if contract.task is Task.REGRESSION else ""


def _tables(
    file: log_files.File, stream: IO[bytes], kinds: dict[str, pa.DataType]
) -> Iterator[pa.Table]:
    name = file.name.rpartition("/")[2]
    if file.is_parquet:
        for batch in pq.ParquetFile(stream).iter_batches():
            yield pa.Table.from_batches([batch])
        return
    if ".csv" in name:
        kinds = kinds | {"index": pa.float64()}
        options = csv.ConvertOptions(column_types=kinds, strings_can_be_null=True, null_values=[""])
        batches = csv.open_csv(stream, convert_options=options)
    else:
        schema = pa.schema([*kinds.items(), ("index", pa.int64())])
        batches = pj.open_json(
            stream,
            parse_options=pj.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
    for batch in batches:
        yield pa.Table.from_batches([batch])


def _part(table: pa.Table, contract: Contract, name: str) -> pd.DataFrame:
    missing = [each for each in ("request_id", contract.target) if each not in table.column_names]
    if missing:
        raise GatehouseError(
            f"{name}: labels have no column {', '.join(missing)}; they need request_id, "
            f"{contract.target}, and index where a request has several rows"
        )
    if "index" not in table.column_names:
        table = table.append_column("index", pa.array(np.zeros(table.num_rows, np.int64)))
    kinds = {name: kind for name, kind in _kinds(contract).items() if name in table.column_names}
    held, kinds = [*kinds], {"request_id": pa.string(), **kinds}
    columns = {each: table[each].cast(kind) for each, kind in kinds.items()}
    part = pa.table(columns | {"index": table["index"].cast(pa.int64()).fill_null(0)})
    frame: pd.DataFrame = part.select([*_ID, *held]).to_pandas()
    # Rows without a label yet are dropped.
    return frame[frame[contract.target].notna() & frame["request_id"].notna()]


def _check_targets(part: pd.DataFrame, contract: Contract, name: str) -> None:
    target = part[contract.target]
    if contract.task is Task.REGRESSION:
        strange, wanted = ~np.isfinite(target), "is not finite"
    else:
        listed = ", ".join(map(repr, contract.classes))
        strange, wanted = ~target.isin(contract.classes), f"is none of the contract's {listed}"
    if strange.any():
        request = part.loc[strange, "request_id"].iloc[0]
        raise GatehouseError(f"{name}: column '{contract.target}' of request {request!r} {wanted}")


def check_protected(truth: pd.DataFrame, contract: Contract) -> None:
    """Refuse labels that lack a protected attribute.

    Raises:
        GatehouseError: with its name.
    """
    missing = [name for name in contract.protected if name not in truth]
    if missing:
        raise GatehouseError(
            f"the labels have no column {', '.join(missing)}, which the contract protects; the "
            "log never holds it, so add it to the labels, or take fairness out of "
            "monitor.gates in policy.yaml"
        )
