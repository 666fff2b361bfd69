"""The sample that the tests read is the one that the template comes with."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sample import FILES, SAMPLE

from gatehouse.contract import load_contract

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("name", FILES)
def test_the_tests_sample_is_the_template_s(name: str) -> None:
    """Attacks tests of a sample that nobody starts from."""
    own = load_contract(REPOSITORY / "contract.yaml").name
    if own != load_contract(SAMPLE / "contract.yaml").name:
        pytest.skip(f"this repository's rows are of {own!r}, not the sample's")
    changed = (REPOSITORY / name).read_bytes() != (SAMPLE / name).read_bytes()
    assert not changed, f"run: cp {name} tests/sample/"
