"""The command: what it refuses, what it asks, what it leaves alone."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from dvc.scm import SCM

from gatehouse.adopt.cli import next_steps
from gatehouse.cli import main
from gatehouse.codeowners import OWNERS_FILE
from gatehouse.contract import load_contract
from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.pipeline.settings import load_settings
from tests.gatehouse.adopt.conftest import FILES, REPOSITORY, run_init
from tests.gatehouse.adopt.shapes import plain
from tests.gatehouse.adopt.tables import CSV, written


def test_help_says_what_is_made_and_how_it_is_called() -> None:
    """Attacks a newcomer's first look."""
    output = CliRunner().invoke(main, ["init", "--help"]).output
    for word in ("contract.yaml", "policy.yaml", "--positive", "--protected", "--ignore A,B",
                 "For example"):  # fmt: skip
        assert word in output


@pytest.mark.parametrize(
    ("content", "arguments", "message"),
    [
        (CSV, ["--target", "Bougth"], "no column 'Bougth'; did you mean: 'bought'"),
        (CSV, ["--target", "bought", "--protected", "cty"], "--protected: the table has no column"),
        (CSV, ["--target", "bought", "--ignore", "cty"], "--ignore: the table has no column 'cty'"),
        (CSV, ["--target", "bought", "--keep", "cty"], "--keep: the table has no column 'cty'"),
        (CSV, ["--target", "bought", "--ignore", "city", "--keep", "city"], "by --ignore too"),
        (CSV, ["--target", "bought", "--ignore", "bought"], "is named by --target too"),
        (CSV, ["--target", "bought", "--ignore", "city", "--protected", "city"], "by --protected"),
        (CSV, ["--target", "bought", "--ignore", "age", "--key", "age"], "named by --ignore too"),
        (CSV, ["--target", "bought", "--key", "city"], "--key: 'city' has values that come more"),
        (CSV, ["--target", "bought", "--key", "bought"], "is named by --target too"),
        (CSV, ["--target", "bought", "--weight", "city"], "--weight: 'city' must be a number"),
        (CSV, ["--target", "bought", "--protected", "age"], "put numbers such as ages into bands"),
        (CSV, ["--target", "bought", "--positive", "maybe"], "no value 'maybe'; it has: no, yes"),
        (CSV, ["--target", "bought", "--task", "regression"], "makes the task binary, not"),
        (CSV, ["--target", "age", "--positive", "3"], "'age' is a number to predict"),
        (CSV.replace(",yes", ",no"), ["--target", "bought"], "the same value in every row"),
        ("a,b,a\n1,2,3\n", ["--target", "b"], "names the column 'a' twice"),
        ("1,2.5,x\n2,2,x\n" * 60, ["--target", "b"], "Are these values? Then add a header line"),
        ("a,b\n1,2\n", ["--target", "b"], "the table has 1 row;"),
        ("a,b\n1,2\n1\n", ["--target", "b"], "line 3 has 1 column, the header 2"),
        ("", ["--target", "b"], "is empty"),
        (b"PK\x03\x04rest", ["--target", "b"], "is a zip archive, as Excel's files are"),
        (b"PAR1rest", ["--target", "b"], "cannot be read as Parquet"),
        (b"\x1f\x8bbroken", ["--target", "b"], "cannot be unpacked"),
        (b"a\x00\x01b,c\n", ["--target", "b"], "is neither text nor Parquet"),
        ("x,y\n" + "1,a\n1,b\n" * 40, ["--target", "y"], "no column is left to learn from"),
    ],
)  # fmt: skip
def test_what_cannot_be_adopted_is_told_and_nothing_is_written(
    root: Path, tmp_path: Path, content: str | bytes, arguments: list[str], message: str
) -> None:
    """Attacks tracebacks, and a repository half changed."""
    before = {name: (root / name).read_bytes() for name in FILES}
    result = run_init(root, written(tmp_path, content), *arguments, "--yes", "--force")
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert {name: (root / name).read_bytes() for name in FILES} == before
    assert not (root / "data").exists()


def test_a_file_or_a_folder_that_is_none_is_told(root: Path, tmp_path: Path) -> None:
    """Attacks tracebacks of paths, and a command that is run elsewhere."""
    result = run_init(root, "no.csv", "--target", "a")
    assert (result.exit_code, "there is no such file" in result.output) == (2, True)
    result = run_init(tmp_path, "no.csv", "--target", "a")
    assert "run the command in the repository's folder" in result.output


