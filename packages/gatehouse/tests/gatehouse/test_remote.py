"""Files elsewhere: what is said of them, and that half a file is none."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import fsspec
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.remote import check_url, download


def test_half_a_file_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a connection that ends early, and looks like a file's end."""

    class Cut(io.BytesIO):
        size = 10

    def opened(*_: Any) -> Cut:
        return Cut(b"half")

    monkeypatch.setattr(fsspec, "open", opened)
    with pytest.raises(GatehouseError, match="the download stopped at 4 of 10 bytes"):
        download("s3://b/a.csv?sig=hush", "s3://b/a.csv", tmp_path / "part")


def test_an_error_does_not_tell_what_the_url_hides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a signature in a library's message."""

    def refused(url: str, *_: Any) -> None:
        raise OSError(f"403 of {url}")

    monkeypatch.setattr(fsspec, "open", refused)
    with pytest.raises(GatehouseError, match=r"cannot be downloaded \(OSError\)") as error:
        download("s3://b/a.csv?sig=hush", "s3://b/a.csv", tmp_path / "part")
    assert "hush" not in str(error.value)


def test_a_url_of_a_command_holds_no_password() -> None:
    """Attacks a password in the list of processes; and text that only looks like a URL."""
    word = "hush"
    with pytest.raises(GatehouseError, match="the URL holds a password") as error:
        check_url(f"https://me:{word}@host/a.csv")
    assert word not in str(error.value)
    with pytest.raises(GatehouseError, match="this is not a URL"):
        check_url("https://[::1/a.csv")
    assert check_url(f"s3://bucket/a.csv?sig={word}") == "s3://bucket/a.csv"
