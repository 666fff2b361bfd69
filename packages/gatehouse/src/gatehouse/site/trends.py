"""The values that rules judge, over commits and over windows of production."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Interval, Of
from gatehouse.monitor.record import Record
from gatehouse.report.escape import plain
from gatehouse.report.numbers import bound, estimate
from gatehouse.report.words import is_difference, plain_name, plain_slice
from gatehouse.site.history import History, evidence_at
from gatehouse.verdict import Outcome, RuleResult, Verdict

POINTS = 50
"""Maximum number of commits of a trend."""
SLICES = 12
"""Maximum number of slices drawn for a rule."""

Key = tuple[str, str, Of, str]
"""Gate, measurement, subject, slice."""


@dataclass(frozen=True)
class Point:
    """One value; `outcome` is None if it was not judged."""

    at: str
    value: float
    interval: Interval | None
    limit: float
    outcome: Outcome | None


@dataclass(frozen=True)
class Trend:
    """One rule's values for one slice, oldest first."""

    result: RuleResult
    slice: str
    unit: str
    points: tuple[Point, ...]

    @property
    def title(self) -> str:
        of_base = self.result.of is Of.COMPARISON and self._signed
        where = plain(plain_slice(self.slice), 80)
        return (
            plain(plain_name(self.result.measurement, self.result.described), 80)
            + (f" of {where}" if where else "")
            + (" against the base" if of_base else "")
        )

    @property
    def why(self) -> str:
        """The rule's reason, on one line."""
        return plain(self.result.why, 200)

    @property
    def limit_text(self) -> str:
        """The rule's requirement, by the newest limit."""
        side = "at least" if self.result.bound == "at_least" else "at most"
        return f"{side} {self.number(self.points[-1].limit)}"

    def number(self, value: float) -> str:
        return bound(value, self.unit, signed=self._signed)

    def tick(self, value: float) -> str:
        """Format a number of the axis; if the unit is a word, it is in the caption."""
        unit = self.unit if self.unit in ("share", "bytes") else "1"
        return bound(value, unit, signed=self._signed)

    def shown(self, point: Point) -> str:
        """Format a point's value and interval."""
        return estimate(
            point.value, point.interval, self.unit, signed=self._signed, limit=point.limit
        )

    @property
    def _signed(self) -> bool:
        return is_difference(self.result.measurement, self.result.of, self.result.described)

    @property
    def beyond(self) -> float:
        """How far the newest value is beyond its limit, relative to the limit."""
        last = self.points[-1]
        beyond = last.value - last.limit
        if self.result.bound == "at_least":
            beyond = -beyond
        return beyond / (abs(last.limit) or 1.0)


@dataclass(frozen=True)
class RuleTrends:
    """A rule's trends, nearest to the limit first; `left_out` counts the others."""

    result: RuleResult
    trends: tuple[Trend, ...]
    left_out: int


def over_commits(root: Path, history: History) -> list[RuleTrends]:
    """Return trends of the newest verdict's rules over commits with the same measurement."""
    verdicts = history.verdicts[:POINTS]
    if not verdicts:
        return []
    points: dict[str, dict[str, list[Point]]] = {}
    newest = verdicts[0][1]
    rules = {result.rule: result for result in newest.rules}
    for entry, verdict in reversed(verdicts):
        for result in verdict.rules:
            if result.rule in rules and _same(result, rules[result.rule]):
                for where, point in _judged(result, entry.name):
                    points.setdefault(result.rule, {}).setdefault(where, []).append(point)
    wanted = {_key(rules[rule], where) for rule, found in points.items() for where in found}
    units = _units(root, history, wanted)
    return _chosen(newest, points, units)


def over_windows(record: Record, verdict: Verdict) -> list[RuleTrends]:
    """Return trends of production's rules over the measured windows."""
    points: dict[str, dict[str, list[Point]]] = {}
    units: dict[Key, str] = {}
    for result in verdict.rules:
        judged = dict(_judged(result, ""))
        for window in record.windows:
            for measured in window.measurements:
                if (measured.name, measured.of) != (result.measurement, result.of):
                    continue
                if measured.slice not in judged or measured.value is None:
                    continue
                newest = window is record.windows[-1]
                point = Point(
                    at=f"{window.end:%Y-%m-%d %H:%M}",
                    value=measured.value,
                    interval=measured.interval,
                    limit=result.limit,
                    outcome=judged[measured.slice].outcome if newest else None,
                )
                points.setdefault(result.rule, {}).setdefault(measured.slice, []).append(point)
                units[_key(result, measured.slice)] = measured.unit
    return _chosen(verdict, points, units)


def _judged(result: RuleResult, at: str) -> Iterator[tuple[str, Point]]:
    """Yield a rule's findings that have a value, by slice."""
    for finding in result.findings:
        if finding.value is not None:
            yield (
                finding.slice,
                Point(at, finding.value, finding.interval, result.limit, finding.outcome),
            )


def _same(result: RuleResult, newest: RuleResult) -> bool:
    """Return whether a rule of this name still judges the same as then."""
    return (result.gate, result.measurement, result.of, result.bound) == (
        newest.gate, newest.measurement, newest.of, newest.bound,
    )  # fmt: skip


def _key(result: RuleResult, where: str) -> Key:
    return result.gate, result.measurement, result.of, where


def _units(root: Path, history: History, wanted: set[Key]) -> dict[Key, str]:
    """Return units, which verdicts lack, from the newest evidence that has each measurement."""
    found: dict[Key, str] = {}
    for entry in history.entries:
        if wanted <= found.keys():
            break
        for evidence in _evidence(entry.commit, root):
            for each in evidence.measurements:
                found.setdefault((evidence.gate, each.name, each.of, each.slice), each.unit)
    return found


def _evidence(commit: str, root: Path) -> Iterable[Evidence]:
    from gatehouse.workspace import EVIDENCE

    if commit:
        return evidence_at(commit, root)
    found = []
    for path in sorted((root / EVIDENCE).glob("*.json")):
        with suppress(GatehouseError):
            found.append(Evidence.read(path))
    return found


def _chosen(
    verdict: Verdict, points: dict[str, dict[str, list[Point]]], units: dict[Key, str]
) -> list[RuleTrends]:
    chosen = []
    for result in verdict.rules:
        trends = [
            Trend(result, where, units.get(_key(result, where), "1"), tuple(found))
            for where, found in points.get(result.rule, {}).items()
        ]
        trends.sort(key=lambda trend: (-trend.beyond, trend.slice))
        if trends:
            chosen.append(RuleTrends(result, tuple(trends[:SLICES]), len(trends[SLICES:])))
    return chosen
