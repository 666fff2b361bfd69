"""Changes of a pull request to policy and contract: loosened, tightened or neutral.

A change counts as loosened unless it can be shown to be at least as strict.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from gatehouse.contract import Column, Contract, Retention, Role
from gatehouse.policy import Policy, Rule
from gatehouse.policy_noise import Noise
from gatehouse.split_settings import Split
from gatehouse.verdict import Change

Direction = Literal["loosened", "tightened", "neutral"]

_STRICTNESS = {"pass": 0, "warn": 1, "fail": 2}

# Measuring settings for which a larger value is at least as strict. Any other change of the
# measuring settings counts as loosened, since it may have been chosen after seeing the numbers.
# That includes confidence: a wider interval turns a pass into inconclusive, but also a failure.
_LARGER_IS_STRICTER = {
    "resamples",
    "drift.maximum_rows",
    "fairness.depth",
    "latency.sessions",
    "latency.calls",
}
_SMALLER_IS_STRICTER = {"fairness.minimum_rows", "fairness.minimum_class_rows"}


def policy_changes(base: Policy, proposed: Policy) -> tuple[Change, ...]:
    """Return every difference between the base's policy and the proposed one."""
    changes = _measure_changes(base, proposed) + _monitor_changes(base, proposed)
    changes += _bases_changes(base.bases, proposed.bases)
    changes += _gates_changes(base, proposed)
    for name in [*base.rules, *(name for name in proposed.rules if name not in base.rules)]:
        before, after = base.rules.get(name), proposed.rules.get(name)
        if after is None:
            changes.append(_change(f"rules.{name}", "present", "removed", "loosened"))
        elif before is None:
            changes.append(_change(f"rules.{name}", "absent", "added", "tightened"))
        else:
            changes += _rule_changes(f"rules.{name}", before, after)
    if base.noise != proposed.noise:  # decides nothing
        before_text, after_text = _measured_on(base.noise), _measured_on(proposed.noise)
        changes.append(_change("noise", before_text, after_text, "neutral"))
    if base.comment != proposed.comment:
        changes.append(_change("comment", base.comment, proposed.comment, "neutral"))
    if base.solo != proposed.solo:
        solo: Direction = "tightened" if proposed.solo is False else "loosened"
        changes.append(_change("solo", base.solo, proposed.solo, solo))
    if base.sealed != proposed.sealed:  # any change starts a new count, or none
        direction: Direction = "tightened" if base.sealed is None else "loosened"
        changes.append(_change("sealed", _sealed(base), _sealed(proposed), direction))
    for waiver in base.waivers:
        if waiver not in proposed.waivers:
            changes.append(_change(f"waivers.{waiver.rule}", "present", "removed", "tightened"))
    for waiver in proposed.waivers:
        if waiver not in base.waivers:
            after_text = f"added, until {waiver.expires}"
            changes.append(_change(f"waivers.{waiver.rule}", "absent", after_text, "loosened"))
    return tuple(changes)


def contract_changes(base: Contract, proposed: Contract) -> tuple[Change, ...]:
    """Return every difference between the base's contract and the proposed one."""
    changes: list[Change] = []
    for key in ("name", "description"):
        before, after = getattr(base, key), getattr(proposed, key)
        if before != after:
            changes.append(_change(key, before, after, "neutral"))
    if base.copies != proposed.copies:
        direction: Direction = "tightened" if proposed.copies < base.copies else "loosened"
        changes.append(_change("copies", base.copies, proposed.copies, direction))
    for key in Split.model_fields:  # any change means that other rows are tested on
        before, after = getattr(base.split, key), getattr(proposed.split, key)
        if before != after:
            changes.append(_change(f"split.{key}", before, after, "loosened"))
    if base.retention != proposed.retention:  # any change may remove other rows
        kept, keeps = _kept(base.retention), _kept(proposed.retention)
        changes.append(_change("retention", kept, keeps, "loosened"))
    columns = [*base.columns, *(name for name in proposed.columns if name not in base.columns)]
    for name in columns:
        old, new = base.columns.get(name), proposed.columns.get(name)
        if new is None:
            changes.append(_change(f"columns.{name}", "present", "removed", "loosened"))
        elif old is None:
            changes.append(_change(f"columns.{name}", "absent", "added", "neutral"))
        else:
            changes += _column_changes(f"columns.{name}", old, new)
    if list(base.columns) != list(proposed.columns) and set(base.columns) == set(proposed.columns):
        changes.append(_change("columns", "order", "another order", "neutral"))
    return tuple(changes)


def _measured_on(noise: Noise | None) -> str | None:
    return None if noise is None else f"{noise.seeds} seeds on {noise.date}"


def _sealed(policy: Policy) -> str | None:
    sealed = policy.sealed
    if sealed is None:
        return None
    return f"{sealed.digest}, {sealed.budget} questions, steps of {sealed.step:g}"


def _kept(retention: Retention | None) -> str | None:
    return None if retention is None else f"{retention.days} days by {retention.column}"


