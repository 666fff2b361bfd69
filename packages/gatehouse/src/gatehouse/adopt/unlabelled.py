"""Rows without a target: dropped everywhere, if the user agrees."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
from pyarrow import compute

from gatehouse.adopt.cells import NO_VALUE
from gatehouse.adopt.profile import Kind, Profile
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.scan import Scan, scan
from gatehouse.adopt.table import Table
from gatehouse.adopt.target import LEAST_ROWS, check_target
from gatehouse.errors import GatehouseError

_TEXTS_TOLD = 3


@dataclass(frozen=True, kw_only=True)
class _Labelled(Table):
    """The rows of `whole` whose `target` is none of `tokens`."""

    whole: Table
    target: str
    tokens: frozenset[str]

    def blocks(self) -> Iterator[pa.Table]:
        for block in self.whole.blocks():
            yield block.filter(compute.invert(_among(block[self.target], self.tokens)))


def drop_unlabelled(table: Table, seen: Scan, name: str, questions: Questions) -> Scan:
    """Return the profile of the rows that have a target; `seen` if all rows have one.

    Args:
        table: the profiled table.
        seen: the profile of all rows.
        name: of the target column.
        questions: asks whether the other rows may be dropped.

    Raises:
        GatehouseError: they may not be dropped, too few rows are left, or nothing can be learned
            from this column.
    """
    profile = seen.profiles[name]
    if not profile.missing:
        return seen
    check_target(profile)
    if profile.known < LEAST_ROWS:
        raise GatehouseError(
            f"--target: '{name}' has a value in {profile.known:,} of {profile.rows:,} rows; a "
            f"model needs hundreds, and splits into train, valid and test at least {LEAST_ROWS}"
        )
    tokens = NO_VALUE | profile.marks
    texts = _listed(profile.absent)
    note = f"'{name}' has no value in {profile.missing:,} of {profile.rows:,} rows ({texts})"
    # A class called NA would otherwise be overlooked.
    named = not profile.is_numeric and {*profile.absent} != {""}
    classes = "; rename a class of that name" if named else ""
    if not questions.yes(
        f"{note}{classes}. Drop these rows?",
        default=True,
        note=f"{note}: they are dropped (data.file.unlabelled in params.yaml){classes}",
    ):
        raise GatehouseError(
            f"--target: {note}. A row without it can be neither trained on nor tested: let these "
            "rows be dropped, or give them a value"
        )
    labelled = _Labelled(**vars(table), whole=table, target=name, tokens=tokens)
    row_numbers = {column for column, each in seen.profiles.items() if each.is_row_number}
    found = scan(labelled, name, marks=seen.marks, row_numbers=row_numbers)
    profiles = {c: _known(each, found.profiles[c]) for c, each in seen.profiles.items()}
    return replace(found, profiles=profiles)


def _known(whole: Profile, labelled: Profile) -> Profile:
    """Return a column of the labelled rows; there, row numbers would look like an amount."""
    if whole.is_row_number:
        return whole
    if whole.kind is Kind.ID and labelled.unique:
        return replace(labelled, kind=Kind.ID)
    return replace(labelled, counts_up=whole.counts_up and labelled.kind is Kind.INTEGER)


def _among(values: pa.ChunkedArray, tokens: frozenset[str]) -> pa.ChunkedArray:
    """Return a mask of the values that are null or one of `tokens`."""
    return compute.is_in(values, value_set=pa.array([None, *sorted(tokens)], pa.large_string()))


def _listed(texts: dict[str, int]) -> str:
    most = [f"{n:,} '{text}'" if text else f"{n:,} empty"
            for text, n in list(texts.items())[:_TEXTS_TOLD]]  # fmt: skip
    return ", ".join(most + ["…"] * (len(texts) > _TEXTS_TOLD))
