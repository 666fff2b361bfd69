"""The chain up to a built image, made once for all tests of it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.end_to_end.clone import copy_checkout
from tests.release.base import base_image
from tests.release.chain import Chain, make_keys
from tests.release.needed import need_tools
from tests.release.registry import Registry
from tests.workflows.world import SMALL


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """A fork whose HEAD records a small model, its built image, a registry and keys."""
    need_tools()
    folder = tmp_path_factory.mktemp("chain")
    clone = copy_checkout(folder / "fork")
    for file, changes in SMALL.items():
        for old, new in changes.items():
            clone.replace(file, old, new)
    with Registry(folder / "registry") as registry, ThreadPoolExecutor() as pool:
        base = pool.submit(base_image, tmp_path_factory)
        made = Chain(clone, registry, make_keys(folder / "keys"))
        made.train()
        made.build(base.result())
        yield made
