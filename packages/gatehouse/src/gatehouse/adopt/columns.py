"""Plan the role of each column of a table."""

from __future__ import annotations

from collections.abc import Sequence

from gatehouse.adopt.names import is_protected_name
from gatehouse.adopt.plan import ColumnPlan, plan_ignored
from gatehouse.adopt.profile import Kind, Profile
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.roles import (
    MOST_GROUPS,
    plan_column,
    plan_kept,
    plan_key,
    plan_protected,
    plan_target,
    plan_weight,
)
from gatehouse.adopt.scan import Scan
from gatehouse.adopt.target import Target
from gatehouse.contract import Role
from gatehouse.errors import GatehouseError
from gatehouse.model import output_name


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
            columns.append(plan_target(target))
        elif name == key:
            columns.append(plan_key(profile))
        elif name in protected:
            columns.append(plan_protected(profile))
        elif name == weight:
            columns.append(plan_weight(profile))
        elif name in ignored and profile.kind is not Kind.UNREAD and not profile.is_row_number:
            columns.append(plan_ignored(profile, "ignored: named by --ignore"))
        elif name in kept:
            columns.append(plan_kept(profile, output_name(target.task)))
        else:
            columns.append(plan_column(profile, output_name(target.task)))
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
        few = profile.distinct is not None and 2 <= profile.distinct <= MOST_GROUPS
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
