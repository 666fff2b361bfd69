"""Attacks the step that has the key of a table: it downloads bytes, and tells no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gatehouse.conftest import Command


@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet", ".CSV"])
def test_bytes_come_as_they_are(tmp_path: Path, gatehouse: Command, ending: str) -> None:
    """Attacks a name that a URL chooses, and a file that is parsed where the key is."""
    source = tmp_path / f"$(id){ending}"
    source.write_bytes(b"\x00 no table")
    done = gatehouse("data", "download", f"file://{source}", str(tmp_path / "rows"), cwd=tmp_path)
    assert done.exit_code == 0, done.output
    (made,) = (tmp_path / "rows").iterdir()
    assert made.name == f"rows{ending.lower()}"
    assert made.read_bytes() == b"\x00 no table"
    again = gatehouse("data", "download", f"file://{source}", str(tmp_path / "rows"), cwd=tmp_path)
    assert again.exit_code == 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file:///etc/passwd", "must end with"),
        ("https://host/rows.csv/", "must end with"),
        ("https://ada:S3CR3T@host/rows.csv", "holds a password"),  # pragma: allowlist secret
        ("memory://none/rows.csv?sig=S3CR3T", "cannot be downloaded"),
        ("nowhere://x/rows.csv", "cannot be downloaded"),
    ],
)
def test_what_can_not_be_had_is_told(
    tmp_path: Path, gatehouse: Command, url: str, message: str
) -> None:
    """Attacks the log by a password or a signature; exit code 2, in words."""
    done = gatehouse("data", "download", url, str(tmp_path / "rows"), cwd=tmp_path)
    assert done.exit_code == 2
    assert message in done.output
    assert "S3CR3T" not in done.output
