"""CODEOWNERS: which changes need an owner's approval, by GitHub's rules."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample import template_owners

from gatehouse.errors import GatehouseError
from gatehouse.github.owners import (
    DECIDING,
    MAX_BYTES,
    OWNERS_FILE,
    PLACEHOLDER,
    guarded,
    parse,
    problem,
    with_owners,
)

REPOSITORY = Path(__file__).parents[3]
TEMPLATE = template_owners()
OWNED = with_owners(TEMPLATE, ("@org/owners", "@alice"))


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
    assert f"{OWNERS_FILE}:2" in (problem(text) or "")


def test_a_file_that_github_does_not_read_is_a_problem() -> None:
    """Attacks: a file so large that GitHub ignores it, and with it every owner."""
    text = "* @a\n" + "#" * MAX_BYTES
    assert guarded(text, ["policy.yaml"]) == {}
    assert "3 MB" in (problem(text) or "")


@pytest.mark.parametrize("text", ["", "\n \n", "# only words\n", "/docs/ @a\n"])
def test_a_file_without_owners_of_what_decides_is_a_problem(text: str) -> None:
    """Attacks: an empty file, or one that leaves the policy free."""
    assert str(OWNERS_FILE) in (problem(text) or "")


@pytest.mark.parametrize("path", DECIDING)
def test_what_decides_cannot_be_freed(path: str) -> None:
    """Attacks: a line without owners that opens one of the files that decide."""
    assert problem(OWNED) is None
    assert path in (problem(f"{OWNED}/{path}\n") or "")
    assert (REPOSITORY / path).is_file()


def test_the_template_names_the_placeholder_and_that_is_a_problem() -> None:
    """Attacks: @OWNER, which may be a stranger's account, taken for an owner."""
    assert "make github-settings" in (problem(TEMPLATE) or "")


def test_the_template_guards_everything_but_a_model_change_and_words() -> None:
    """Attacks: new files that change how the gates run, and an owner asked for each model."""
    owned = [
        ".gitattributes",
        ".gitmodules",
        ".pre-commit-config.yaml",
        "conftest.py",
        "dvc.yaml",
        "pytest.ini",
        "requirements/run.txt",
        "src/numpy.py",
        "src/gatehouse/new.py",
        "tests/gatehouse/test_judge.py",
        "tests/workflows/test_new.py",
        *DECIDING,
    ]
    free = ["params.yaml", "dvc.lock", "reports/evidence/data.json", "src/pipeline/train.py"]
    assert set(guarded(OWNED, [*owned, *free])) == set(owned)


def test_every_path_that_the_template_names_is_there() -> None:
    """Attacks: a line about a file that was moved, which is then guarded or free by chance."""
    made_by_a_run = {"dvc.lock", "models"}
    for rule in parse(TEMPLATE):
        path = rule.pattern.strip("/")
        assert path == "*" or path in made_by_a_run or (REPOSITORY / path).exists(), rule


def test_owners_take_the_placeholders_place_and_nothing_else_changes() -> None:
    """Attacks: lost comments and layout, and a placeholder in a comment or a name replaced."""
    text = "# {0}\n*\t {1}  # not {0}\n/x{0}#y {1}\n"
    given_text = text.format(PLACEHOLDER, PLACEHOLDER)
    assert with_owners(given_text, ("@a", "@b/c")) == text.format(PLACEHOLDER, "@a @b/c")
    assert with_owners(OWNED, ("@alice", "@org/owners")) == OWNED


def test_owners_that_stand_there_are_not_overwritten() -> None:
    """Attacks: a careful division of owners lost by a command that fills in a placeholder."""
    with pytest.raises(GatehouseError, match=r"names its owners already \(@alice, @org/owners\)"):
        with_owners(OWNED, ("@bob",))


@pytest.mark.parametrize("owner", ["alice", "@", "@a b", PLACEHOLDER, "@a/b/c", "# @a"])
def test_what_is_no_owner_is_refused(owner: str) -> None:
    """Attacks: a value that would break the line or guard nothing."""
    with pytest.raises(GatehouseError, match="OWNERS"):
        with_owners(TEMPLATE, (owner,))


@given(st.text(alphabet="*/!?[]\\# @ab.\n\t\r\0", max_size=60), st.text(min_size=1, max_size=20))
def test_any_text_is_read(text: str, path: str) -> None:
    """Attacks: a file that ends the judging with a traceback."""
    guarded(text, [path])
    problem(text)
