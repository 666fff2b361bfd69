"""docs/privacy.md names every place where data of persons may lie, and for how long."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.workflows.definitions import steps_of

ROOT = Path(__file__).parents[4]
PAGE = ROOT / "packages/gatehouse/docs/privacy.md"
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
ACTIONS = sorted((ROOT / ".github/actions").glob("*/action.yml"))
TOOLS = {
    ".venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".hypothesis",
    ".coverage", ".coverage.*",
}  # fmt: skip
"""Of tools, which see no data but that of tests."""


def rows() -> list[tuple[list[str], str]]:
    """Names in the first cell of each row of the tables, and the whole row."""
    lines = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return [(re.findall(r"`([^`]+)`", line.split(" | ")[0]), line) for line in lines]


def named(path: str) -> bool:
    """Is there a row for the path, or for a folder that it is in?"""
    names = [name for found, _ in rows() for name in found]
    return any(path == name or path.startswith(name + "/") for name in names)


def ignored() -> list[str]:
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    paths = [line.strip("/") for line in lines if line and not line.startswith("#")]
    return [path for path in paths if path not in TOOLS]


def written() -> list[str]:
    """Whatever a stage of the pipeline writes."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text("utf-8"))["stages"].values()
    kinds = ("outs", "metrics", "plots")
    found = [each for stage in stages for kind in kinds for each in stage.get(kind, [])]
    return [path for each in found for path in (each if isinstance(each, dict) else [each])]


def uploads() -> list[tuple[str, str, int | str | None]]:
    """Each artifact: the file whose step uploads it, its name, and the days that it is kept."""
    found = []
    for file in (*WORKFLOWS, *ACTIONS):
        for step in steps_of(yaml.safe_load(file.read_text("utf-8"))):
            kind = re.match(r"actions/upload-(pages-)?artifact@", step.get("uses", ""))
            if kind is not None:
                told: dict[str, Any] = step.get("with", {})
                days = 1 if kind[1] else None
                name = told.get("name", "github-pages")
                found.append((file.name, name, told.get("retention-days", days)))
    return found


@pytest.mark.parametrize("path", sorted({*ignored(), *written()}))
def test_every_path_is_in_the_map(path: str) -> None:
    """Attacks a folder that nobody thinks of when somebody asks to be forgotten."""
    assert named(path), f"{path}: add a row to docs/privacy.md"


def test_every_artifact_is_in_the_map_with_its_days() -> None:
    """Attacks copies that GitHub keeps longer than the page says."""
    assert uploads()
    for workflow, name, days in uploads():
        name = re.sub(r"\$\{\{.*?\}\}", "…", name)
        lines = [line for names, line in rows() if any(fnmatch(name, each) for each in names)]
        assert len(lines) == 1, f"{workflow}: {name}: wants one row in docs/privacy.md"
        assert days is not None, f"{workflow}: {name}: say how many days it is kept"
        kept = rf"{days} days?\b"
        if isinstance(days, str):  # which the action works out
            kept = r"\d+ days, [^|]*`CANDIDATE_DAYS`"
        assert re.search(rf"\| {kept}", lines[0]), f"{workflow}: {name}: {days} days"


def test_the_map_can_miss_something() -> None:
    """A place that is not on the page is not found there."""
    assert not named("data/elsewhere")
    assert not named("data/rawest")
