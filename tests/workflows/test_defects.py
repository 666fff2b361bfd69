"""Attacks gates by a pull request that brings a defect, through both workflows.

A defect that must be trained, and one that stops the pipeline; the other gates' are judged in
tests/gatehouse/github/test_judging.py.
"""

from __future__ import annotations

import pytest

from tests.workflows.world import World


@pytest.mark.slow
def test_drifted_data_is_red(world: World) -> None:
    """Inputs moved by half a standard deviation: drift blocks, and names the columns."""
    pull = world.open(lambda fork: fork.replace("params.yaml", "drift: 0.0", "drift: 0.5"))
    world.through(pull)
    assert "drift" in world.red(pull, "drift")
    assert "`age`" in world.said(pull)


def test_data_that_breaks_the_contract_is_red(world: World) -> None:
    """A range that the rows do not keep: the data gate stops the pipeline before training."""
    pull = world.open(lambda fork: fork.replace("contract.yaml", "[17, 90]", "[30, 40]"))
    checked = world.through(pull)
    assert "Nothing to train" in checked.summary
    assert "data" in world.red(pull, "data", "accuracy")
