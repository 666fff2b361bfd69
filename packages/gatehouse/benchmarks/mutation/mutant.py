"""A mutant: how it is made, and found again in another version of its module."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from modules import ROOT, SOURCE, text_of


@dataclass(frozen=True)
class Mutant:
    """One mutant, described so that it is found again when other lines moved.

    Attributes:
        number: its name in the results.
        module: path below src/gatehouse.
        operator: cosmic-ray's name of the change.
        args: arguments of the operator.
        occurrence: which of the operator's places in the module, when it was drawn.
        definition: the function or class around it.
        start: line and column, when it was drawn.
        end: line and column, when it was drawn.
        line: the source line where it starts.
        nth: which of the mutants that are alike in all of the above but the positions.
        before: the lines that it replaces.
        after: what it puts there.
    """

    number: int
    module: str
    operator: str
    args: dict[str, Any]
    occurrence: int
    definition: str
    start: tuple[int, int]
    end: tuple[int, int]
    line: str
    nth: int
    before: str
    after: str

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for the same mutant in another version of the module."""
        columns = (self.start[1], self.end[1], self.end[0] - self.start[0])
        return (self.operator, str(self.args), self.definition, self.line, columns, self.nth)

    @property
    def place(self) -> tuple[object, ...]:
        """Equal for mutants of one kind at one place."""
        return (self.module, self.operator.partition("_")[0], self.start, self.end)


def mutants_of(module: str) -> Iterator[Mutant]:
    """All mutants of a module as it is now, in cosmic-ray's order, not numbered yet."""
    work_items = importlib.import_module("cosmic_ray.commands.init")._all_work_items
    path = ROOT / SOURCE / module
    lines = path.read_text("utf-8").split("\n")
    seen: Counter[tuple[object, ...]] = Counter()
    for item in work_items([path], {}):
        (spec,) = item.mutations
        made = Mutant(
            number=0,
            module=module,
            operator=spec.operator_name,
            args=dict(spec.operator_args),
            occurrence=spec.occurrence,
            definition=spec.definition_name or "",
            start=spec.start_pos,
            end=spec.end_pos,
            line=lines[spec.start_pos[0] - 1].strip(),
            nth=0,
            before="",
            after="",
        )
        nth = seen[made.key]
        seen[made.key] += 1
        yield Mutant(**(asdict(made) | {"nth": nth, "start": made.start, "end": made.end}))


def mutated(mutant: Mutant) -> str | None:
    """The text of the whole module with the mutant in it."""
    plugins = importlib.import_module("cosmic_ray.plugins")
    mutating = importlib.import_module("cosmic_ray.mutating")
    operator = plugins.get_operator(mutant.operator)(**mutant.args)
    text: str | None = None
    with suppress(AttributeError):  # cosmic-ray cannot replace an exception with a dotted name
        text = mutating.mutate_code(text_of(mutant.module), operator, mutant.occurrence)
    return text


def difference(old: str, new: str) -> tuple[str, str]:
    """The lines in which two texts differ, without those before and after that are alike."""
    before, after = old.split("\n"), new.split("\n")
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return "\n".join(before), "\n".join(after)


def present(mutant: Mutant) -> str | None:
    """The module's text with this mutant, in the module as it is now; None where it is gone."""
    if not (ROOT / SOURCE / mutant.module).exists():
        return None
    now = next((each for each in mutants_now(mutant.module) if each.key == mutant.key), None)
    text = mutated(now) if now else None
    if text is None or difference(text_of(mutant.module), text) != (mutant.before, mutant.after):
        return None
    return text


@cache
def mutants_now(module: str) -> list[Mutant]:
    return list(mutants_of(module))


def words(mutant: Mutant) -> str:
    name = mutant.operator.partition("/")[2]
    return f"{mutant.module}:{mutant.start[0]} {name}: {mutant.line[:80]}"
