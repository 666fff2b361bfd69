"""Attacks the copies: one that could do more than the process that it stands in for."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import pytest

from gatehouse.trusted.isolation import Isolation, Level
from gatehouse.trusted.process import Done
from tests.shared import WARM
from tests.warm import COLD

PROBE = """\
import json, os, pathlib, socket, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
print(json.dumps({
    "is a copy": "sklearn" in sys.modules,
    "user": [os.getuid(), os.getgid(), os.getgroups()],
    "rights": [status[name] for name in ("CapEff", "CapPrm", "CapInh", "NoNewPrivs")],
    "networks": [name for _, name in socket.if_nameindex()],
    "sees no other process": len([n for n in os.listdir("/proc") if n.isdigit()]) <= 4,
    "beside": os.path.exists(pathlib.Path.cwd().parent / "secret"),
}))
"""


@pytest.mark.parametrize("level", Level)
def test_a_copy_has_the_rights_of_who_asked(level: Level, tmp_path: Path) -> None:
    """What it may do, sees and is, at each level of isolation that this machine allows."""
    if WARM not in os.environ:
        pytest.skip("no process is copied: run the tests by make -C packages/gatehouse test")
    folder = tmp_path / "candidate"
    (folder / "gatehouse/trusted").mkdir(parents=True)
    for name in ("__init__.py", "trusted/__init__.py"):
        (folder / "gatehouse" / name).touch()
    (folder / "gatehouse/trusted/reader.py").write_text(PROBE)
    (tmp_path / "secret").touch()
    isolation = Isolation(level, folder)

    def probe(**more: str) -> Done | None:
        path = os.pathsep.join([str(folder), os.environ[WARM]])
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": path, **more}
        words = [sys.executable, "-P", "-m", "gatehouse.trusted.reader", "data"]
        return isolation.run(words, environment, 60)

    alone = probe(**{COLD: "1"})
    if alone is None or alone.code:
        pytest.skip(f"not possible here: {level} ({alone.errors if alone else 'too long'})")
    while not Path(os.environ[WARM], "socket").exists():
        time.sleep(0.1)
    copy = probe()
    assert copy is not None
    assert copy.code == 0, copy.errors
    found, expected = json.loads(copy.output), json.loads(alone.output)
    if not found.pop("is a copy"):
        pytest.skip(f"{level}: out of reach of the process that is copied")
    assert not expected.pop("is a copy")
    assert found == expected
