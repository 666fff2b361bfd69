"""The target column, which determines the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from gatehouse.adopt.profile import Kind, Profile
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.scan import Scan
from gatehouse.contract import Task
from gatehouse.csv_faults import NUMBER
from gatehouse.errors import GatehouseError

MOST_CLASSES = 20
LEAST_ROWS = 50
"""Minimum number of rows; with fewer, a split of 16 or 20 % may be empty."""

_COUNTED_FROM = (0, 1)
_MOST_COUNTED = 10
_POSITIVE = ("yes", "y", "true", "t", "positive", "pos")
_POSITIVE_NUMBERS = ({"0", "1"}, {"0.0", "1.0"}, {"-1", "1"})
"""Pairs of numbers in which 1 is the positive one; with 1 and 2, neither is."""


@dataclass(frozen=True)
class Target:
    """The target column.

    Attributes:
        profile: of the column.
        task: the prediction task.
        classes: its values as text, of two the positive last; () for a regression.
    """

    profile: Profile
    task: Task
    classes: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def positive(self) -> str | None:
        """The class whose probability a binary model predicts; None otherwise."""
        return self.classes[1] if self.task is Task.BINARY else None

    @property
    def smallest(self) -> tuple[str, int]:
        """The rarest class and its number of rows."""
        return min(((value, self.profile.counts[value]) for value in self.classes),
                   key=lambda item: item[1])  # fmt: skip


def column_of(name: str, option: str, names: Sequence[str]) -> str:
    """Return `name` if the table has such a column.

    Raises:
        GatehouseError: there is none; the error suggests the closest names.
    """
    if name in names:
        return name
    lower = {other.lower().strip(): other for other in names}
    close = [lower[found] for found in get_close_matches(name.lower().strip(), lower, 3, 0.5)]
    # Quoted, to show blanks at the ends.
    few = ", ".join(map(repr, names[:20])) + (", …" if len(names) > 20 else "")
    shown = ", ".join(map(repr, close)) or few
    meant = "did you mean" if close else "it has"
    values = sum(NUMBER.fullmatch(other.strip()) is not None for other in names)
    bare = ". Are these values? Then add a header line" if 2 * values > len(names) else ""
    raise GatehouseError(f"{option}: the table has no column '{name}'; {meant}: {shown}{bare}")


def find_target(
    scan: Scan, name: str, positive: str | None, task: Task | None, questions: Questions
) -> Target:
    """Return the target column `name` with its task and classes.

    Args:
        scan: of the table's rows that have a target.
        name: of an existing column.
        positive: the positive class, if it was given.
        task: if it was given.
        questions: asked when something is unclear.

    Raises:
        GatehouseError: nothing can be learned from this column, or `positive` or `task` does not
            fit it.
    """
    if scan.rows < LEAST_ROWS:
        raise GatehouseError(
            f"the table has {scan.rows} row{'s' * (scan.rows != 1)}; a model needs hundreds, and "
            f"splits into train, valid and test at least {LEAST_ROWS}"
        )
    profile = scan.profiles[name]
    check_target(profile)
    chosen = _task(profile, positive, task, questions)
    if chosen is Task.REGRESSION:
        if positive is not None:
            raise GatehouseError(f"--positive: '{name}' is a number to predict, and has no classes")
        return Target(profile, chosen, ())
    classes = _classes(profile)
    if chosen is Task.MULTICLASS:
        if positive is not None:
            raise GatehouseError(
                f"--positive: '{name}' has {len(classes)} values; only one of two is positive"
            )
        return Target(profile, chosen, classes)
    return Target(profile, chosen, _with_positive(profile, classes, positive, questions))


def check_target(profile: Profile) -> None:
    """Refuse a column from which nothing can be learned.

    Raises:
        GatehouseError: with the reason.
    """
    name = profile.name
    problem = {
        Kind.EMPTY: "has no values",
        Kind.CONSTANT: "has the same value in every row, so that there is nothing to learn",
        Kind.DATE: "holds dates or times; predict a number (days until then) or a category of it",
        Kind.ENTITY: "is an id that is in several rows, and can't be predicted",
        Kind.COUNTER: "counts the rows one by one, and can't be predicted",
        Kind.UNREAD: "holds lists or bytes; a target is a category or a number",
        Kind.ID: "has a different value in every row: it identifies rows, and can't be predicted",
        Kind.MIXED: f"holds numbers, but {profile.strays:,} rows hold other text; fix these",
    }.get(profile.kind)
    if problem is not None:
        raise GatehouseError(f"--target: '{name}' {problem}")
    if profile.infinite:
        raise GatehouseError(
            f"--target: '{name}' is infinite or huge in {profile.infinite:,} rows; fix these"
        )


def _task(profile: Profile, positive: str | None, task: Task | None, questions: Questions) -> Task:
    few = profile.distinct is not None and profile.distinct <= MOST_CLASSES
    if profile.distinct == 2:
        fitting = [Task.BINARY]
    elif profile.is_numeric:
        fitting = [Task.REGRESSION, Task.MULTICLASS] if few else [Task.REGRESSION]
    elif few:
        fitting = [Task.MULTICLASS]
    else:
        raise GatehouseError(
            f"--target: '{profile.name}' is text with more than {MOST_CLASSES} different values; "
            "merge rare ones into one, or name another column"
        )
    if task is not None:
        if task not in fitting:
            raise GatehouseError(
                f"--task: '{profile.name}' makes the task {' or '.join(fitting)}, not {task}"
            )
        return task
    if len(fitting) == 1 or positive is not None or profile.kind is Kind.NUMBER:
        return fitting[0]
    assert profile.distinct is not None
    counted = profile.low in _COUNTED_FROM and profile.high - profile.low + 1 == profile.distinct
    default = Task.MULTICLASS if counted and profile.distinct <= _MOST_COUNTED else Task.REGRESSION
    words = {Task.MULTICLASS: "classes", Task.REGRESSION: "a number"}
    answer = questions.choose(
        f"'{profile.name}' holds {profile.distinct} whole numbers from {profile.low:g} to "
        f"{profile.high:g}. Are they classes or a number to predict?",
        [task.value for task in words],
        default=default.value,
        note=f"'{profile.name}' holds {profile.distinct} whole numbers from {profile.low:g} to "
        f"{profile.high:g}: taken as {words[default]}; --task says otherwise",
    )
    return Task(answer)


def _classes(profile: Profile) -> tuple[str, ...]:
    """Return the values in numeric order if they are numbers, else in alphabetical order."""
    if profile.is_numeric:
        return tuple(sorted(profile.counts, key=lambda text: float(text.replace(",", "."))))
    return tuple(sorted(profile.counts))


def _with_positive(
    profile: Profile, classes: tuple[str, ...], positive: str | None, questions: Questions
) -> tuple[str, ...]:
    if positive is None:
        known = [value for value in classes if value.strip().lower() in _POSITIVE]
        if {value.strip() for value in classes} in _POSITIVE_NUMBERS:
            known = [value for value in classes if float(value) == 1]
        rarer = min(classes, key=lambda value: profile.counts[value])
        default = known[0] if len(known) == 1 else rarer
        why = "by its name" if len(known) == 1 else "the rarer one"
        positive = questions.choose(
            f"Which value of '{profile.name}' is the positive one?",
            classes,
            default=default,
            note=f"'{profile.name}': '{default}' is taken as the positive value, {why}; "
            "--positive says otherwise",
        )
    if positive not in classes:
        raise GatehouseError(
            f"--positive: '{profile.name}' has no value '{positive}'; it has: {', '.join(classes)}"
        )
    return (*(value for value in classes if value != positive), positive)
