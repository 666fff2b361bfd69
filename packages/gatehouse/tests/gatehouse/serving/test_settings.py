"""Attacks the settings: what looks like one and does something else."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.serving.settings import load_settings


@pytest.mark.parametrize("name", ["LOG", "TOKENS_FILE", "SHADOW", "KEY_SECRET_FILE"])
@pytest.mark.parametrize(
    "value",
    ["s3://key:hidden@bucket/log", "file:///var/log", "gs://b"],  # pragma: allowlist secret
)
def test_a_url_is_no_path(name: str, value: str) -> None:
    """Else a folder named `s3:` would be filled on the disk, while people wait for their bucket."""
    with pytest.raises(GatehouseError, match="is a URL; name a path") as refused:
        load_settings({f"GATEHOUSE_SERVE_{name}": value})
    assert name.lower() in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_folder_is_one() -> None:
    """Absolute or not, with a colon in its name or not."""
    for value in ("/var/log/gatehouse", "log", "a:b/c"):
        assert load_settings({"GATEHOUSE_SERVE_LOG": value}).log == Path(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [("LOGS", "x"), ("MAX_ROWS", "0"), ("TIMEOUT", "inf"), ("HOST", " "), ("PORT", "0")],
)
def test_a_wrong_setting_is_told_by_its_name(name: str, value: str) -> None:
    """A misspelt limit must not count as none."""
    with pytest.raises(GatehouseError, match=f"GATEHOUSE_SERVE_.*{name.lower()}"):
        load_settings({f"GATEHOUSE_SERVE_{name}": value})