def test_changes_that_git_has_not_are_not_overwritten(root: Path, tmp_path: Path) -> None:
    """Attacks a contract that somebody has been writing all day; a typo that is told only then."""

    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments],
            cwd=root, check=True, capture_output=True,
        )  # fmt: skip

    table = written(tmp_path, CSV)
    arguments = (table, "--target", "bought", "--yes")
    refused = run_init(root, *arguments)
    assert refused.exit_code == 2, "without Git any file is somebody's"
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "all")
    contract = (root / "contract.yaml").read_text() + "# mine\n"
    (root / "contract.yaml").write_text(contract)
    refused = run_init(root, *arguments)
    assert refused.exit_code == 2
    assert "contract.yaml: have uncommitted changes" in refused.output
    assert "policy.yaml" not in refused.output
    assert (root / "contract.yaml").read_text() == contract
    assert "did you mean" in run_init(root, table, "--target", "bougth", "--yes").output
    git("commit", "-qam", "mine")
    assert run_init(root, *arguments).exit_code == 0
    # The copy is somebody's too, where it has changed.
    git("add", "-A")
    git("commit", "-qm", "adopted")
    (root / "data/own/rows.csv").write_text(CSV + "50.5,3,Bonn,yes\n")
    assert "data/own/rows.csv: have uncommitted changes" in run_init(root, *arguments).output
    assert run_init(root, *arguments, "--force").exit_code == 0
    assert (root / "data/own/rows.csv").read_text() == CSV


def test_what_runs_of_the_sample_left_is_taken_away(root: Path, tmp_path: Path) -> None:
    """Attacks a verdict on Adult beside a contract of customers."""
    for name in ("dvc.lock", "reports/verdict.json", "reports/evidence/data.json",
                 "data/raw/rows.parquet", "models/model.onnx", "data/cache/adult/a.data",
                 "reports/README.md", "data/own/README.md", "data/cache/ours.csv",
                 "data/raw/kept/a", "reports/tune/index.html"):  # fmt: skip
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("of the sample")
    border = root / OWNERSHIP_FILE
    border.write_text(f"{border.read_text()}data/raw/kept/ owned\n")
    result = run_init(root, written(tmp_path, CSV), "--target", "bought", "--yes", "--force")
    assert result.exit_code == 0, result.output
    message = "removed, as it was of other data: dvc.lock, data/raw, data/cache/adult, models"
    assert message in result.output
    left = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    assert left == sorted([
        *FILES, "reports/README.md", "data/own/README.md", "data/own/rows.csv",
        "data/cache/ours.csv", "data/raw/kept/a", "reports/tune/index.html",
        OWNERSHIP_FILE.as_posix(), OWNERS_FILE.as_posix(),
    ])  # fmt: skip


def test_a_border_that_cannot_be_read_stops_it_before_anything_is_written(
    root: Path, tmp_path: Path
) -> None:
    """Attacks: another table's results left behind, or deleted by a guess."""
    (root / OWNERSHIP_FILE).write_text("data/ generated\n")
    before = (root / "contract.yaml").read_text()
    result = run_init(root, written(tmp_path, CSV), "--target", "bought", "--yes", "--force")
    assert result.exit_code == 2
    assert f"{OWNERSHIP_FILE}:1: the first line must be" in result.output
    assert (root / "contract.yaml").read_text() == before


def test_a_file_of_the_repository_stays_where_it_is(root: Path) -> None:
    """Attacks two copies of a table, and one that the pipeline itself would take away."""
    (root / "tables").mkdir()
    (root / "tables/rows.csv").write_text(CSV)
    assert run_init(root, "tables/rows.csv", "--target", "bought", "--force").exit_code == 0
    assert load_settings(root / "params.yaml").data.file.path == Path("tables/rows.csv")
    assert not (root / "data/own").exists()
    (root / "data/raw").mkdir(parents=True)
    (root / "data/raw/rows.csv").write_text(CSV)
    assert run_init(root, "data/raw/rows.csv", "--target", "bought", "--force").exit_code == 0
    assert load_settings(root / "params.yaml").data.file.path == Path("data/own/rows.csv")


def test_an_ending_that_the_pipeline_does_not_know_is_mended(root: Path, tmp_path: Path) -> None:
    """Attacks `rows.tsv`, and Parquet that calls itself CSV."""
    table = written(tmp_path, CSV.replace(",", "\t"), "rows.tsv")
    assert run_init(root, table, "--target", "bought", "--force").exit_code == 0
    assert load_settings(root / "params.yaml").data.file.path == Path("data/own/rows.csv")
    plain(120).to_parquet(tmp_path / "other.csv")
    arguments = (str(tmp_path / "other.csv"), "--target", "bought", "--force")
    assert run_init(root, *arguments).exit_code == 0
    assert load_settings(root / "params.yaml").data.file.path == Path("data/own/other.parquet")


def test_a_url_is_named_and_pinned_unless_it_may_tell_a_secret(root: Path, tmp_path: Path) -> None:
    """Attacks signatures and passwords in params.yaml, which Git keeps for good."""
    import fsspec

    url = "memory://tables/rows.csv"
    for place in (url, f"{url}?signature=hush7"):
        with fsspec.open(place, "w") as stream:
            stream.write(CSV)
    result = run_init(root, url, "--target", "bought", "--force")
    assert result.exit_code == 0, result.output
    file = load_settings(root / "params.yaml").data.file
    assert file.url == url
    assert file.sha256 is not None
    assert not (root / "data/own").exists()
    result = run_init(
        root, "memory://tables/rows.csv?signature=hush7", "--target", "bought", "--force"
    )
    assert result.exit_code == 0, result.output
    assert load_settings(root / "params.yaml").data.file.url is None
    assert "hush7" not in (root / "params.yaml").read_text() + result.output
    url = "https://me:word@example.org/a.csv"  # pragma: allowlist secret
    result = run_init(root, url, "--target", "a", "--force")
    assert (result.exit_code, "word@" in result.output) == (2, False)