def _measure_changes(base: Policy, proposed: Policy) -> list[Change]:
    before, after = _flat(base.measure.model_dump()), _flat(proposed.measure.model_dump())
    changes = []
    for key, old in before.items():
        new = after[key]
        if old == new:
            continue
        stricter = (key in _LARGER_IS_STRICTER and new > old) or (
            key in _SMALLER_IS_STRICTER and new < old
        )
        direction: Direction = "tightened" if stricter else "loosened"
        changes.append(_change(f"measure.{key}", old, new, direction))
    return changes


def _monitor_changes(base: Policy, proposed: Policy) -> list[Change]:
    """Return changes to the monitoring settings; none is stricter than another for all traffic."""
    before, after = (p.monitor.model_dump(mode="json") for p in (base, proposed))
    return [
        _change(f"monitor.{key}", before[key], after[key], "loosened")
        for key in before
        if before[key] != after[key]
    ]


def _bases_changes(before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """Return changes to which status judges which branches."""
    return [
        _change(f"bases.{branch}", before.get(branch), after.get(branch), "loosened")
        for branch in sorted(before.keys() | after.keys())
        if before.get(branch) != after.get(branch)
    ]


def _gates_changes(base: Policy, proposed: Policy) -> list[Change]:
    """Return changes to the repository's own gates.

    An added gate is at least as strict; a replaced or removed one may be less strict.
    """
    changes = []
    for name in sorted(base.gates.keys() | proposed.gates.keys()):
        before, after = base.gates.get(name), proposed.gates.get(name)
        if before is None:
            changes.append(_change(f"gates.{name}", "absent", "added", "tightened"))
        elif after is None:
            changes.append(_change(f"gates.{name}", "present", "removed", "loosened"))
        else:
            changes += [
                _change(f"gates.{name}.{field}", old, new, "loosened")
                for field in type(before).model_fields
                if (old := getattr(before, field)) != (new := getattr(after, field))
            ]
    return changes


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        flat |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return flat


def _rule_changes(key: str, before: Rule, after: Rule) -> list[Change]:
    changes = []
    for field in Rule.model_fields:
        old, new = getattr(before, field), getattr(after, field)
        if old != new:
            changes.append(_change(f"{key}.{field}", old, new, _rule_direction(field, old, new)))
    return changes


def _rule_direction(field: str, old: Any, new: Any) -> Direction:
    if field == "why":
        return "neutral"
    if field in ("inconclusive", "on_fail"):
        return "tightened" if _STRICTNESS[new] > _STRICTNESS[old] else "loosened"
    if field == "accept":
        return _accept_direction(old, new)
    if old is None or new is None:
        return "loosened"
    if field in ("at_least", "alpha", "minimum_n", "minimum_class_n"):
        return "tightened" if new > old else "loosened"
    if field == "at_most":
        return "tightened" if new < old else "loosened"
    return "loosened"


def _accept_direction(old: Any, new: Any) -> Direction:
    """Return the direction of a change of who may accept.

    `never` is strictest, and a subset of the same people is stricter.
    """
    fewer = isinstance(old, tuple) and isinstance(new, tuple) and set(new) < set(old)
    return "tightened" if new == "never" or fewer else "loosened"


def _column_changes(key: str, before: Column, after: Column) -> list[Change]:
    changes = []
    for field in Column.model_fields:
        old, new = getattr(before, field), getattr(after, field)
        if field == "model_input":
            old, new = before.is_model_input, after.is_model_input
        if old != new:
            direction = _column_direction(field, old, new, after)
            changes.append(_change(f"{key}.{field}", old, new, direction))
    return changes


def _column_direction(field: str, old: Any, new: Any, after: Column) -> Direction:
    if field == "description":
        return "neutral"
    if field == "missing":
        return "tightened" if new < old else "loosened"
    if field == "range":
        if new is None:
            return "loosened"
        inside = old is None or (new[0] >= old[0] and new[1] <= old[1])
        return "tightened" if inside else "loosened"
    if field == "categories" and old is not None and new is not None:
        if set(new) == set(old):
            return "neutral"
        return "tightened" if set(new) < set(old) else "loosened"
    if field == "unknown":
        return "tightened" if new == "reject" else "loosened"
    if field == "severity":
        return "tightened" if new == "critical" else "loosened"
    if field == "logged":
        return "loosened" if new else "tightened"
    if field == "role" and old is not Role.PROTECTED and new is Role.PROTECTED:
        return "tightened"
    if field == "model_input" and not (after.role is Role.PROTECTED and new):
        return "neutral"
    return "loosened"


def _change(key: str, before: Any, after: Any, direction: Direction) -> Change:
    return Change(key=key, before=_text(before), after=_text(after), direction=direction)


def _text(value: Any) -> str:
    if value is None:
        return "not set"
    if isinstance(value, tuple):
        return "[" + ", ".join(str(item) for item in value) + "]"
    return str(value)
