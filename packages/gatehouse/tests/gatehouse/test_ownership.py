"""The border file: which path belongs to whom, read without a hole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.errors import GatehouseError
from gatehouse.ownership import (
    OWNERSHIP_FILE,
    PLACEHOLDER,
    Kind,
    load,
    load_at,
    main,
    parse,
    with_owners,
)
from tests.gatehouse.template.repositories import Scratch, scratch
from tests.sample import template_ownership

LIBRARY = Path(__file__).parents[2]
TEXT = """\
# Words.
*             owned @org/us

params.yaml   free          # settings
docs/         free
docs/deep/    owned @alice
docs/deep/x/  generated
src/pipeline/ free
packages/gatehouse/src/\tmachinery
.github/      owned
models/       generated
"""


@pytest.mark.parametrize(
    ("path", "kind", "owners"),
    [
        ("params.yaml", Kind.FREE, ()),
        ("docs/a.md", Kind.FREE, ()),
        ("docs/deep/a.md", Kind.OWNED, ("@alice",)),
        ("docs/deep/x/y/z", Kind.GENERATED, ()),
        ("packages/gatehouse/src/judge.py", Kind.MACHINERY, ("@org/us",)),
        ("models/m.onnx", Kind.GENERATED, ()),
    ],
)
def test_the_longest_path_that_matches_counts(
    path: str, kind: Kind, owners: tuple[str, ...]
) -> None:
    """Attacks: the first match counting, and an exception inside a folder that is lost."""
    shuffled = TEXT.splitlines()
    for lines in (shuffled, [*shuffled[:2], *reversed(shuffled[2:])]):
        border = parse("\n".join(lines))
        assert (border.kind_of(path), border.owners_of(path)) == (kind, owners)


@pytest.mark.parametrize(
    "path",
    [
        "new.py", "src/new.py", "new/params.yaml", "src/pipelineX/a.py", "src/pipeline",
        "src/pipeline.py", "docs", "docsx/a", "params.yaml/a", "params.yamlx", "params.yam",
        "Params.yaml", "DOCS/a.md", "src/Pipeline/a.py", "/params.yaml", "./params.yaml",
        "docs/../policy.yaml", "docs/./a.md", "docs//a.md", "src/pipeline/../gatehouse/judge.py",
        "", "/", "..", "docs/", "*",
    ],
)  # fmt: skip
def test_a_path_that_no_line_names_is_owned(path: str) -> None:
    """Attacks: new files, look-alikes, a file in a folder's name, and paths that walk out."""
    border = parse(TEXT)
    assert border.rule_of(path) is border.default
    assert border.kind_of(path) is Kind.OWNED
    assert border.owners_of(path) == ("@org/us",)


STEERED = parse("* owned @org/us\ndata/ free\ndocs/ free\ndeploy/ owned @org/ops\n")


@pytest.mark.parametrize("folder", ["", "data/", "docs/deep/", "deploy/", "data/own/"])
@pytest.mark.parametrize(
    "name",
    [
        "dvc.yaml", ".dvcignore", ".gitattributes", ".gitmodules", ".dvc", ".dvc/config",
        ".dvc/config.local", "dvc.yaml/x.csv", "x.dvc/rows.csv", "deep/rows.csv.dvc", "deep/.dvc/x",
    ],
)  # fmt: skip
def test_what_steers_a_tool_is_owned_in_every_folder(folder: str, name: str) -> None:
    """Attacks: configuration of DVC and Git in a folder that is free."""
    assert STEERED.rule_of(folder + name) is STEERED.default


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("data/own/rows.csv.dvc", Kind.FREE),
        ("data/snapshots/rows.parquet.dvc", Kind.FREE),
        ("data/rows.csv.dvc", Kind.OWNED),
        ("data/own/.dvc", Kind.OWNED),
        ("docs/rows.csv.dvc", Kind.OWNED),
        ("docs/dvc.yaml.md", Kind.FREE),
        ("docs/gitattributes", Kind.FREE),
    ],
)
def test_records_are_free_in_two_folders(path: str, kind: Kind) -> None:
    """Rows of one's own need no owner; a record elsewhere does."""
    assert STEERED.kind_of(path) is kind


@given(st.text(max_size=40))
def test_a_new_path_is_owned_until_the_file_says_otherwise(path: str) -> None:
    """Attacks: any path at all at the top, and the same once a line frees it."""
    assert parse("* owned @a\n").kind_of(path) is Kind.OWNED
    top = parse(f"* owned @a\n{'y' * 50}/ free\n")
    assert top.kind_of(path) is Kind.OWNED
    assert top.kind_of(f"{'y' * 50}/a") is Kind.FREE


