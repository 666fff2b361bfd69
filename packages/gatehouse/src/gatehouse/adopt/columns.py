"""Turn profiles into columns of the contract: types, limits and roles."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gatehouse.adopt.alike import alike
from gatehouse.adopt.names import is_protected_name, is_weight_name
from gatehouse.adopt.profile import Kind, Profile, Scan, are_sentences, frequent, is_none
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.target import Target
from gatehouse.columns.numbers import FLOAT32_EXACT_INTEGERS
from gatehouse.contract import Role, Task
from gatehouse.errors import GatehouseError
from gatehouse.model import output_name

_SLACK = 0.1
"""Share of the observed range that is added on each side."""
_MOST_GROUPS = 12
_INT64_LIMIT = 2**63 - 1
_FEWEST_STEPS = 100
"""Minimum number of float32 values in a column's range, because the graph reads float32."""


@dataclass(frozen=True)
class Planned:
    """A column of the table with its planned role.

    Attributes:
        profile: of the column.
        column: its entry in contract.yaml; None if the contract does not name it.
        note: information for people.
        warning: whether the note is a warning.
    """

    profile: Profile
    column: dict[str, Any] | None
    note: str = ""
    warning: bool = False

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def role(self) -> Role | None:
        """The column's role; None if the contract does not name it."""
        return None if self.column is None else Role(self.column.get("role", Role.FEATURE))

    @property
    def is_open(self) -> bool:
        """Whether values that are not listed are allowed."""
        return self.column is not None and self.column.get("unknown") == "other"


@dataclass(frozen=True)
class ColumnPlan:
    """All columns, in the table's order."""

    target: Target
    columns: tuple[Planned, ...]
    warnings: tuple[str, ...] = field(default=())

    def of(self, *roles: Role) -> list[Planned]:
        return [column for column in self.columns if column.role in roles]

    @property
    def inputs(self) -> list[str]:
        """Names of the columns that the model takes as inputs."""
        return [
            planned.name
            for planned in self.columns
            if planned.column is not None
            and planned.column.get("model_input", planned.role is Role.FEATURE)
        ]

    def warned(self, name: str, note: str) -> ColumnPlan:
        """Return this plan with a warning on one column."""
        changed = (
            replace(column, note="; ".join(filter(None, [column.note, note])), warning=True)
            if column.name == name
            else column
            for column in self.columns
        )
        return replace(self, columns=tuple(changed))

    def leaving_out(self, name: str, note: str) -> ColumnPlan:
        """Return this plan with one feature ignored, so that its future values stop nothing."""
        changed = (
            _ignored(column.profile, note) if column.name == name else column
            for column in self.columns
        )
        return replace(self, columns=tuple(changed))


def plan_columns(
    scan: Scan,
    target: Target,
    protected: Sequence[str],
    key: str | None,
    questions: Questions,
    *,
    ignored: Sequence[str] = (),
    kept: Sequence[str] = (),
    weight: str | None = None,
) -> ColumnPlan:
    """Plan the role of each column.

    Args:
        scan: of the table.
        target: its target.
        protected: columns for measuring fairness.
        key: the column that identifies a row, if it was given.
        questions: asked when something is unclear.
        ignored: columns that the model must not see.
        kept: columns that are features, whatever they look like.
        weight: the column with the rows' training weights.

    Raises:
        GatehouseError: a given column cannot have its role, or has two roles, or no features are
            left.
    """
    taken = _once({
        "--target": [target.name], "--protected": protected, "--ignore": ignored, "--keep": kept,
        "--key": [key] if key else [], "--weight": [weight] if weight else [],
    })  # fmt: skip
    profiles = scan.profiles
    key = _checked_key(profiles[key]) if key else _find_key(profiles, taken, questions)
    protected = [*protected, *_look_protected(profiles, {key, *taken}, questions)]
    columns = []
    for name, profile in profiles.items():
        if name == target.name:
            columns.append(_target(target))
        elif name == key:
            columns.append(_key(profile))
        elif name in protected:
            columns.append(_protected(profile))
        elif name == weight:
            columns.append(_weight(profile))
        elif name in ignored and profile.kind is not Kind.UNREAD and not profile.is_row_number:
            columns.append(_ignored(profile, "ignored: named by --ignore"))
        elif name in kept:
            columns.append(_kept(profile, output_name(target.task)))
        else:
            columns.append(_column(profile, output_name(target.task)))
    plan = ColumnPlan(target, tuple(columns))
    if not plan.of(Role.FEATURE):
        raise GatehouseError(
            "no column is left to learn from: "
            + "; ".join(f"{c.name}: {c.note}" for c in columns if c.note and c.role != Role.TARGET)
        )
    return plan


