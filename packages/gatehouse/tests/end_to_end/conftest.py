"""A finished run of the real pipeline on the default settings, made once for all its tests."""

from __future__ import annotations

import pytest

from tests.end_to_end.clone import Clone, copy_checkout


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """The default pipeline, run from nothing and committed on main."""
    clone = copy_checkout(tmp_path_factory.mktemp("finished") / "clone")
    output = clone.gatehouse("run")
    assert "PASS" in output
    clone.commit("The first run")
    return clone