FIRST = "the first line must be"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no line"),
        ("# only words\n", "has no line"),
        ("docs/ free\n* owned @a\n", f":1: {FIRST}"),
        ("*\n", "kind"),
        ("* owned\n", FIRST),
        ("* free\n", FIRST),
        ("* free @a\n", FIRST),
        ("* machinery @a\n", FIRST),
        ("* owned @a\n* owned @b\n", ":2: * is the first line already"),
        ("* owned @a\ndocs/\n", ":2: docs/: has no kind; write one of free, owned"),
        ("* owned @a\ndocs/ fre\n", "'fre' is not a kind"),
        ("* owned @a\ndocs/ Free\n", "'Free' is not a kind"),
        ("* owned @a\nmy docs/ free\n", "'docs/' is not a kind"),
        ("* owned @a\n\ndocs/ free\ndocs/ owned\n", ":4: docs/ is in line 3 already"),
        ("* owned @a\ndocs/ free\nDocs/ owned\n", "differs only in spelling from docs/"),
        ("* owned @a\ndocs/ free\ndocs owned\n", "differs only in spelling from docs/"),
        ("* owned @a\n\u00e9/ free\ne\u0301/ owned\n", "differs only in spelling"),
        ("* owned @a\ndocs free\ndocs/other/ owned\n", "line 2 writes as docs; write docs/"),
        ("* owned @a\nDocs/ free\ndocs/other/ owned\n", "line 2 writes as Docs/; write docs/"),
        ("* owned @a\n/docs/ free\n", "begins with /"),
        ("* owned @a\n/ free\n", "begins with /"),
        ("* owned @a\n../docs/ free\n", "has an empty name, . or .."),
        ("* owned @a\ndocs/../src/ free\n", "has an empty name, . or .."),
        ("* owned @a\n./ free\n", "has an empty name, . or .."),
        ("* owned @a\ndocs// free\n", "has an empty name, . or .."),
        ("* owned @a\ndocs/*.md free\n", "a character of a pattern"),
        ("* owned @a\n** free\n", "a character of a pattern"),
        ("* owned @a\n!docs/ free\n", "a character of a pattern"),
        ("* owned @a\ndocs\\x free\n", "a character of a pattern"),
        ("* owned @a\ndocs/[a] free\n", "a character of a pattern"),
        ("* owned @a\ndocs/ free @b\n", "a free path has no owners"),
        ("* owned @a\nmodels/ generated @b\n", "a generated path has no owners"),
        ("* owned alice\n", ":1: alice is not an @user"),
        ("* owned @a\ndeploy/ owned @b/c/d\n", ":2: @b/c/d is not an @user"),
        ("* owned @a\ndocs/\u00a0free\n", ":2: has a character that cannot be seen"),
        ("\ufeff* owned @a\n", ":1: has a character that cannot be seen"),
        ("* owned @a\rdocs/ free\n", ":1: has a character that cannot be seen"),
        ("* owned @a\n# words\u2028docs/ free\n", ":2: has a character that cannot be seen"),
        ("* owned @a\ndo\u200bcs/ free\n", ":2: has a character that cannot be seen"),
    ],
)  # fmt: skip
def test_a_line_that_could_be_read_in_two_ways_is_an_error(text: str, message: str) -> None:
    """Attacks: lines that seem to guard and do not; the error names file, line and fix."""
    with pytest.raises(GatehouseError) as caught:
        parse(text)
    assert str(caught.value).startswith(f"{OWNERSHIP_FILE}:")
    assert message in str(caught.value)


def test_lines_of_windows_mean_the_same() -> None:
    """Attacks: CRLF, with which the last owner of a line would be another one."""
    crlf = TEXT.replace("\n", "\r\n")
    assert parse(crlf) == parse(TEXT)
    assert parse(crlf).codeowners() == parse(TEXT).codeowners()
    assert parse(with_owners(crlf.replace("@org/us", PLACEHOLDER), ("@org/us",))) == parse(TEXT)


@given(st.text(alphabet="*/.# @abfredowning\t\r\n\0\u2028", max_size=60), st.text(max_size=20))
def test_any_text_is_read_or_refused_in_words(text: str, path: str) -> None:
    """Attacks: a file that ends the judging with a traceback."""
    try:
        border = parse(text)
    except GatehouseError:
        return
    border.kind_of(path)
    border.codeowners()


def test_one_word_makes_the_pipeline_owned() -> None:
    """Attacks: a switch that has to be set in two places."""
    text = template_ownership().replace("src/pipeline/                 free", "src/pipeline/ owned")
    assert parse(template_ownership()).kind_of("src/pipeline/train.py") is Kind.FREE
    assert parse(text).kind_of("src/pipeline/train.py") is Kind.OWNED
    assert "/src/pipeline/" not in parse(text).codeowners()