def _once(named: dict[str, Sequence[str]]) -> set[str]:
    """Return all columns named by an option; refuse a column named by two."""
    options: dict[str, str] = {}
    for option, names in named.items():
        for name in names:
            if first := options.get(name):
                raise GatehouseError(f"{option}: '{name}' is named by {first} too; name it by one")
            options[name] = option
    return set(options)


def _checked_key(profile: Profile) -> str:
    if profile.kind is Kind.UNREAD:
        raise GatehouseError(
            f"--key: '{profile.name}' holds lists, bytes or intervals; a key is text"
        )
    if profile.missing or (not profile.unique and profile.distinct != profile.known):
        problem = (
            f"has no value in {profile.missing:,} rows"
            if profile.missing
            else "has values that come more than once"
        )
        raise GatehouseError(
            f"--key: '{profile.name}' {problem}; a key is in every row, and each row has its own"
        )
    return profile.name


def _find_key(profiles: dict[str, Profile], named: set[str], questions: Questions) -> str | None:
    """Return the column that identifies a row, if that is certain or confirmed by the answer."""
    found = [p for p in profiles.values() if p.kind is Kind.ID and not p.missing
             and p.name.strip() and p.name not in named]  # fmt: skip
    for profile in sorted(found, key=lambda p: (not p.named_id, p.strays == 0)):
        sure = profile.named_id and not profile.is_row_number
        taken = (
            "taken as the key, --key names another" if sure else "not used, unless --key names it"
        )
        if questions.yes(
            f"'{profile.name}' has a different value in every row. Is it a key?",
            default=sure,
            note=f"'{profile.name}' has a different value in every row: {taken}",
        ):
            return profile.name
    return None


def _look_protected(
    profiles: dict[str, Profile], named: set[str | None], questions: Questions
) -> list[str]:
    found = []
    for name, profile in profiles.items():
        few = profile.distinct is not None and 2 <= profile.distinct <= _MOST_GROUPS
        if name in named or not few or not is_protected_name(name):
            continue
        if questions.yes(
            f"Is '{name}' a protected attribute? The model is then not fed it, and fairness is "
            "measured by it",
            default=False,
            note=f"'{name}' looks like a protected attribute, and the model is fed it: "
            "--protected makes fairness measured by it instead",
        ):
            found.append(name)
    return found


def _target(target: Target) -> Planned:
    if target.task is Task.REGRESSION:
        return Planned(target.profile, {**_numeric(target.profile, fed=False), "role": "target"})
    # The positive class last, as everywhere.
    column: dict[str, Any] = {
        "type": "category", "role": "target", "categories": list(target.classes),
    }  # fmt: skip
    if target.positive is not None:
        column["positive"] = target.positive
    note = "; ".join(alike(target.classes))
    return Planned(target.profile, column, note, warning=bool(note))


def _key(profile: Profile) -> Planned:
    return Planned(profile, {"type": "string", "role": "key"}, "identifies a row")


