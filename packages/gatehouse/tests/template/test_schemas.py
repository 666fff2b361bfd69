"""docs/schemas and the tables in docs are those that the code writes today."""

from __future__ import annotations

from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.gates import GATES
from gatehouse.reference import DOCS, PARTS, updated
from gatehouse.schemas import published, write_schemas

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "packages/gatehouse/docs/schemas"


@pytest.mark.parametrize("name", sorted(published()))
def test_published_schemas_are_up_to_date(name: str, tmp_path: Path) -> None:
    """A changed model without a changed schema misleads every other tool."""
    write_schemas(tmp_path)
    stored, made = FOLDER / f"{name}.json", tmp_path / f"{name}.json"
    assert stored.read_bytes() == made.read_bytes(), "run: gatehouse schemas"


@pytest.mark.parametrize("name", PARTS)
def test_the_tables_of_a_page_are_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a table that a new key, gate, metric, rule, command or setting is missing from."""
    monkeypatch.chdir(ROOT / "packages/gatehouse")
    page = (DOCS / name).read_text("utf-8")
    assert updated(name, page) == page, "run: python -m gatehouse.reference"


def test_a_page_without_its_marks_is_an_error() -> None:
    """Attacks a page whose table was deleted by hand, and is then never written again."""
    with pytest.raises(GatehouseError, match=r"docs/serving\.md: the marks .* are missing"):
        updated("serving.md", "# Serving\n")


def test_the_readme_lists_the_gates() -> None:
    """Attacks a gate that was added, and that the README does not name."""
    text = (ROOT / "README.md").read_text("utf-8").partition("| gate | asks |")[2]
    rows = text.partition("\n\n")[0].splitlines()[2:]
    assert [row.split(" | ")[0].strip("| ") for row in rows] == [gate.name for gate in GATES]