def test_owners_take_the_placeholders_place_and_nothing_else_changes() -> None:
    """Attacks: lost comments and layout, and a placeholder in a comment or a name replaced."""
    text = "# {0}\n*\t owned {1}  # not {0}\nx{0}/ free\ny/ owned @b {1} #{0}\n"
    given_text = text.format(PLACEHOLDER, PLACEHOLDER)
    assert with_owners(given_text, ("@a", "@b/c")) == text.format(PLACEHOLDER, "@a @b/c")
    done = with_owners(template_ownership(), ("@a", "@b/c"))
    assert with_owners(done, ("@b/c", "@a")) == done


def test_owners_that_stand_there_are_not_overwritten() -> None:
    """Attacks: a careful division of owners lost by a command that fills in a placeholder."""
    with pytest.raises(GatehouseError, match=r"names its owners already \(@org/us\)"):
        with_owners(TEXT, ("@bob",))


@pytest.mark.parametrize("owner", ["alice", "@", "@a b", PLACEHOLDER, "@a/b/c", "# @a"])
def test_what_is_no_owner_is_refused(owner: str) -> None:
    """Attacks: a value that would break the line or guard nothing."""
    with pytest.raises(GatehouseError, match="OWNERS"):
        with_owners(template_ownership(), (owner,))


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    """Attacks: everything free where nothing says what is."""
    with pytest.raises(GatehouseError, match=r"ownership\.txt: is missing"):
        load(tmp_path)
    (tmp_path / ".github").mkdir()
    (tmp_path / OWNERSHIP_FILE).write_bytes(b"* owned @a\xff\n")
    with pytest.raises(GatehouseError, match=r"ownership\.txt: cannot be read"):
        load(tmp_path)


@pytest.fixture
def work(tmp_path: Path) -> Scratch:
    """A repository whose first commit has the border and a few files."""
    made = scratch(tmp_path / "work")
    made.commit("first", {
        OWNERSHIP_FILE.as_posix(): TEXT, "params.yaml": "a\n", "policy.yaml": "a\n",
        "packages/gatehouse/src/a.py": "a\n", "src/pipeline/a.py": "a\n",
    })  # fmt: skip
    made.git("tag", "base")
    return made


CASES: list[tuple[dict[str, str | None], bool]] = [
    ({}, False),
    ({"params.yaml": "b\n", "policy.yaml": "b\n", "new": "b\n"}, False),
    ({"packages/gatehouse/src/a.py": "b\n"}, True),
    ({"packages/gatehouse/src/a.py": None}, True),
    ({"packages/gatehouse/src/a.py": None, "src/pipeline/b.py": "a\n"}, True),
    ({"packages/gatehouse/src/\u00fc \u2028\n::error::": "b\n"}, True),
    ({OWNERSHIP_FILE.as_posix(): TEXT + "# words\n"}, True),
    ({"packages/a.py": "b", OWNERSHIP_FILE.as_posix(): "* owned @a\nsrc/ free\n"}, True),
    ({OWNERSHIP_FILE.as_posix(): None}, True),
]  # fmt: skip


@pytest.mark.parametrize(("files", "expected"), CASES)
def test_a_change_of_the_machinery_is_seen(
    work: Scratch,
    files: dict[str, str | None],
    expected: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Attacks: deleted and moved files, names that speak to the runner, a border that shrinks."""
    work.git("commit", "-q", "--allow-empty", "-m", "empty")
    if files:
        work.commit("change", files)
    work.git("config", "diff.renames", "copies")
    monkeypatch.chdir(work.root)
    assert main(["changed", "base", "HEAD"]) == 0
    lines = capsys.readouterr().out.split("\n")
    assert lines[0] == f"machinery={str(expected).lower()}"
    assert lines[1].startswith("why=")
    assert lines[2:] == [""]
    assert lines[1].isascii()


def test_what_cannot_be_told_is_an_error(
    work: Scratch, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks: tests that are skipped because the base or its border could not be read."""
    monkeypatch.chdir(work.root)
    work.commit("broken", {OWNERSHIP_FILE.as_posix(): "docs/ free\n"})
    for words in (["changed", "0" * 40], ["changed", "HEAD"], ["changed"], [], ["other", "HEAD"]):
        assert main(words) == 2
        output = capsys.readouterr()
        assert output.out == ""
        assert output.err
    with pytest.raises(GatehouseError, match=r"ownership\.txt:1: the first line"):
        load_at("HEAD", work.root)


def test_it_runs_before_any_package_is_installed(work: Scratch) -> None:
    """Attacks: an import that a bare Python does not have, in the job that plans the others."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c",
         f"import sys; sys.path.insert(0, {str(LIBRARY / 'src')!r})\n"
         "from gatehouse.ownership import main; sys.exit(main(['changed', 'base']))"],
        cwd=work.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("machinery=false\n")
