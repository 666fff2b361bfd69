"""docs/schemas and the reference in docs/evidence.md are those that the code writes today."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.reference import PAGE, updated
from gatehouse.schemas import published, write_schemas

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "packages/gatehouse/docs/schemas"


@pytest.mark.parametrize("name", sorted(published()))
def test_published_schemas_are_up_to_date(name: str, tmp_path: Path) -> None:
    """A changed model without a changed schema misleads every other tool."""
    write_schemas(tmp_path)
    stored, made = FOLDER / f"{name}.json", tmp_path / f"{name}.json"
    assert stored.read_bytes() == made.read_bytes(), "run: gatehouse schemas"


def test_the_reference_is_up_to_date() -> None:
    """docs/evidence.md must describe the files as they are."""
    page = (ROOT / "packages/gatehouse" / PAGE).read_text(encoding="utf-8")
    assert updated(page) == page, "run: python -m gatehouse.reference"
