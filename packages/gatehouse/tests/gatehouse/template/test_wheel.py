"""The locked wheel of a small fork, raised to another version's."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.digest import file_digest
from gatehouse.places import LIBRARY_LOCK, SOURCE, VENDOR
from gatehouse.template.git_trees import read_tree, text_of
from gatehouse.template.wheel import raise_wheel, wheel_at
from tests.gatehouse.template.repositories import Files, scratch

LOCK = LIBRARY_LOCK.as_posix()
HASH = f"--hash=sha256:{'0' * 64}\n"
NEWER: Files = {
    f"{SOURCE}/pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "gatehouse"
version = "2.0"
requires-python = ">=3.11"
[tool.hatch.build.targets.wheel]
packages = ["src/gatehouse"]
""",
    f"{SOURCE}/src/gatehouse/__init__.py": "",
}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"gatehouse==1.0 {HASH}", "gatehouse==2.0 "),
        (
            f"gatehouse @ https://example.org/v1.0/gatehouse-1.0-py3-none-any.whl {HASH}",
            "gatehouse @ https://example.org/v2.0/gatehouse-2.0-py3-none-any.whl ",
        ),
    ],
    ids=["an index", "a URL"],
)
@pytest.mark.parametrize("vendored", [False, True], ids=["not here", "in vendor"])
def test_the_lock_has_the_hash_of_the_new_source(
    before: str, after: str, vendored: bool, tmp_path: Path
) -> None:
    """Attacks a wheel that somebody only says is the new version, and a lock left behind."""
    repository = scratch(tmp_path / "fork")
    ours: Files = {LOCK: before}
    if vendored:
        ours[f"{VENDOR}/gatehouse-1.0-py3-none-any.whl"] = "old"
    mine = read_tree(repository.commit("Ours", ours), repository.root)
    commit = repository.commit("Newer", NEWER)
    old, new = dict(mine), read_tree(commit, repository.root)

    line = raise_wheel(old, mine, new, commit, repository.root)

    built = tmp_path / "gatehouse-2.0-py3-none-any.whl"
    built.write_bytes(wheel_at(commit, repository.root).content)
    digest = file_digest(built).removeprefix("sha256:")
    assert text_of(new[LOCK], repository.root) == f"{after}--hash=sha256:{digest}\n"
    wheels = [path for path in new if path.startswith(VENDOR)]
    assert wheels == ([f"{VENDOR}/{built.name}"] if vendored else [])
    assert line is not None
    assert line.startswith(f"{wheels[0] if vendored else LOCK}: the library of the new version")


def test_a_fork_with_the_source_keeps_it(tmp_path: Path) -> None:
    """Attacks a wheel beside the source, which would be another library."""
    repository = scratch(tmp_path / "fork")
    commit = repository.commit("Newer", NEWER)
    tree = read_tree(commit, repository.root)
    assert raise_wheel(dict(tree), tree, dict(tree), commit, repository.root) is None
