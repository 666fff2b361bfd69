"""The scene and its site, made once for each process."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.site.build import SITE, write_site
from tests.gatehouse.site.scene import lay_out


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with twelve verdicts and a look at production; not to be changed."""
    root = tmp_path_factory.mktemp("scene") / "work"
    lay_out(root)
    return root


@pytest.fixture(scope="session")
def made(scene: Path) -> Path:
    """The folder of the scene's site."""
    write_site(scene)
    return scene / SITE
