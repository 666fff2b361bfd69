"""Tables of what the library lists: gates, metrics, rules, types, sources, trainers, commands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from gatehouse.columns import KINDS
from gatehouse.gates import GATES
from gatehouse.gates.metrics import METRICS
from gatehouse.gates.metrics.metric import Metric
from gatehouse.help import SECTIONS
from gatehouse.pipeline.sources import SOURCES
from gatehouse.pipeline.trainers import TRAINERS
from gatehouse.policy import POLICY_FILE, Rule, load_policy
from gatehouse.serving.settings import PREFIX, ServingSettings

SAMPLE = Path("tests/sample") / POLICY_FILE
"""The policy of the template's sample, as a test compares it with the template's own."""


def gates() -> str:
    """The built-in gates."""
    return _table(
        (
            "gate",
            "question",
            "its evidence is about",
            "compares with the base",
            "watches production",
        ),
        (
            (
                f"[{gate.name}](../gates.md#{gate.name})",
                gate.question,
                ", ".join(f"`{part}`" for part in gate.looks_at),
                _yes(gate.compares),
                _yes(gate.production is not None),
            )
            for gate in GATES
        ),
    )


def sources() -> str:
    """The built-in sources of rows."""
    return _table(
        ("`data.source`", "rows", "credentials"),
        ((f"`{source.name}`", source.label, source.credentials) for source in SOURCES),
    )


def trainers() -> str:
    """The library's trainers."""
    return _table(
        ("`train.trainer`", "what it is", "needs", "served as"),
        (
            (
                f"`{trainer.name}`",
                trainer.label,
                "`make setup EXTRAS=1`" if trainer.extras else "",
                trainer.served,
            )
            for trainer in TRAINERS
        ),
    )


def metrics() -> str:
    """The metrics of the accuracy gate."""
    return _table(
        ("metric", "name in reports", "unit", "better", "tasks", "as `tune.metric`"),
        (
            (
                f"`{metric.name}`",
                metric.label,
                metric.unit,
                metric.better.value,
                ", ".join(metric.tasks),
                _tuned(metric),
            )
            for metric in METRICS
        ),
    )


def _tuned(metric: Metric) -> str:
    return f"default: {', '.join(metric.tuned)}" if metric.tuned else _yes(metric.tunable)


def rules() -> str:
    """The rules of the sample's policy."""
    return _table(
        ("rule", "gate", "measurement", "slice", "limit", "if it fails", "if inconclusive", "why"),
        (
            (
                f"`{name}`",
                rule.gate,
                f"`{rule.measurement}`" + (", against the base" if rule.of == "comparison" else ""),
                f"`{rule.slice}`",
                _limit(rule),
                rule.on_fail,
                rule.inconclusive,
                rule.why,
            )
            for name, rule in load_policy(SAMPLE).rules.items()
        ),
    )


def _limit(rule: Rule) -> str:
    bounds = (("at least", rule.at_least), ("at most", rule.at_most), ("alpha", rule.alpha))
    limits = [
        f"{name} {value:.10f}".rstrip("0").rstrip(".")
        for name, value in bounds
        if value is not None
    ]
    least = [f"n ≥ {rule.minimum_n:,}"] if rule.minimum_n else []
    least += [f"class_n ≥ {rule.minimum_class_n:,}"] if rule.minimum_class_n else []
    return ", ".join(limits) + (f" ({', '.join(least)})" if least else "")


def columns() -> str:
    """The types that a column can have."""
    return _table(
        ("type", "the graph reads", "lists its values", "can be a model input"),
        (
            (
                f"`{kind.name}`",
                "a number" if kind.numeric else "seconds" if kind.moments else "text",
                _yes(kind.listed),
                "by derived features" if kind.moments else _yes(kind.fed),
            )
            for kind in KINDS
        ),
    )


def commands() -> str:
    """Every command, by what a person wants, with the commands inside a group."""
    from gatehouse.cli import main

    return "\n\n".join(
        f"## {title}\n\n" + _table(("command", "what it does"), _rows(main, names))
        for title, names in SECTIONS.items()
    )


def _rows(group: click.Group, names: Iterable[str], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name in names:
        command = group.commands[name]
        if command.hidden:
            continue
        yield f"`gatehouse {prefix}{name}`", command.get_short_help_str(200)
        if isinstance(command, click.Group):
            yield from _rows(command, command.commands, f"{prefix}{name} ")


def service() -> str:
    """The environment variables of the service."""
    return _table(
        (f"`{PREFIX}…`", "default", "meaning"),
        (
            (f"`{name.upper()}`", _default(field.default), field.description or "")
            for name, field in ServingSettings.model_fields.items()
        ),
    )


def _default(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int) and value >= 10_000:  # a port has no separator
        return f"{value:,}"
    return "" if value is None else str(value)


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, [":---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
