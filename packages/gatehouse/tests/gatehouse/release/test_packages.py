"""Licences and modes of what is in the image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from gatehouse.release.packages import PYTHON, licence_list, same_modes, write_sbom
from gatehouse.typed import parse_yaml, read_text
from tests.gatehouse.tiny import ROOT

METADATA = """\
Metadata-Version: 2.4
Name: bee
Version: 1.2
License-Expression: MIT
Project-URL: Homepage, https://example.org/bee
"""


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


def test_the_packages_are_listed_as_cyclonedx_wants_it(tmp_path: Path) -> None:
    """The build leaves its validation out. Equal packages give equal bytes, wherever they lie."""
    lists = []
    for place in ("one", "two"):
        info = tmp_path / place / "site/bee-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(METADATA)
        lists.append(tmp_path / place / "sbom.json")
        work = tmp_path / place / "environment"
        write_sbom(info.parent, ROOT / "pyproject.toml", work, lists[-1], 1_700_000_000)
    first, second = (path.read_text() for path in lists)
    assert first == second
    assert licence_list(lists[0]).splitlines()[4:] == ["| bee | 1.2 | MIT |"]
    version = SchemaVersion.from_version(json.loads(first)["specVersion"])
    assert JsonStrictValidator(version).validate_str(first) is None


def test_the_bento_is_of_the_image_s_python() -> None:
    """Attacks digests that depend on who builds: without, BentoML names its own Python."""
    assert parse_yaml(read_text(ROOT / "bentofile.yaml"), "")["docker"]["python_version"] == PYTHON