def _protected(profile: Profile) -> Planned:
    name = profile.name
    kinds = (Kind.CATEGORY, Kind.INTEGER, Kind.TEXT)
    if profile.kind not in kinds or (profile.distinct or 99) > _MOST_GROUPS:
        what = {Kind.CONSTANT: "has one value only", Kind.EMPTY: "has no values"}.get(
            profile.kind, f"has more than {_MOST_GROUPS} values, or is no category"
        )
        raise GatehouseError(
            f"--protected: '{name}' {what}; a protected attribute is a category of a few groups, "
            "so put numbers such as ages into bands, in a column of their own"
        )
    notes = ["not fed to the model", *alike(profile.counts)]
    return Planned(
        profile, {"role": "protected", **_category(profile)}, "; ".join(notes), len(notes) > 1
    )


def _weight(profile: Profile) -> Planned:
    if not profile.is_numeric or profile.missing or profile.infinite or profile.low < 0:
        raise GatehouseError(
            f"--weight: '{profile.name}' must be a number in every row, and never negative"
        )
    return Planned(
        profile, {**_numeric(profile, fed=False), "role": "weight"}, "weighs the row in training"
    )


def _kept(profile: Profile, output: str) -> Planned:
    """Plan a column that its owner calls a feature, if it can be one."""
    kind = profile.kind
    if kind in (Kind.ID, Kind.ENTITY, Kind.COUNTER, Kind.TEXT):
        repeated = frequent(profile.counts, profile.known)
        if np.isfinite(profile.low):
            kind = Kind.INTEGER
        elif max(repeated.values(), default=1) > 1:
            kind = Kind.CATEGORY
    planned = _column(replace(profile, kind=kind, counts_up=False), output)
    if planned.role is not Role.FEATURE:
        raise GatehouseError(
            f"--keep: '{profile.name}' can't be a feature "
            f"({planned.note.removeprefix('ignored: ')}); leave it out of --keep"
        )
    return planned


def _column(profile: Profile, output: str) -> Planned:
    """Plan a column that was given no role."""
    if not profile.name.strip():
        return Planned(profile, None, "has no name: left out", warning=True)
    if profile.kind is Kind.UNREAD:
        return Planned(
            profile,
            None,
            "lists, bytes or intervals: left out; store numbers or text",
            warning=True,
        )
    if profile.is_row_number:
        # As part of the contract, it would make every row distinct, so no copy would be found.
        return Planned(profile, None, "row numbers: left out", warning=True)
    if profile.name == output:
        return _ignored(profile, f"ignored: '{output}' is the name of the model's output, rename")
    match profile.kind:
        case Kind.EMPTY:
            return _ignored(profile, "ignored: no row has a value")
        case Kind.CONSTANT:
            return _ignored(profile, "ignored: the same value in every row")
        case Kind.DATE:
            return _ignored(profile, "ignored: dates or times; a number of days would be used")
        case Kind.TEXT:
            return _ignored(profile, "ignored: free text (sentences, or nearly a value per row)")
        case Kind.ID:
            return _ignored(profile, "ignored: a different value in every row")
        case Kind.ENTITY:
            return _ignored(profile, "ignored: an id that is in several rows")
        case Kind.MIXED:
            return _ignored(
                profile,
                f"ignored: numbers, but {profile.strays:,} rows hold other text; make it empty",
            )
        case Kind.WRITTEN:
            return _ignored(
                profile,
                "ignored: numbers written with separators or signs, such as , $ or %; write plain "
                "numbers",
            )
        case Kind.CATEGORY:
            column = _category(profile)
            notes, listed = [], column["categories"]
            notes += alike(profile.counts)
            if len(listed) > 2 and are_sentences(listed):
                notes.append(f"sentences, listed in contract.yaml? Then --ignore {profile.name}")
            warning = bool(notes)
            if len(listed) < (profile.distinct or 0):
                notes.insert(0, f"{len(listed)} of {profile.distinct:,} values listed")
            return Planned(profile, column, "; ".join(notes), warning=warning)
    step = float(np.spacing(np.float32(max(abs(profile.low), abs(profile.high)))))
    if profile.high - profile.low < _FEWEST_STEPS * step:
        return _ignored(
            profile, "ignored: float32 can't tell its values apart; subtract the smallest"
        )
    note = f"{profile.infinite:,} infinite or huge values: warned of" if profile.infinite else ""
    if profile.kind is Kind.INTEGER and step > 1:
        note = f"float32, which the graph reads, holds only every {_nth(step)} of these numbers"
    if profile.standins:
        far = " and ".join(profile.standins)
        note = f"{far} far from the others: for missing? Then make it empty, or name it in "
        note += "data.file.missing"
    if not note and is_weight_name(profile.name):
        note = f"how much a row counts? Then: --weight {profile.name}"
    if profile.counts_up and (not note or profile.standins):
        doubt = f"counts up, or does so in batches: a running number? Then --ignore {profile.name}"
        note = f"{note}; {doubt}" if note else doubt
    return Planned(profile, _numeric(profile, fed=True), note, warning=bool(note))


