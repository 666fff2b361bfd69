"""Labels that came later: what was true of a logged row, and its protected attributes.

A table (CSV, JSON lines or Parquet) with `request_id`, `index` (of the row in its request; 0 where
there is no such column), the contract's target, and the protected attributes, which the log never
holds. Of more than a million labels a uniform sample is kept, by hash, as of the log itself.
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

from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.monitor import files
from gatehouse.monitor.sample import Hashes
from gatehouse.rows import row_hashes

MOST = 1_000_000
_ID = ["request_id", "index"]


@dataclass(frozen=True)
class Labels:
    """Labels by what they are of.

    Attributes:
        hashes: of request id and index, in increasing order; shape [N].
        frame: the target and the protected attributes that were given, N rows.
        given: how many there were before sampling; a label given again counts again.
    """

    hashes: Hashes
    frame: pd.DataFrame
    given: int

    def places(self, hashes: Hashes) -> NDArray[np.intp]:
        """Where in `frame` the label of each record stands, shape of `hashes`; -1: nowhere."""
        if not len(self.hashes):
            return np.full(len(hashes), -1, np.intp)
        found = np.searchsorted(self.hashes, hashes).clip(max=len(self.hashes) - 1)
        return np.where(self.hashes[found] == hashes, found, -1)


def identity(records: pa.Table) -> Hashes:
    """Hashes of which row of which request a record is, shape [N]."""
    return row_hashes(records.select(_ID).to_pandas())


def read_labels(url: str, contract: Contract) -> Labels:
    """The labels at a path or URL; of a row that is labelled twice the later label counts.

    Raises:
        GatehouseError: they can't be read, lack a column, or hold what is no class.
    """
    frame, given = pd.DataFrame(), 0
    hashes = np.empty(0, np.uint64)
    for file in reversed(files.find(url)):
        for part in _parts(file, contract):
            given += len(part)
            _check_classes(part, contract, file.name)
            hashes = np.concatenate([hashes, row_hashes(part[_ID])])
            frame = pd.concat([frame, part.drop(columns=_ID)], ignore_index=True)
            # The last of equal ones: np.unique tells of the first, so the order is turned.
            hashes, first = np.unique(hashes[::-1], return_index=True)
            hashes, first = hashes[:MOST], first[:MOST]
            frame = frame.iloc[len(frame) - 1 - first].reset_index(drop=True)
    return Labels(hashes, frame, given)


def _parts(file: files.File, contract: Contract) -> Iterator[pd.DataFrame]:
    try:
        with file.open() as stream:
            for table in _tables(file, stream):
                yield _part(table, contract, file.name)
    except pa.ArrowException as error:
        raise GatehouseError(f"{file.name}: cannot be read ({' '.join(str(error).split())[:200]}); "
                             "labels are CSV, JSON lines or Parquet") from None  # fmt: skip


def _tables(file: files.File, stream: IO[bytes]) -> Iterator[pa.Table]:
    name = file.path.rpartition("/")[2]
    if ".parquet" in name:
        for batch in pq.ParquetFile(stream).iter_batches():
            yield pa.Table.from_batches([batch])
    elif ".csv" in name:
        header = csv.ConvertOptions(column_types=dict.fromkeys(["request_id"], pa.string()))
        for batch in csv.open_csv(stream, convert_options=header):
            yield pa.Table.from_batches([batch])
    else:
        schema = pa.schema([("request_id", pa.string()), ("index", pa.int64())])
        for batch in pj.open_json(stream, parse_options=pj.ParseOptions(explicit_schema=schema)):
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
    held = [each for each in [contract.target, *contract.protected] if each in table.column_names]
    part = table.select([*_ID, *held])
    part = part.set_column(1, "index", part["index"].fill_null(0).cast(pa.int64()))
    for place, column in enumerate(held, len(_ID)):
        part = part.set_column(place, column, part[column].cast(pa.string()))
    frame: pd.DataFrame = part.to_pandas()
    # A label that is not there yet is no label.
    return frame[frame[contract.target].notna() & frame["request_id"].notna()]


def _check_classes(part: pd.DataFrame, contract: Contract, name: str) -> None:
    strange = part.loc[~part[contract.target].isin(contract.classes), contract.target]
    if len(strange):
        raise GatehouseError(
            f"{name}: column '{contract.target}' holds {strange.iloc[0]!r}, which is neither of "
            f"the contract's {', '.join(map(repr, contract.classes))}"
        )
