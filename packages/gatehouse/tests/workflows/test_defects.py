"""Attacks gates by a pull request that brings a defect, from its model to its status.

Defects that must be trained, and one that stops the pipeline; the other gates' are judged in
tests/gatehouse/github/test_judge_step.py.
"""

from __future__ import annotations

from tests.end_to_end.clone import Clone
from tests.workflows.world import ALONE, World


def drifted_and_hardly_trained(fork: Clone) -> None:
    fork.replace("params.yaml", "drift: 0.0", "drift: 0.5")
    fork.replace("params.yaml", "epochs: 6", "epochs: 1")


def test_drifted_data_and_a_worse_model_are_red(world: World) -> None:
    """Inputs moved by half a standard deviation, and a network that has hardly learned.

    Each is red by its own gate, and the comment names the columns and says what to do.
    """
    pull = world.open(drifted_and_hardly_trained)
    assert world.through(pull, workflows=ALONE).code == 0, "a verdict is no failure of the workflow"
    told = world.red(pull, "drift", "accuracy")
    assert "drift" in told
    assert "accuracy" in told
    comment = world.said(pull)
    assert "Gatehouse: fail" in comment
    assert "<br>" in comment, "what to do"
    assert "`age`" in comment
    assert world.status(world.tip("change")).startswith("failure: "), "recorded, and as red"


def test_data_that_breaks_the_contract_is_red(world: World) -> None:
    """A range that the rows do not keep: the data gate stops the pipeline before training."""
    pull = world.open(lambda fork: fork.replace("contract.yaml", "[17, 90]", "[30, 40]"))
    checked = world.through(pull, workflows=ALONE)
    assert "Nothing to train" in checked.summary
    assert "data" in world.red(pull, "data", "accuracy")
