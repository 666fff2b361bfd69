"""Attacks each gate by a pull request that brings its defect, through both workflows."""

from __future__ import annotations

from tests.end_to_end.clone import Clone
from tests.workflows.world import World


def test_biased_data_is_red(world: World) -> None:
    """Labels of one group are flipped, and the model may see the group: fairness blocks."""

    def bias(fork: Clone) -> None:
        fork.replace("params.yaml", "label_bias: 0.0", "label_bias: 0.9")

    pull = world.open(bias)
    world.through(pull)
    assert "fairness" in world.red(pull, "fairness")


def test_drifted_data_is_red(world: World) -> None:
    """Inputs moved by half a standard deviation: drift blocks, and names the columns."""
    pull = world.open(lambda fork: fork.replace("params.yaml", "drift: 0.0", "drift: 0.5"))
    world.through(pull)
    assert "drift" in world.red(pull, "drift")
    assert "`age`" in world.said(pull)


def test_a_slower_model_is_red(world: World) -> None:
    """A network sixty layers deep answers more slowly than the base's: latency blocks."""
    layers = ", ".join(["64"] * 60)
    pull = world.open(
        lambda fork: fork.replace("params.yaml", "hidden: [32]", f"hidden: [{layers}]")
    )
    world.through(pull)
    assert "latency" in world.red(pull, "latency")


def test_data_that_breaks_the_contract_is_red(world: World) -> None:
    """A range that the rows do not keep: the data gate stops the pipeline before training."""
    pull = world.open(lambda fork: fork.replace("contract.yaml", "[17, 90]", "[30, 40]"))
    checked = world.through(pull)
    assert "Nothing to train" in checked.summary
    assert "data" in world.red(pull, "data", "accuracy")
