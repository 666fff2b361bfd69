"""How `gatehouse init` and the pipeline read the columns of a table, by Arrow type.

One table for `gatehouse init`, which writes the contract, and for the pipeline, which follows it:

| Arrow type | read as |
|---|---|
| integers, floats, decimals | numbers |
| booleans, `arrow.bool8` | numbers 0 and 1, or the texts `false` and `true` |
| strings of any kind, `arrow.json` | text |
| `arrow.uuid` | text, as `123e4567-e89b-12d3-a456-426614174000` |
| fixed-size binary | text, as hexadecimal digits |
| dates, times, timestamps, durations | times, which `init` leaves out of the model |
| dictionaries, run-end encoded, other extensions | as their value type |
| lists, structs, maps, unions, other binary, calendar intervals | not supported |
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from enum import StrEnum

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types


class Reading(StrEnum):
    """How a contract treats the values of an Arrow type."""

    NUMBER = "numbers"
    TEXT = "text"
    TIME = "times"
    NOTHING = "no values"
    NESTED = "lists, structs or maps"
    BYTES = "bytes"
    INTERVAL = "calendar intervals"

    @property
    def is_readable(self) -> bool:
        return self not in (Reading.NESTED, Reading.BYTES, Reading.INTERVAL)


def reading(kind: pa.DataType) -> Reading:
    """Return how values of the type `kind` are read."""
    kind = _plain_type(kind)
    found = (
        (types.is_null, Reading.NOTHING),
        (types.is_boolean, Reading.NUMBER),
        (types.is_integer, Reading.NUMBER),
        (types.is_floating, Reading.NUMBER),
        (types.is_decimal, Reading.NUMBER),
        (types.is_large_string, Reading.TEXT),
        (types.is_interval, Reading.INTERVAL),  # intervals are temporal too
        (types.is_temporal, Reading.TIME),
        (types.is_nested, Reading.NESTED),
    )
    return next((kind_read for holds, kind_read in found if holds(kind)), Reading.BYTES)


def plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the values in a type that casts to text; see the table above.

    Values of unsupported types are returned unchanged.

    Raises:
        pyarrow.ArrowException: a text is not valid UTF-8.
    """
    kind = values.type
    if isinstance(kind, pa.UuidType):
        return _as_text(values, lambda value: str(uuid.UUID(bytes=value)))
    if isinstance(kind, pa.Bool8Type):
        return _storage(values).cast(pa.bool_())
    if isinstance(kind, pa.BaseExtensionType):
        return plain(_storage(values))
    if types.is_dictionary(kind):
        decoded = [chunk.dictionary_decode() for chunk in values.chunks]
        return plain(pa.chunked_array(decoded, kind.value_type))
    if types.is_run_end_encoded(kind):
        decoded = [pc.run_end_decode(chunk) for chunk in values.chunks]
        return plain(pa.chunked_array(decoded, kind.value_type))
    if types.is_fixed_size_binary(kind):
        return _as_text(values, bytes.hex)
    plain_type = _plain_type(kind)
    return values if plain_type == kind else values.cast(plain_type)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of the values that `plain` returns."""
    if isinstance(kind, pa.UuidType):
        return pa.large_string()
    if isinstance(kind, pa.Bool8Type):
        return pa.bool_()
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if types.is_dictionary(kind) or types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if types.is_float16(kind):
        return pa.float32()
    text = (types.is_string, types.is_string_view, types.is_fixed_size_binary)
    return pa.large_string() if any(holds(kind) for holds in text) else kind


def _storage(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return pa.chunked_array([chunk.storage for chunk in values.chunks], values.type.storage_type)


def _as_text(values: pa.ChunkedArray, write: Callable[[bytes], str]) -> pa.ChunkedArray:
    stored = _storage(values) if isinstance(values.type, pa.BaseExtensionType) else values
    texts = [None if value is None else write(value) for value in stored.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.large_string())])
