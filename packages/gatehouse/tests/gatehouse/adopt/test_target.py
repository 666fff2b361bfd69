"""The target: its task, its classes, and which of them is positive."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from gatehouse.adopt.columns import plan_columns
from gatehouse.adopt.profile import Kind
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.target import find_target
from gatehouse.contract import Role, Task
from gatehouse.errors import GatehouseError
from tests.gatehouse.adopt.shapes import plain
from tests.gatehouse.adopt.tables import seen


def test_whole_numbers_are_classes_or_a_number(tmp_path: Path) -> None:
    """Attacks ratings taken as classes, digits as amounts, and a choice nobody can change."""
    digits = plain(300).assign(
        digit=[i % 10 for i in range(300)], rating=[3 + i % 6 for i in range(300)]
    )
    found, silent = seen(tmp_path, digits), Questions(interactive=False)
    assert find_target(found, "digit", None, None, silent).classes == tuple("0123456789")
    assert find_target(found, "rating", None, None, silent).task is Task.REGRESSION
    chosen = find_target(found, "rating", None, Task.MULTICLASS, silent)
    assert chosen.classes == tuple("345678")
    with pytest.raises(GatehouseError, match="makes the task regression, not multiclass"):
        find_target(found, "age", None, Task.MULTICLASS, silent)


def test_the_rarer_value_is_positive_where_no_name_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a probability of the wrong class."""
    frame = plain(200).assign(kind=["left" if i % 3 else "right" for i in range(200)])
    found = seen(tmp_path, frame)
    assert find_target(found, "kind", None, None, Questions(interactive=False)).positive == "right"
    assert "the rarer one" in capsys.readouterr().err
    assert find_target(found, "kind", "left", None, Questions(interactive=False)).positive == "left"
    for values, positive in (((1, 0, 1), "1"), ((1, 2, 1), "2"), ((-1, 1, 1), "1")):
        found = seen(tmp_path, frame.assign(kind=list(values) * 66 + [1, 1]), "kind")
        assert (
            find_target(found, "kind", None, None, Questions(interactive=False)).positive
            == positive
        )


def test_a_terminal_is_asked_what_is_unsure(tmp_path: Path) -> None:
    """Attacks guesses where somebody is there to be asked."""
    frame = plain(200).assign(
        customer=[f"{7 * i % 1009:04d}x" for i in range(200)],
        sex=["f", "m"] * 100,
        grade=[1, 2, 3, 2] * 50,
    )
    found, asking = seen(tmp_path, frame), Questions(interactive=True)
    assert found.profiles["customer"].kind is Kind.ID
    with CliRunner().isolation(input="multiclass\ny\ny\n"):
        target = find_target(found, "grade", None, None, asking)
        plan = plan_columns(found, target, (), None, asking)
    assert target.task is Task.MULTICLASS
    assert [c.name for c in plan.of(Role.KEY)] == ["customer"]
    assert [c.name for c in plan.of(Role.PROTECTED)] == ["sex"]
    with CliRunner().isolation(input="n\nn\n"):
        plan = plan_columns(found, target, (), None, asking)
    assert not plan.of(Role.KEY, Role.PROTECTED)
