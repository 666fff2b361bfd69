"""Settings of all tests."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from gatehouse.forked import ALONE
from tests.shared import LEAN, WARM, once
from tests.warm.server import warm_process

# The same examples in every run, and no clock: a shared machine may be slow.
settings.register_profile("house", derandomize=True, deadline=None, database=None)
settings.load_profile("house")

# For the processes that tests start.
os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [LEAN, os.environ.get("PYTHONPATH")]))

# A `make` that starts the tests would have those that they start report each folder they enter.
for inherited in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(inherited, None)

# A shell script starts its background processes with SIGINT ignored, and theirs inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)

_LONGEST = ("end_to_end", "release", "workflows", "fuzz")


def pytest_configure(config: pytest.Config) -> None:
    """The one process that shares a run out starts the one that others are copies of."""
    shared = getattr(config.option, "numprocesses", None)
    if shared and WARM not in os.environ and sys.platform == "linux":  # it needs pidfd_open
        stack = ExitStack()
        config.add_cleanup(stack.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="warm-")))
        stack.enter_context(warm_process(folder))
        os.environ[WARM] = str(folder)
        os.environ[ALONE] = "1"  # to be a copy of the one that has imported most


@pytest.fixture(scope="session")
def slim_fork(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`make_slim_fork`'s folder, made once for all tests: copy it."""
    from tests.workflows.world import make_slim_fork

    return once(tmp_path_factory, "slim-fork", make_slim_fork)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest begin first, so that no process is left alone with one of them at the end."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in _LONGEST)
