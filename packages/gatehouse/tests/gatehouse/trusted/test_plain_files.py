"""Attacks what nobody approves: no program, link, submodule or second spelling gets in there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from gatehouse.charts.contents import Limited, Limits, Mark
from gatehouse.charts.limits import draw
from gatehouse.ownership import parse
from gatehouse.trusted.plain_files import plain_file_problems
from tests.sample import SAMPLE

BORDER = parse((SAMPLE / "ownership.txt").read_text("utf-8"))
MARK = Mark(used=0.5, low=0.2, high=1.4, base=None, state="pass")
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12\n"


class Change:
    """A repository with a base; each test adds a commit."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q")
        self.base = self.commit({"README.md": "x", "src/pipeline/train.py": "x", "data/a.csv": "x"})

    def git(self, *words: str, stdin: str | None = None) -> str:
        who = ["-c", "user.name=ada", "-c", "user.email=ada@example.com"]
        done = subprocess.run(
            ["git", *who, *words], cwd=self.root, input=stdin, text=True, check=True,
            capture_output=True,
        )  # fmt: skip
        return done.stdout.strip()

    def commit(self, files: dict[str, str], mode: str = "100644") -> str:
        """A commit of files that no file system has to hold, on top of the last one."""
        for path, text in files.items():
            sha = self.git("hash-object", "-w", "--stdin", stdin=text)
            sha = self.git("rev-parse", "HEAD") if mode == "160000" else sha
            self.git("update-index", "--add", "--cacheinfo", f"{mode},{sha},{path}")
        self.git("commit", "-q", "--allow-empty", "-m", "a commit")
        return self.git("rev-parse", "HEAD")

    def problems(self, head: str) -> list[str]:
        return plain_file_problems(self.base, head, BORDER, self.root)


@pytest.fixture
def change(tmp_path: Path) -> Change:
    return Change(tmp_path)


@pytest.mark.parametrize(
    "path",
    [
        "src/pipeline/new.py", "src/pipeline/adult_model.json", "tests/test_x.py",
        "data/own/rows.csv.dvc", "data/own/.gitignore", "docs/page.md", "docs/picture.png",
        "reports/evidence/data.json", "dvc.lock", "params.yaml", "data/snapshots/a.parquet.dvc",
    ],
)  # fmt: skip
def test_what_a_change_consists_of_is_fine(change: Change, path: str) -> None:
    """Code of the pipeline, records, tables, pictures, text."""
    assert change.problems(change.commit({path: "more"})) == []


@pytest.mark.parametrize(
    "path",
    [
        "data/x.py", "docs/conf.py", "reports/run.sh", "models/model.pkl", "data/x.so", "docs/x.js",
        "docs/x.html", "docs/x.svg", "docs/Makefile", "data/x.PY", "data/x.ipynb", "docs/x.css",
        "src/pipeline/x.pth", "src/pipeline/x.so", "tests/x.cfg", "data/rows.csv\u202e",
        "reports/site/x.htm", "data/.envrc", "models/x", "docs/x.md.exe",
    ],
)  # fmt: skip
def test_programs_stand_where_an_owner_looks(change: Change, path: str) -> None:
    """No suffix that something might run, load as code, or show as a page."""
    (told,) = change.problems(change.commit({path: "x"}))
    assert told.startswith(path)


@pytest.mark.parametrize("mode", ["100755", "120000", "160000"])
@pytest.mark.parametrize("path", ["data/x.csv", "src/pipeline/x.py", "README.md", "docs/x.md"])
def test_only_plain_files(change: Change, mode: str, path: str) -> None:
    """Executables, links and submodules, new or in place of a plain file."""
    (told,) = change.problems(change.commit({path: "x"}, mode))
    assert told.startswith(path)


DRAWN = draw(Limits((Limited("drift", "drift-<x>", "1", "0 to 2", "at most 3", (MARK,)),)))


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>", '<a href="https://example.org">x</a>', "<style>*{}</style>",
        '<text onclick="alert(1)">x</text>', '<image href="x"/>', "<!DOCTYPE svg>", "<?xml ?>",
        '<path style="fill:url(https://example.org)"/>', "<foreignObject></foreignObject>",
        '<use xlink:href="#a"/>', '<set attributeName="href"/>', "<!-- <script> -->",
    ],
)  # fmt: skip
def test_the_picture_is_what_the_gates_draw(change: Change, hostile: str) -> None:
    """Attacks a picture with a program in it: ours is fine, and no other file may be one."""
    path = "reports/verdict.svg"
    assert change.problems(change.commit({path: DRAWN})) == []
    (problem,) = change.problems(change.commit({path: DRAWN.replace("</svg>", f"{hostile}</svg>")}))
    assert problem == f"{path}: is no picture as the gates draw it"
    assert change.problems(change.commit({path: DRAWN, "reports/other.svg": DRAWN}))


def test_an_owner_may_approve_them(change: Change) -> None:
    """What is owned or machinery is looked at by people; what is gone harms nobody."""
    head = change.commit({"scripts/run.sh": "x", "deploy/x.sh": "x"}, "100755")
    assert change.problems(head) == []
    change.base = change.commit({"data/old.sh": "x"}, "100755")
    change.git("rm", "-q", "--cached", "data/old.sh")
    assert change.problems(change.commit({})) == []


def test_what_was_there_before_stops_nobody(change: Change) -> None:
    """A fault that the base has already is not this change's."""
    change.base = change.commit({"data/old.sh": "x", "DATA/a.csv": "x"})
    assert change.problems(change.commit({"data/b.csv": "x"})) == []


def test_pointers_of_git_lfs(change: Change) -> None:
    """In any free file, whatever its suffix; a text that speaks of them is none."""
    told = change.problems(change.commit({"data/x.csv": POINTER, "docs/y.md": f"See:\n{POINTER}"}))
    assert len(told) == 1
    assert told[0].startswith("data/x.csv: is a pointer")


@pytest.mark.parametrize(
    ("there", "new"),
    [
        ("data/a.csv", "data/A.csv"),
        ("data/a.csv", "data/a.CSV"),
        ("src/pipeline/train.py", "src/pipeline/Train.py"),
        ("docs/caf\u00e9.md", "docs/cafe\u0301.md"),
        ("docs/stra\u00dfe.md", "docs/STRASSE.md"),
        ("docs/one/x.md", "docs/One/y.md"),
        ("src/pipeline/k.py", "src/pipeline/\u212a.py"),
        ("docs/\u03c3.md", "docs/\u03c2.md"),
    ],
)
def test_two_spellings_of_a_name(change: Change, there: str, new: str) -> None:
    """By case or by Unicode form, of the file or of a folder above it."""
    change.base = change.commit({there: "x"})
    told = change.problems(change.commit({new: "y"}))
    assert len(told) == 1
    assert told[0].startswith(new)


def test_many_are_counted(change: Change) -> None:
    """The comment has room for some."""
    told = change.problems(change.commit({f"data/{number}.sh": "x" for number in range(9)}))
    assert len(told) == 6
    assert told[-1] == "and 4 more files of this kind"
