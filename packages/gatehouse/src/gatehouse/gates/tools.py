"""Versions of the measuring libraries."""

from __future__ import annotations

from importlib.metadata import version


def versions(*packages: str) -> dict[str, str]:
    """Return the installed versions by distribution name."""
    return {package: version(package) for package in packages}
