"""CODEOWNERS: which changes need an owner's approval, by GitHub's rules."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.codeowners import (
    MAX_BYTES,
    OWNERS_FILE,
    guarded,
    must_be_guarded,
    needs_review,
    owners_of,
    parse,
    problem,
    write_owners,
)
from gatehouse.errors import GatehouseError
from gatehouse.ownership import OWNERSHIP_FILE, load, with_owners
from gatehouse.ownership import parse as parse_ownership
from tests.gatehouse.conftest import Command
from tests.sample import lay_owners, template_ownership, tracked

REPOSITORY = Path(__file__).parents[4]
TEMPLATE = template_ownership()
BORDER = with_owners(TEMPLATE, ("@org/owners", "@alice"))
OWNED = parse_ownership(BORDER).codeowners()


@pytest.mark.parametrize(
    ("pattern", "owned", "free"),
    [
        ("*", ["a", "a/b", ".github/x"], []),
        ("*.js", ["a.js", "x/y/a.js"], ["a.jsx", "A.JS"]),
        ("/docs/", ["docs/a", "docs/x/b"], ["sub/docs/a", "docs"]),
        ("docs/", ["docs/a", "sub/docs/x/b"], ["docs"]),
        ("docs/*", ["docs/a.md"], ["docs/x/b.md", "sub/docs/a.md"]),
        ("/*", ["a"], ["a/b"]),
        ("**/*", ["a", "a/b"], []),
        ("docs/**", ["docs/a", "docs/x/b"], ["sub/docs/a"]),
        ("/src/*/a.py", ["src/x/a.py"], ["src/x/y/a.py"]),
        ("**/logs", ["logs/a", "x/y/logs/a"], ["xlogs/a"]),
        ("/apps/github", ["apps/github", "apps/github/a"], ["apps/githubber"]),
        ("Makefile", ["Makefile", "x/Makefile"], ["makefile"]),
        ("/with\\ space/", ["with space/a"], ["with", "space/a"]),
        ("/a?c", ["abc"], ["a/c", "abbc"]),
    ],
)
def test_patterns_match_as_githubs_page_says(
    pattern: str, owned: list[str], free: list[str]
) -> None:
    """Attacks: gitignore's meaning where GitHub's differs, as in docs/*."""
    found = guarded(f"{pattern} @o\n", [*owned, *free])
    assert found == dict.fromkeys(owned, ("@o",))


def test_the_last_match_counts_and_may_free_a_path() -> None:
    """Attacks: the first or the longest match counting, and owners added up."""
    text = "* @a @b # all\n/apps/ x@example.com\n/apps/free\n/apps/free/not/ @org/team\n"
    paths = ["top", "apps/x", "apps/free/x", "apps/free/not/x"]
    assert guarded(text, paths) == {
        "top": ("@a", "@b"),
        "apps/x": ("x@example.com",),
        "apps/free/not/x": ("@org/team",),
    }


@pytest.mark.parametrize(
    "line", ["!/policy.yaml", "/policy.yam[l]", "\\#x @a", "/ @a", "/policy.yaml alice", "* @a/b/c"]
)
def test_a_line_that_github_skips_counts_for_nothing_and_is_a_problem(line: str) -> None:
    """Attacks: a line that seems to free or to guard, and that GitHub passes over."""
    text = f"* @a\n{line}\n"
    assert guarded(text, ["policy.yaml"]) == {"policy.yaml": ("@a",)}
    assert f"{OWNERS_FILE}:2" in (problem(text, BORDER) or "")


def test_a_file_that_github_does_not_read_is_a_problem() -> None:
    """Attacks: a file so large that GitHub ignores it, and with it every owner."""
    text = "* @a\n" + "#" * MAX_BYTES
    assert guarded(text, ["policy.yaml"]) == {}
    assert "3 MB" in (problem(text, BORDER) or "")


def test_a_file_that_frees_or_guards_otherwise_than_the_border_is_a_problem() -> None:
    """Attacks: CODEOWNERS edited by hand: a path freed, guarded, or given to somebody else."""
    assert problem(OWNED, BORDER) is None
    same = OWNED.replace(" ", "  ").replace("\n", " # words\n\n")
    assert problem(same, BORDER) is None, "comments and layout say nothing"
    for line in ("/policy.yaml", "/docs/ @alice", "* @eve", "/src/gatehouse/gates/"):
        assert "run `gatehouse github owners`" in (problem(f"{OWNED}{line}\n", BORDER) or "")
    less = "".join(OWNED.splitlines(keepends=True)[:-1])
    assert "is not what" in (problem(less, BORDER) or "")


@pytest.mark.parametrize("text", [None, "", "\n \n", "# only words\n", "/docs/ @a\n"])
def test_a_file_without_owners_of_what_decides_is_a_problem(text: str | None) -> None:
    """Attacks: an empty file, or one that leaves the policy free."""
    assert str(OWNERS_FILE) in (problem(text, BORDER) or "")


@pytest.mark.parametrize("border", [None, "", "* free\n", "* owned @a\npolicy.yaml fre\n"])
def test_a_border_that_cannot_be_read_guards_everything(border: str | None) -> None:
    """Attacks: ownership.txt deleted or broken on the base, so that nothing need be owned."""
    assert str(OWNERSHIP_FILE) in (problem(OWNED, border) or "")
    assert must_be_guarded(border, ["params.yaml", "policy.yaml"]) == ["params.yaml", "policy.yaml"]
    assert must_be_guarded(BORDER, ["params.yaml", "policy.yaml"]) == ["policy.yaml"]


def test_the_template_names_the_placeholder_and_that_is_a_problem() -> None:
    """Attacks: @OWNER, which may be a stranger's account, taken for an owner."""
    told = problem(parse_ownership(TEMPLATE).codeowners(), TEMPLATE) or ""
    assert told.startswith(f"{OWNERSHIP_FILE}:")
    assert "make github-settings" in told


def test_the_template_guards_everything_but_a_model_change_and_words() -> None:
    """Attacks: new files that change how the gates run, and an owner asked for each model."""
    owned = [
        ".dvc/config",
        ".gitattributes",
        ".github/CODEOWNERS",
        ".github/ownership.txt",
        ".github/workflows/gates.yml",
        ".gitmodules",
        ".pre-commit-config.yaml",
        "Makefile",
        "conftest.py",
        "contract.yaml",
        "dvc.yaml",
        "policy.yaml",
        "erased.json",
        "pyproject.toml",
        "pytest.ini",
        "requirements/gatehouse.txt",
        "requirements/gates.txt",
        "requirements/run.txt",
        "scripts/install.sh",
        "src/numpy.py",
        "packages/gatehouse/src/judge.py",
        "packages/gatehouse/src/new.py",
        "packages/gatehouse/tests/gatehouse/test_judge.py",
        "packages/gatehouse/tests/workflows/test_new.py",
        "vendor/gatehouse-1.0-py3-none-any.whl",
    ]
    free = ["params.yaml", "dvc.lock", "reports/evidence/data.json", "src/pipeline/train.py"]
    assert set(guarded(OWNED, [*owned, *free])) == set(owned)


def test_github_asks_an_owner_for_exactly_what_the_border_guards() -> None:
    """Attacks, for each file in Git: one that is owned and free on GitHub, or the reverse."""
    kinds = parse_ownership(BORDER)
    paths = tracked()
    # A file of the same name in another case, beside, below and in front of it.
    near = [f(path) for path in paths
            for f in (str.upper, "{}x".format, "{}/x".format, "x/{}".format)]  # fmt: skip
    everything = [*paths, *near]
    assert guarded(OWNED, everything) == {
        path: kinds.owners_of(path) for path in everything if kinds.kind_of(path).guarded
    }


NAMES = st.sampled_from([
    "a", "b", "A", "a.py", ".x", "a b", "\u00fc", "a@b", "~", "a-b", "data", "data/own",
    "data/snapshots", "dvc.yaml", ".dvc", "x.dvc", ".gitattributes",
])  # fmt: skip
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
RULES = st.lists(st.tuples(PATHS, st.booleans(), st.sampled_from(
    ["free", "generated", "owned", "machinery", "owned @b", "machinery @c/d e@example.org"]
)), max_size=8)  # fmt: skip


@given(RULES, st.lists(PATHS, max_size=20))
def test_any_border_makes_a_codeowners_that_says_the_same(
    lines: list[tuple[str, bool, str]], paths: list[str]
) -> None:
    """Attacks: nested rules, files whose name a folder has, rules that repeat their folder's."""
    text = "* owned @a\n"
    for path, folder, words in lines:
        line = f"{path}{'/' if folder else ''} {words}\n"
        with contextlib.suppress(GatehouseError):
            parse_ownership(text + line)
            text += line
    kinds = parse_ownership(text)
    made = kinds.codeowners()
    assert problem(made, text) is None
    paths = [*paths, *(f"{path}{end}" for path, _, _ in lines for end in ("", "/x", "x"))]
    rules = parse(made)
    for path in paths:
        assert owners_of(rules, path) == kinds.owners_of(path), (path, text, made)
        assert bool(owners_of(rules, path)) == kinds.kind_of(path).guarded


def test_owners_are_written_into_both_files(tmp_path: Path) -> None:
    """Attacks: owners in one file only, and a second run that changes something."""
    lay_owners(tmp_path)
    assert write_owners(("@org/owners", "@alice"), tmp_path)
    border, made = ((tmp_path / path).read_text() for path in (OWNERSHIP_FILE, OWNERS_FILE))
    assert border == BORDER
    assert made == OWNED
    assert not write_owners(("@alice", "@org/owners"), tmp_path)
    (tmp_path / OWNERS_FILE).write_text("* @eve\n")
    assert write_owners(("@alice", "@org/owners"), tmp_path)
    assert (tmp_path / OWNERS_FILE).read_text() == OWNED


def test_the_command_makes_codeowners_and_says_whether_it_changed(
    tmp_path: Path, gatehouse: Command
) -> None:
    """Attacks: an edit of the border that never reaches GitHub."""
    lay_owners(tmp_path, "@org/us")
    border = tmp_path / OWNERSHIP_FILE
    border.write_text(border.read_text().replace("src/pipeline/                 free",
                                                 "src/pipeline/ owned @org/ml"))  # fmt: skip
    for told in ("made anew", "unchanged"):
        done = gatehouse("github", "owners", cwd=tmp_path)
        assert (done.exit_code, told in done.output) == (0, True)
    assert "/src/pipeline/ @org/ml\n" in (tmp_path / OWNERS_FILE).read_text()
    border.write_text(border.read_text() + "docs free\n")
    done = gatehouse("github", "owners", cwd=tmp_path)
    assert (done.exit_code, f"{OWNERSHIP_FILE}:" in done.output) == (2, True)


def test_this_repository_s_codeowners_is_made_from_its_border() -> None:
    """Attacks: a line added by hand, or a border whose CODEOWNERS was never made."""
    made = load(REPOSITORY).codeowners()
    assert (REPOSITORY / OWNERS_FILE).read_text("utf-8") == made, "run `gatehouse github owners`"


@given(st.text(alphabet="*/!?[]\\# @ab.\n\t\r\0", max_size=60), st.text(min_size=1, max_size=20))
def test_any_text_is_read(text: str, path: str) -> None:
    """Attacks: a file that ends the judging with a traceback."""
    guarded(text, [path])
    problem(text, BORDER)
    problem(OWNED, text)


def test_an_entry_of_the_queue_is_looked_at_by_its_trees(tmp_path: Path) -> None:
    """Attacks a queue entry, of which GitHub lists no files: a review that was had counts there."""

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words],
            cwd=tmp_path, check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    git("init", "-q")
    (tmp_path / ".github").mkdir()
    (tmp_path / ".github/CODEOWNERS").write_text("contract.yaml @owner\n")
    git("add", "-A")
    git("commit", "-q", "-m", "base")
    base = git("rev-parse", "HEAD")
    commits = {}
    for name in ("params.yaml", "contract.yaml"):
        (tmp_path / name).write_text("x")
        git("add", "-A")
        git("commit", "-q", "-m", name)
        commits[name] = git("rev-parse", "HEAD")
    assert not needs_review((), base, commits["params.yaml"], tmp_path)
    assert needs_review((), base, commits["contract.yaml"], tmp_path)
    assert needs_review(["contract.yaml"], base, None, tmp_path)
    assert not needs_review(["params.yaml"], base, None, tmp_path)
