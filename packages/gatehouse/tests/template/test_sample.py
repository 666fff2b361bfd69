"""The sample that the tests read is the one that the template comes with."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.pipeline.settings import TrainSettings, load_settings
from tests.sample import FILES, SAMPLE

REPOSITORY = Path(__file__).parents[4]


COPIES = {name: name for name in FILES} | {
    OWNERSHIP_FILE.as_posix(): OWNERSHIP_FILE.name,
    "src/pipeline/network.py": "pipeline/network.py",
}


@pytest.mark.parametrize("name", COPIES)
def test_the_tests_sample_is_the_template_s(name: str) -> None:
    """Attacks tests of a sample that nobody starts from."""
    copy = SAMPLE / COPIES[name]
    changed = (REPOSITORY / name).read_bytes() != copy.read_bytes()
    assert not changed, f"run: cp {name} {copy.relative_to(REPOSITORY)}"


def test_a_section_that_is_left_out_is_the_committed_one() -> None:
    """Attacks defaults that drift from params.yaml: a fork without a section trains otherwise."""
    committed = load_settings(SAMPLE / "params.yaml").train
    bare = TrainSettings(trainer=committed.trainer)
    penalty = committed.torch_mlp.fairness_penalty
    assert penalty.weight == 0
    named = bare.torch_mlp.model_copy(update={"fairness_penalty": penalty})
    assert bare.model_copy(update={"torch_mlp": named}) == committed
