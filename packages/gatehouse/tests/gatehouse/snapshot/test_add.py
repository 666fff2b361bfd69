"""Attacks `gatehouse data add`: what is not accepted leaves no trace, what is accepted is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from click.testing import Result

from gatehouse.digest import dvc_md5, file_digest
from gatehouse.params import set_values
from gatehouse.pipeline.settings import load_settings
from gatehouse.table import read_table
from tests.gatehouse.conftest import Command
from tests.gatehouse.repository import own_settings, tool_path
from tests.gatehouse.tiny import CONTRACT, ROOT
from tests.sample import lay_sample

KEYED = CONTRACT.replace(
    "columns:\n", "columns:\n  id: {type: integer, role: key, description: i}\n"
)

WORD = "hush"

Add = Callable[..., Result]


def people(rows: int, start: int = 0) -> pd.DataFrame:
    """Rows of the tiny contract, no two alike."""
    numbers = range(start, start + rows)
    return pd.DataFrame(
        {
            "age": [number / 100 for number in numbers],
            "job": [("nurse", "cook", None)[number % 3] for number in numbers],
            "sex": [("f", "m")[number % 2] for number in numbers],
            "rich": [("no", "yes")[number % 5 == 0] for number in numbers],
        }
    )


@pytest.fixture(scope="session")
def _empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of Git and DVC without data."""
    root = tmp_path_factory.mktemp("snapshots") / "work"
    root.mkdir()
    (root / "contract.yaml").write_text(CONTRACT)
    lay_sample(root, "params.yaml")
    shutil.copyfile(ROOT / ".gitignore", root / ".gitignore")
    environment = tool_path() | own_settings(tmp_path_factory.getbasetemp())
    for words in (
        ["git", "init", "-q", "-b", "main"],
        ["git", "config", "user.name", "Tester"],
        ["git", "config", "user.email", "tester@example.org"],
        [sys.executable, "-m", "dvc", "init", "-q"],
        ["git", "add", "-A"],
        ["git", "commit", "-qm", "start"],
    ):
        subprocess.run(words, cwd=root, env=environment, check=True)
    return root


@pytest.fixture
def root(_empty: Path, tmp_path: Path) -> Path:
    root = tmp_path / "work"
    shutil.copytree(_empty, root)
    return root


@pytest.fixture
def add(root: Path, gatehouse: Command) -> Add:
    """`gatehouse data add` on a frame, which is written as CSV first, or on a place."""

    def run(rows: pd.DataFrame | str, *more: str) -> Result:
        if isinstance(rows, pd.DataFrame):
            rows.to_csv(root.parent / "new.csv", index=False)
            rows = str(root.parent / "new.csv")
        return gatehouse("data", "add", rows, *more, cwd=root)

    return run


def state(root: Path) -> dict[str, str]:
    """Every file but Git's and DVC's own, with its digest."""
    files = [path for path in root.rglob("*") if path.is_file()]
    names = {path.relative_to(root).as_posix(): path for path in files}
    hidden = (".git/", ".dvc/cache/", ".dvc/tmp/")
    return {name: file_digest(path) for name, path in names.items() if not name.startswith(hidden)}


def snapshots(root: Path) -> list[Path]:
    return sorted((root / "data/snapshots").glob("*.parquet"))


def porcelain(root: Path) -> list[str]:
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_rows_become_the_pipeline_s_data(root: Path, add: Add) -> None:
    """Rows, digest, DVC's file and settings agree; Git sees the two files that are for it."""
    comments = (root / "params.yaml").read_text().count("#")
    done = add(people(40))
    assert done.exit_code == 0, done.output
    (path,) = snapshots(root)
    name = path.relative_to(root).as_posix()
    sha256 = file_digest(path).removeprefix("sha256:")
    data = load_settings(root / "params.yaml").data
    assert (data.source, data.file.url) == ("file", None)
    assert (data.file.path.as_posix(), data.file.sha256) == (name, sha256)
    assert path.stem.endswith(f"-{sha256[:12]}")
    assert (root / "params.yaml").read_text().count("#") == comments
    assert dvc_md5(path) in Path(f"{path}.dvc").read_text()
    assert porcelain(root) == [" M params.yaml", f"?? {name}.dvc"]
    pd.testing.assert_frame_equal(read_table(path), people(40), check_dtype=False)
    assert f"{name}: 40 rows\n" in done.output
    assert f"git add {name}.dvc params.yaml" in done.output