def _nth(step: float) -> str:
    """Return a power of two as in "every 2nd"."""
    text = f"{step:.0f}"
    return text + ("nd" if text.endswith("2") and not text.endswith("12") else "th")


def _ignored(profile: Profile, note: str) -> Planned:
    return Planned(
        profile, {"type": "string", "role": "ignored", "missing": True}, note, warning=True
    )


def _category(profile: Profile) -> dict[str, Any]:
    listed = list(frequent(profile.counts, profile.known))
    # If it were not listed, the pipeline would treat it as missing.
    listed += [value for value in profile.counts if is_none(value) and value not in listed]
    column: dict[str, Any] = {"type": "category", "categories": sorted(listed)}
    if len(listed) < len(profile.counts):
        column["unknown"] = "other"
    return column | _missing(profile)


def _numeric(profile: Profile, *, fed: bool) -> dict[str, Any]:
    whole = profile.kind is Kind.INTEGER
    low, high = rounded_range(profile, whole=whole)
    if max(abs(low), abs(high)) > (FLOAT32_EXACT_INTEGERS if fed else _INT64_LIMIT):
        whole = False
    column: dict[str, Any] = {"type": "integer" if whole else "number", "range": [low, high]}
    if profile.infinite:
        column["severity"] = "warning"
    return column | _missing(profile)


def _missing(profile: Profile) -> dict[str, Any]:
    """Return the allowed share of missing values: more than observed, or none if none was."""
    if not profile.missing:
        return {}
    return {"missing": with_slack(profile.missing / profile.rows)}


def with_slack(share: float) -> float:
    """Return a limit for an observed share: a quarter plus two points more, in whole points."""
    return min(1.0, math.ceil((1.25 * share + 0.02) * 100) / 100)


def rounded_range(profile: Profile, *, whole: bool) -> tuple[float, float]:
    """Return the range with room on both sides, rounded so that it reveals no row's exact extreme.

    Two numbers, such as 0 and 1, are used as they are, and 0 remains an end if nothing is beyond
    it.
    """
    low, high = profile.low, profile.high
    if profile.distinct == 2 and whole:
        return _plain(low), _plain(high)
    span = (high - low) or abs(high) or 1.0
    step = 10.0 ** (math.floor(math.log10(span)) - 1)
    if whole:
        step = max(1.0, step)
    ends = []
    for end, away, round_away in ((low, -1, math.floor), (high, 1, math.ceil)):
        moved = round_away((end + away * _SLACK * span) / step) * step
        if moved == end:
            moved += away * step
        if end * away <= 0 < moved * away:
            moved = 0.0
        ends.append(_plain(round(moved, max(0, -math.floor(math.log10(step))))))
    return ends[0], ends[1]


def _plain(value: float) -> float:
    """Return whole numbers without a decimal point."""
    return (
        int(value) if float(value).is_integer() and abs(value) < 1e15 else float(np.float64(value))
    )
