"""Programs of others: what is said of them, before and after."""

from __future__ import annotations

import sys

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.release import tools
from gatehouse.release.tools import ToolError, run


def test_each_is_announced(capfd: pytest.CaptureFixture[str]) -> None:
    """On standard error, since standard output is the program's."""
    assert run([sys.executable, "-c", "print('done')"], "do it") == "done\n"
    assert capfd.readouterr() == ("", "... do it\n")


def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a registry that never answers."""
    monkeypatch.setattr(tools, "TIME_LIMIT", 0.1)
    with pytest.raises(GatehouseError, match=r"could not wait: .* took longer than 0\.1 s"):
        run([sys.executable, "-c", "import time; time.sleep(3600)"], "wait")


def test_failures_are_told() -> None:
    """In the program's own words; and one that is not here."""
    with pytest.raises(ToolError, match="could not go: error: no way") as failed:
        run([sys.executable, "-c", "import sys; print('a\\nerror: no way\\nb'); sys.exit(7)"], "go")
    assert failed.value.code == 7
    with pytest.raises(GatehouseError, match="no-such-tool is not installed"):
        run(["no-such-tool"], "go")
