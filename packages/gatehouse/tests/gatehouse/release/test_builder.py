"""Which base images are taken, and by which program."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.release import builder
from gatehouse.release.build import BASE_IMAGE
from gatehouse.release.builder import base_digest, build_layout, check_base
from gatehouse.release.layout import Layout
from tests.gatehouse.release.images import layer, make_layout

DIGEST = "sha256:" + "a" * 64


@pytest.mark.parametrize("base", [BASE_IMAGE, f"localhost:5000/a@{DIGEST}", "oci:some/folder"])
def test_pinned_bases_are_taken(base: str) -> None:
    """By digest, or a folder."""
    check_base(base)


@pytest.mark.parametrize(
    "base", ["", "python:3.11", "python:3.11@sha256:abc", "python", f"@{DIGEST}", "oci:"]
)
def test_what_can_change_under_its_name_is_refused(base: str) -> None:
    """A tag, half a digest, nothing."""
    with pytest.raises(GatehouseError, match="@sha256:DIGEST"):
        check_base(base)


def test_the_base_is_named_by_its_manifest(tmp_path: Path) -> None:
    """Of a folder too, where the builder did not write it down."""
    made = make_layout(tmp_path / "base", [layer([])])
    make_layout(tmp_path / "image", [layer([("a", b"")])])
    image = Layout(tmp_path / "image")
    assert base_digest(f"oci:{tmp_path / 'base'}", image) == made
    assert base_digest(f"a@{DIGEST}", image) == DIGEST


def test_no_builder_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is neither of the three, the error says what to install."""
    monkeypatch.setattr(builder, "found", lambda name: False)
    with pytest.raises(GatehouseError, match="apt-get install buildah"):
        build_layout(tmp_path, BASE_IMAGE, {}, 0, tmp_path / "image")
