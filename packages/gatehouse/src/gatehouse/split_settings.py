"""`split` of contract.yaml: which rows train, validate and test."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gatehouse.named import OWN_OBJECT
from gatehouse.splits import BY_NAME as SPLIT_RULES
from gatehouse.splits.hash import HASH
from gatehouse.typed import Frozen

_OWN = "gates.MODULE:OBJECT of your own"


def _known_rule(name: str) -> str:
    if name not in SPLIT_RULES and not re.fullmatch(OWN_OBJECT, name):
        there = ", ".join(SPLIT_RULES)
        raise ValueError(f"'{name}' is no split rule; there are: {there}, or {_OWN}")
    return name


def _day(value: object) -> object:
    if not isinstance(value, date | str):  # pydantic would read a number as seconds
        raise ValueError("write a date, such as 2026-01-31")
    return value


RuleName = Annotated[
    str,
    AfterValidator(_known_rule),
    Field(json_schema_extra={"pattern": f"^({'|'.join(SPLIT_RULES)}|{OWN_OBJECT})$"}),
]
Share = Annotated[float, Field(gt=0, lt=1)]
Day = Annotated[date, BeforeValidator(_day)]


class Split(Frozen):
    """Which rows train, validate and test.

    The list is written out, so that a new column, another role or another type moves no row.
    """

    by: RuleName = Field(
        default=HASH.name,
        description="what decides a row's split: hash (of the identity), group (the column with "
        "role: group), time, or gates.MODULE:OBJECT of your own",
    )
    settings: dict[str, Any] = Field(default={}, description="of a rule of your own")
    hash: Literal[1] | None = Field(
        default=None,
        description="version of the row hash; another deals all rows again. Not for by: time",
    )
    identity: tuple[str, ...] = Field(
        min_length=1,
        description="columns that identify a row: the key, or the model inputs if there is no "
        "key. By hash, rows with equal values share a split; the order here does not matter",
    )
    valid: Share | None = Field(
        default=None, description="share of the valid split; not for by: time"
    )
    test: Share | None = Field(
        default=None, description="share of the test split; not for by: time"
    )
    time: str | None = Field(
        default=None, description="by: time only: the column of type timestamp that decides"
    )
    valid_from: Day | None = Field(
        default=None, description="by: time only: first day of the valid split; train is before it"
    )
    test_from: Day | None = Field(
        default=None, description="by: time only: first day of the test split; valid is before it"
    )
    gap: Annotated[int, Field(ge=0, le=3_660)] = Field(
        default=0,
        description="by: time only: days before valid_from and before test_from whose rows are "
        "left out of all splits",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.identity:
            if self.identity.count(name) > 1:
                raise ValueError(f"identity names '{name}' twice; take one out")
        rule = SPLIT_RULES.get(self.by, HASH)  # a rule of one's own has the keys of hash
        others = {key for each in SPLIT_RULES.values() for key in each.keys} - {*rule.keys}
        for key in rule.keys:
            if getattr(self, key) is None:
                raise ValueError(f"by: {self.by} needs the key '{key}'; add it")
        for key in sorted(others):
            if getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"by: {self.by} has no key '{key}'; take it out")
        if self.gap and "time" not in rule.keys:
            raise ValueError(f"by: {self.by} has no key 'gap'; take it out")
        if self.valid is not None and self.test is not None and self.valid + self.test >= 1:
            raise ValueError("valid and test together leave no rows to train on; lower one")
        if self.valid_from is None or self.test_from is None:
            return self
        if (self.test_from - self.valid_from).days <= self.gap:
            raise ValueError("valid_from and the gap leave no days to valid; move test_from")
        return self

    @property
    def shares(self) -> tuple[float, float]:
        """Return the shares of valid and test.

        Raises:
            ValueError: the split is by time, which has none.
        """
        if self.valid is None or self.test is None:
            raise ValueError(f"split by {self.by} has no shares")
        return self.valid, self.test
