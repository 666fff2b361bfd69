"""Licences and modes of what is in the image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gatehouse.release.packages import licence_list, same_modes


def listed(folder: Path, *components: Any) -> list[str]:
    sbom = folder / "sbom.json"
    sbom.write_text(json.dumps({"components": list(components)}))
    return licence_list(sbom).splitlines()[4:]


def test_every_package_has_a_line(tmp_path: Path) -> None:
    """Sorted whatever the case, by identifier, expression or name; what says nothing says so."""
    assert listed(
        tmp_path,
        {"name": "zebra", "version": "2", "licenses": [{"license": {"id": "MIT"}}]},
        {"name": "Ant", "version": "1", "licenses": [{"expression": "MIT OR BSD-3-Clause"}]},
        {"name": "bee", "licenses": [{"license": {"name": "A | B\nand a long text"}}]},
        {"name": "cow", "licenses": [{"license": {"name": "License :: OSI Approved :: MIT"}}]},
        {"name": "dog"},
    ) == [
        "| Ant | 1 | MIT OR BSD-3-Clause |",
        "| bee |  | A / B |",
        "| cow |  | MIT |",
        "| dog |  | not stated |",
        "| zebra | 2 | MIT |",
    ]


def test_modes_do_not_depend_on_who_builds(tmp_path: Path) -> None:
    """What a strict umask made unreadable can be read by the image's user, and not written."""
    inner = tmp_path / "a"
    inner.mkdir(mode=0o700)
    file = inner / "b.py"
    file.write_text("")
    file.chmod(0o770)
    same_modes(tmp_path)
    assert [path.stat().st_mode & 0o777 for path in (inner, file)] == [0o755, 0o644]
