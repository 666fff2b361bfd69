"""The chain up to a built image, made once for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.end_to_end.clone import copy_checkout
from tests.release.chain import Chain, make_keys
from tests.release.needed import need_tools
from tests.release.registry import Registry
from tests.workflows.world import SMALL

BASE = "oci:.gatehouse/base-image"


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A fork whose HEAD has a small recorded run, its built image, a registry and keys."""
    need_tools()
    folder = tmp_path_factory.mktemp("chain")
    clone = copy_checkout(folder / "fork")
    for file, changes in SMALL.items():
        for old, new in changes.items():
            clone.replace(file, old, new)
    clone.gatehouse("run", code=None)
    clone.commit("A recorded run")
    with Registry(folder / "registry") as registry:
        made = Chain(clone, registry, make_keys(folder / "keys"))
        assert BASE in made.gatehouse("image", "base")
        made.gatehouse("image", "build", "--base", BASE)
        yield made
