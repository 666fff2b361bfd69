"""Versions of the libraries that measured."""

from __future__ import annotations

from importlib.metadata import version


def versions(*packages: str) -> dict[str, str]:
    """Installed versions by distribution name."""
    return {package: version(package) for package in packages}