def test_a_csv_is_read_as_the_settings_say(root: Path, add: Add) -> None:
    """Attacks a question mark that `make run` takes for missing, and new rows for a category."""
    settings = {"data.file.separator": ";", "data.file.missing": ["?"]}
    set_values(settings, root / "params.yaml")
    text = people(40).to_csv(index=False, sep=";", na_rep="?")
    (root.parent / "new.csv").write_text(text)
    done = add(str(root.parent / "new.csv"))
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(read_table(snapshots(root)[0]), people(40), check_dtype=False)


def test_rows_without_a_label_are_dropped_as_the_settings_say(root: Path, add: Add) -> None:
    """Attacks rows that `make run` drops, and `data add` refuses; and ones dropped unasked."""
    rows = people(40)
    rows.loc[::4, "rich"] = None
    before = state(root)
    refused = add(rows)
    assert (refused.exit_code, state(root)) == (1, before), refused.output
    set_values({"data.file.unlabelled": "drop"}, root / "params.yaml")
    done = add(rows)
    assert done.exit_code == 0, done.output
    assert "10 of 40 rows dropped: 'rich' has no value" in done.output
    expected = rows[rows["rich"].notna()].reset_index(drop=True)
    pd.testing.assert_frame_equal(read_table(snapshots(root)[0]), expected, check_dtype=False)
    # The rest has its labels now.
    done = add(people(40)[::4], "--append", "--name", "all")
    assert done.exit_code == 0, done.output
    assert len(read_table(root / "data/snapshots/all.parquet")) == 40


