"""Attacks the list of erased rows: what it tells of persons, and what is no list."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from gatehouse.base import find_base
from gatehouse.errors import GatehouseError
from gatehouse.privacy.erased import ERASED, Erased
from gatehouse.table import write_table
from tests.gatehouse.conftest import Command
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import CONTRACT

KEYED = CONTRACT.replace(
    "  age: {", "  person: {type: string, role: key, description: Who}\n  age: {", 1
).replace("identity: [age, job]", "identity: [person]")
ROWS = pd.DataFrame(
    {
        "person": ["47", "48", "47", "49"],
        "age": [30.0, 40.0, 31.0, 50.0],
        "job": ["nurse", "cook", "nurse", None],
        "sex": ["f", "m", "f", "m"],
        "rich": ["no", "yes", "no", "yes"],
    }
)


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "contract.yaml").write_text(KEYED)
    write_table(ROWS, tmp_path / "data/raw/rows.parquet")
    return tmp_path


def test_a_person_s_rows_are_listed(work: Path, gatehouse: Command) -> None:
    """All rows of the key, by hashes that say nothing; a second call adds nothing."""
    done = gatehouse("forget", "--rows", "--key", "47", cwd=work)
    assert done.output == "erased.json: 2 rows of this key in data/raw, 2 newly listed\n"
    first = Erased.read(work / ERASED)
    assert len(first.rows) == 2
    again = gatehouse("forget", "--rows", "--key", "47", cwd=work)
    assert "2 rows of this key in data/raw, 0 newly" in again.output
    gatehouse("forget", "--rows", "--key", "49", cwd=work)
    second = Erased.read(work / ERASED)
    assert second.key == first.key
    assert {*first.rows} < {*second.rows}
    assert len(second.rows) == 3


@pytest.mark.parametrize("key", ["4", "470", "47 ", "nurse"])
def test_a_key_that_no_row_has(key: str, work: Path, gatehouse: Command) -> None:
    """Attacks a list that grows by other persons' rows; nothing is written."""
    done = gatehouse("forget", "--rows", "--key", key, cwd=work)
    assert "0 rows of this key" in done.output
    assert not (work / ERASED).exists()


def test_a_number_is_a_key_as_on_a_command_line(work: Path, gatehouse: Command) -> None:
    """Attacks keys that are numbers, and floats where one is missing."""
    write_table(ROWS.assign(person=[47.0, 48.0, None, 49.0]), work / "data/raw/rows.parquet")
    (work / "contract.yaml").write_text(
        KEYED.replace("person: {type: string", "person: {type: integer")
    )
    done = gatehouse("forget", "--rows", "--key", "47", "--dry-run", cwd=work)
    assert "1 rows of this key in data/raw, 1 newly would be listed" in done.output
    assert not (work / ERASED).exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--rows"], "--rows takes only --key"),
        (["--rows", "--key", "47", "--log", "x"], "--rows takes only --key"),
        (["--rows", "--key", "47", "--older-than", "9d"], "--rows takes only --key"),
        (["--key", "47"], "--log PATH, or --rows"),
    ],
)
def test_words_that_do_not_go_together(
    words: list[str], message: str, work: Path, gatehouse: Command
) -> None:
    """Attacks a call that erases less than its words say."""
    done = gatehouse("forget", *words, cwd=work)
    assert done.exit_code == 2
    assert message in done.output


def test_a_contract_without_a_key_finds_nobody(work: Path, gatehouse: Command) -> None:
    """Attacks by a column that is no key."""
    (work / "contract.yaml").write_text(CONTRACT)
    done = gatehouse("forget", "--rows", "--key", "nurse", cwd=work)
    assert done.exit_code == 2
    assert "no column has role: key" in done.output


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": ["f" * 64, "0" * 64]}, "not sorted"),
        ({"rows": ["0" * 64, "0" * 64]}, "twice"),
        ({"rows": ["47"]}, "rows"),
        ({"rows": ["A" * 64]}, "rows"),
        ({"key": ""}, "key"),
        ({"persons": ["47"]}, "persons"),
        ({"version": 2}, "version"),
    ],
)
def test_what_is_no_list_is_told(change: dict[str, object], message: str) -> None:
    """Attacks by a file that only looks like a list; names the key."""
    text = json.dumps({"version": 1, "key": "a" * 64, "rows": []} | change)
    with pytest.raises(GatehouseError, match=rf"erased\.json: .*{message}"):
        Erased.parse(text, ERASED)


def test_only_the_base_s_list_counts(repository: Repository) -> None:
    """Attacks by a list that a change brings: what is recorded is what the base's commit has."""
    mine = Erased(key="a" * 64, rows=("0" * 64,))
    mine.write(repository.root / ERASED)
    assert find_base("main", repository.root).record.erased is None
    repository.commit("an owner's list")
    assert find_base("main", repository.root).record.erased == mine