def test_copies_of_rows_are_told_before_the_data_gate_stops(root: Path, tmp_path: Path) -> None:
    """Attacks a first run that fails on rows which nobody warned of."""
    lines = CSV.splitlines()
    numbered = [f",{lines[0]}", *(f"{i},{line}" for i, line in enumerate(lines[1:] + lines[1:20]))]
    text = "\n".join(numbered) + "\n"
    result = run_init(root, written(tmp_path, text), "--target", "bought", "--force")
    assert "27.3% of the rows have an exact copy: contract.yaml allows 37%" in result.output
    assert load_contract(root / "contract.yaml").copies == 0.37
    # R numbers rows under a name, and each is another by that.
    numbered = [f"rownames,{lines[0]}"]
    numbered += [f"{i + 1},{line}" for i, line in enumerate(lines[1:] + lines[1:20])]
    table = written(tmp_path, "\n".join(numbered) + "\n")
    assert run_init(root, table, "--target", "bought", "--force").exit_code == 0
    contract = load_contract(root / "contract.yaml")
    assert (contract.copies, "rownames" in contract.columns) == (0.37, False)
    # Samples are numbered, with gaps, and the pipeline counts copies by the contract's columns.
    numbered = [f"Sample Number,{lines[0]}"]
    numbered += [f"{i + 7 - i // 40},{line}" for i, line in enumerate(lines[1:] + lines[1:20])]
    table = written(tmp_path, "\n".join(numbered) + "\n")
    for named in ((), ("--ignore", "Sample Number")):
        assert run_init(root, table, "--target", "bought", "--force", *named).exit_code == 0
        contract = load_contract(root / "contract.yaml")
        assert (contract.copies, "Sample Number" in contract.columns) == (0.37, False)
    result = run_init(root, written(tmp_path, CSV), "--target", "bought", "--force")
    assert "copies" not in result.output + (root / "contract.yaml").read_text()


def test_rows_are_kept_out_of_git_unless_they_are_in_it(root: Path, tmp_path: Path) -> None:
    """Attacks rows of persons in a commit, and a pull request that can't find its table."""
    shutil.copyfile(REPOSITORY / ".gitignore", root / ".gitignore")
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    table = written(tmp_path, CSV)
    result = run_init(root, table, "--target", "bought", "--force")
    lines = result.output[result.output.index("Next:") :].splitlines()
    assert "  .venv/bin/dvc add data/own/rows.csv" in lines
    (added,) = [line for line in lines if "git add contract.yaml" in line]
    order = ["contract.yaml and", "model_card", "make run", "dvc add", "dvc remote", "dvc push",
             "git add", 'git commit -m "']  # fmt: skip
    places = [next(i for i, line in enumerate(lines) if word in line) for word in order]
    assert places == sorted(places)
    pasted = [line for line in lines if line.startswith("  ")]
    assert not [line for line in pasted if set("|<>#…") & set(line)]
    assert {"data/own/rows.csv.dvc", ".dvc/config"} < set(added.split())
    assert "data/own/rows.csv" not in added.split()
    assert "without one it stops at its first stage" in lines[-2]
    assert "gatehouse noise --write" in lines[-1]
    (root / "data/own/rows.csv.dvc").touch()
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    files = subprocess.run(
        ["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True
    )
    assert "data/own/rows.csv.dvc" in files.stdout.splitlines()
    assert "data/own/rows.csv" not in files.stdout.splitlines()
    # DVC passes over a .dvc file in a folder that it takes for ignored, and then pushes nothing.
    assert not SCM(str(root)).is_ignored(f"{root}/data/own/")
    assert not SCM(str(root)).is_ignored(f"{root}/data/own/rows.csv.dvc")
    subprocess.run(["git", "add", "--force", "data/own/rows.csv"], cwd=root, check=True)
    with contextlib.chdir(root):
        steps = "\n".join(next_steps(Path("data/own/rows.csv")))
        assert "dvc" not in steps.replace("dvc.lock", "")
        assert "tables/.gitignore" in "\n".join(next_steps(Path("tables/rows.csv")))
        assert "dvc" not in "\n".join(next_steps(None)).replace("dvc.lock", "")
        assert "dvc remote add" in "\n".join(next_steps(Path("tables/rows.csv")))
        Path(".dvc").mkdir()
        Path(".dvc/config").write_text("[core]\n    remote = storage\n")
        steps = "\n".join(next_steps(Path("tables/rows.csv")))
        assert ("dvc push" in steps, "dvc remote add" in steps) == (True, False)
