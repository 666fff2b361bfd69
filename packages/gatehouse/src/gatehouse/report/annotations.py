"""Finds the lines of a change's settings that a failure comes from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from pydantic import Field

from gatehouse.disclosed import disclosed
from gatehouse.gates.data import DATA
from gatehouse.report.context import ReportContext, flat
from gatehouse.report.escape import plain
from gatehouse.report.links import key_lines
from gatehouse.report.summary import finding_text, worst_finding
from gatehouse.report.words import PLAIN, failed_expectations, plain_slice
from gatehouse.typed import Frozen
from gatehouse.verdict import RuleResult

MOST = 30
_SETTINGS = 5
"""Maximum number of changed settings that a failure is annotated at."""


File = Literal["params.yaml", "contract.yaml", "policy.yaml"]
FILES: tuple[File, ...] = get_args(File)
_PARAMS, _CONTRACT, _POLICY = FILES


class Annotation(Frozen):
    """A note on a line of a file, as GitHub shows it next to the change."""

    path: File = Field(description="the file")
    line: int = Field(ge=1, le=1_000_000, description="from 1")
    level: Literal["failure", "warning"] = Field(description="a warning needs an owner's look")
    title: str = Field(max_length=255, description="the rule, or what changed")
    text: str = Field(max_length=1000, description="plain text")


def find_annotations(context: ReportContext, texts: Mapping[File, str]) -> tuple[Annotation, ...]:
    """Return notes on what blocks a change and on what it loosens, at most `MOST`.

    A column's failure is annotated at the column in contract.yaml, and a model's failure at the
    changed settings in params.yaml.

    Args:
        context: the context of the report.
        texts: the change's params.yaml, contract.yaml and policy.yaml, by name.
    """
    lines = {name: key_lines(text) for name, text in texts.items()}
    found: dict[tuple[str, int, str], Annotation] = {}
    for path, key, level, title, text in _notes(context):
        line = lines.get(path, {}).get(key)
        if line is not None:
            found.setdefault(
                (path, line, title),
                Annotation(path=path, line=line, level=level, title=title, text=text),
            )
    return tuple(found.values())[:MOST]


_Note = tuple[File, str, Literal["failure", "warning"], str, str]
"""File, key, level, title, text."""


def _notes(context: ReportContext) -> Iterator[_Note]:
    for result in context.verdict.rules:
        if result.blocks:
            yield from _of_rule(context, result)
    for path, changes in (
        (_POLICY, context.verdict.policy_changes),
        (_CONTRACT, context.verdict.contract_changes),
    ):
        for change in changes:
            if change.direction == "loosened":
                text = plain(f"{change.before} is now {change.after}: an owner must agree", 1000)
                yield path, change.key, "warning", plain(f"{change.key} is looser", 200), text


def _of_rule(context: ReportContext, result: RuleResult) -> Iterator[_Note]:
    worst = worst_finding(result)
    broken = failed_expectations(context) if result.gate == DATA.name else []
    text = plain(finding_text(context, result, worst, PLAIN), 900)
    slices = [m.slice for m in broken] or [
        finding.slice for finding in result.findings if finding.outcome is worst.outcome
    ]
    columns = dict.fromkeys(
        part.partition("=")[0] for where in slices for part in plain_slice(where).split(" & ")
    )
    for column in columns:
        yield _CONTRACT, f"columns.{column}", "failure", result.rule, text
    spec = context.spec(result.gate)
    if (spec is not None and spec.about_training) or "prediction" in columns:
        for key, change in _changed_settings(context)[:_SETTINGS]:
            yield _PARAMS, key, "failure", result.rule, plain(f"{text}; {change}", 1000)


def _change(key: str, before: Mapping[str, Any]) -> str:
    if key not in before:
        return "this setting is new"
    shown = before[key] if disclosed(key, before[key]) else "another one"
    return f"this setting was {shown}"


def _changed_settings(context: ReportContext) -> list[tuple[str, str]]:
    """Return the settings that differ from the base's: each key, and its change in words."""
    if context.params is None or context.base_params is None:
        return []
    before, after = flat(context.base_params), flat(context.params)
    return [
        (key, _change(key, before))
        for key, value in after.items()
        if key not in before or str(before[key]) != str(value)
    ]