def test_the_same_rows_are_here_already(
    root: Path, add: Add, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On another day, by another name, in a clone without the rows: the same snapshot."""
    add(people(40))
    before = state(root)
    for more in ((), ("--name", "other")):
        done = add(people(40), *more)
        assert (done.exit_code, state(root)) == (0, before)
        assert "is here already" in done.output
        assert "already set; nothing to do" in done.output
    (path,) = snapshots(root)
    path.unlink()
    shutil.rmtree(root / ".dvc/cache")
    assert add(people(40)).exit_code == 0
    assert state(root) == before
    add(people(30))
    done = add(people(40))
    assert "40 rows (before: 30), is here already" in done.output
    assert state(root)["params.yaml"] == before["params.yaml"]


def test_broken_rows_are_told_and_leave_nothing(root: Path, add: Add) -> None:
    """A table of what is broken, with values and what to do; exit code 1; all is as it was."""
    add(people(40))
    before = state(root)
    rows = people(40)
    rows.loc[3, "age"] = 200
    rows.loc[4, "sex"] = "\x1b[31mx"
    done = add(rows)
    assert done.exit_code == 1
    assert state(root) == before
    lines = done.output.splitlines()
    age = next(line for line in lines if line.startswith("age"))
    assert "1 of 40" in age
    assert "200" in age
    assert "widen" in done.output
    assert "\x1b" not in done.output
    assert "2 critical expectations" in done.output


@pytest.mark.parametrize(
    ("place", "more", "message"),
    [
        ("none.csv", (), "none.csv: there is no such file"),
        ("rows.txt", (), "rows.txt: its name must end with .parquet, .csv, .csv.gz"),
        (
            f"https://me:{WORD}@example.org/rows.csv",
            (),
            "https://example.org/rows.csv: the URL",
        ),
        ("http://[x/rows.csv", (), "is not a URL"),
        ("memory://bucket/hush.csv?sig=hush", (), "memory://bucket/"),
        ("good.csv", ("--name", "../x"), "'../x' is not a name for a snapshot"),
        ("good.csv", ("--name", "taken"), "is a snapshot with other rows already"),
        ("good.csv", ("--append",), "data.source is simulated, so there is no file to append to"),
        ("lacks.csv", (), "has no column age"),
    ],
)
def test_what_can_not_be_added_changes_nothing(
    root: Path, add: Add, place: str, more: tuple[str, ...], message: str
) -> None:
    """A place, name or table that is none: exit code 2, told without what the URL hides."""
    people(20).to_csv(root / "good.csv", index=False)
    people(20).drop(columns="age").to_csv(root / "lacks.csv", index=False)
    (root / "rows.txt").touch()
    (root / "data/snapshots").mkdir(parents=True)
    (root / "data/snapshots/taken.parquet.dvc").write_text(json.dumps({"outs": [{"md5": "0"}]}))
    (root / "data/cache").mkdir()
    before = state(root)
    done = add(place, *more)
    assert done.exit_code == 2
    assert message in done.output
    assert f"{WORD}@" not in done.output
    assert "sig=" not in done.output
    assert state(root) == before


def test_rows_are_added_to_the_present_ones(root: Path, add: Add) -> None:
    """Each row once, each key once with its new row; and nothing new is the same snapshot."""
    (root / "contract.yaml").write_text(KEYED)
    old = people(40).assign(id=range(40))
    new = people(30, start=20).assign(id=range(20, 50))
    new.loc[0, "age"] = 99
    assert add(old, "--name", "first").exit_code == 0
    done = add(new, "--append", "--name", "second")
    assert done.exit_code == 0, done.output
    assert "second.parquet: 50 rows (before: 40)" in done.output
    assert "19 of the new rows were already present" in done.output
    assert "1 rows were replaced by key" in done.output
    rows = read_table(root / "data/snapshots/second.parquet")
    assert sorted(rows["id"]) == list(range(50))
    assert rows.loc[rows["id"] == 20, "age"].item() == 99
    assert [path.name for path in snapshots(root)] == ["first.parquet", "second.parquet"]
    done = add(new, "--append")
    assert "second.parquet: 50 rows (before: 50), is here already" in done.output


def test_rows_that_break_the_contract_only_together(root: Path, add: Add) -> None:
    """The same rows again with a value nudged: whole, the table is a double load of the key."""
    (root / "contract.yaml").write_text(KEYED.replace("[0, 120]", "[0, 1]"))
    add(people(40).assign(id=range(40)))
    (root / "contract.yaml").write_text(KEYED.replace("[0, 120]", "[0.2, 1]"))
    before = state(root)
    done = add(people(40, start=40).assign(id=range(40, 80)), "--append")
    assert done.exit_code == 1
    assert "20 of 80" in done.output
    assert state(root) == before


def test_a_refusal_of_dvc_leaves_nothing(root: Path, add: Add) -> None:
    """Where DVC can't track it, neither rows nor settings stay."""
    (root / ".dvc/config").write_text("[core]\n    no_such_setting = 1\n")
    before = state(root)
    done = add(people(40))
    assert done.exit_code == 2
    assert "DVC cannot track it" in done.output
    assert state(root) == before


@pytest.mark.parametrize("step", ["_track", "set_values"])
def test_a_kill_in_between_leaves_the_old_data(
    root: Path, add: Add, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Ended at the worst moments, the pipeline's data are the old ones; a second try finishes."""

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    add(people(30), "--name", "old")
    before = (root / "params.yaml").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(f"gatehouse.snapshot.add.{step}", killed)
        add(people(40), "--name", "new")
    assert (root / "params.yaml").read_bytes() == before
    assert load_settings(root / "params.yaml").data.file.path.name == "old.parquet"
    assert add(people(40), "--name", "new").exit_code == 0
    assert load_settings(root / "params.yaml").data.file.path.name == "new.parquet"
    assert list((root / ".gatehouse").iterdir()) == []


def test_a_url_is_read_and_stands_nowhere(root: Path, add: Add) -> None:
    """A signed URL gives its rows, and is written into no file."""
    import fsspec

    with fsspec.open("memory://bucket/rows.csv", "wb") as stream:
        stream.write(people(20).to_csv(index=False).encode())
    done = add("memory://bucket/rows.csv")
    assert done.exit_code == 0, done.output
    assert "memory" not in (root / "params.yaml").read_text()
    assert list((root / "data/cache").iterdir()) == []
