"""The command: what it refuses, what it asks, what it leaves alone."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from click.testing import CliRunner
from dvc.scm import SCM

from gatehouse.adopt import baseline
from gatehouse.adopt.cli import next_steps
from gatehouse.adopt.columns import plan_columns
from gatehouse.adopt.init import without_leaks
from gatehouse.adopt.policy.accuracy import accuracy_rules
from gatehouse.adopt.policy.data import drift_rules
from gatehouse.adopt.policy.latency import latency_rules
from gatehouse.adopt.policy.sizes import Sizes
from gatehouse.adopt.profile import Kind, Scan, scan
from gatehouse.adopt.questions import Questions
from gatehouse.adopt.table import open_table
from gatehouse.adopt.target import Target, find_target
from gatehouse.adopt.texts import contract_text
from gatehouse.cli import main
from gatehouse.codeowners import OWNERS_FILE
from gatehouse.contract import Role, Task, load_contract, parse_contract
from gatehouse.errors import GatehouseError
from gatehouse.gates.bootstrap import wilson_interval
from gatehouse.ownership import OWNERSHIP_FILE
from gatehouse.pipeline.file_source import load
from gatehouse.pipeline.ingest import ingest
from gatehouse.pipeline.settings import load_settings
from gatehouse.policy import load_policy
from gatehouse.table import read_table
from tests.gatehouse.adopt.conftest import FILES, REPOSITORY, Fork, lay_out, run_init
from tests.gatehouse.adopt.shapes import plain

CSV = plain(120).to_csv(index=False)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "repository")


def written(folder: Path, content: str | bytes, name: str = "rows.csv") -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def seen(folder: Path, frame: pd.DataFrame, target: str = "bought") -> Scan:
    path = written(folder, frame.to_csv(index=False))
    return scan(open_table(Path(path), path), target)


def bought(found: Scan) -> Target:
    return find_target(found, "bought", None, None, Questions(interactive=False))


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
    told = "removed, as it was of other data: dvc.lock, data/raw, data/cache/adult, models"
    assert told in result.output
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


def test_whole_numbers_are_classes_or_a_number(tmp_path: Path) -> None:
    """Attacks ratings taken as classes, digits as amounts, and a choice nobody can change."""
    digits = plain(300).assign(
        digit=[i % 10 for i in range(300)], rating=[3 + i % 6 for i in range(300)]
    )
    found, silent = seen(tmp_path, digits), Questions(interactive=False)
    assert find_target(found, "digit", None, None, silent).classes == tuple("0123456789")
    assert find_target(found, "rating", None, None, silent).task is Task.REGRESSION
    chosen = find_target(found, "rating", None, Task.MULTICLASS, silent)
    assert chosen.classes == tuple("345678")
    with pytest.raises(GatehouseError, match="makes the task regression, not multiclass"):
        find_target(found, "age", None, Task.MULTICLASS, silent)


def test_the_rarer_value_is_positive_where_no_name_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a probability of the wrong class."""
    frame = plain(200).assign(kind=["left" if i % 3 else "right" for i in range(200)])
    found = seen(tmp_path, frame)
    assert find_target(found, "kind", None, None, Questions(interactive=False)).positive == "right"
    assert "the rarer one" in capsys.readouterr().err
    assert find_target(found, "kind", "left", None, Questions(interactive=False)).positive == "left"
    for values, positive in (((1, 0, 1), "1"), ((1, 2, 1), "2"), ((-1, 1, 1), "1")):
        found = seen(tmp_path, frame.assign(kind=list(values) * 66 + [1, 1]), "kind")
        assert (
            find_target(found, "kind", None, None, Questions(interactive=False)).positive
            == positive
        )


def test_a_terminal_is_asked_what_is_unsure(tmp_path: Path) -> None:
    """Attacks guesses where somebody is there to be asked."""
    frame = plain(200).assign(
        customer=[f"{7 * i % 1009:04d}x" for i in range(200)],
        sex=["f", "m"] * 100,
        grade=[1, 2, 3, 2] * 50,
    )
    found, asking = seen(tmp_path, frame), Questions(interactive=True)
    assert found.profiles["customer"].kind is Kind.ID
    with CliRunner().isolation(input="multiclass\ny\ny\n"):
        target = find_target(found, "grade", None, None, asking)
        plan = plan_columns(found, target, (), None, asking)
    assert target.task is Task.MULTICLASS
    assert [c.name for c in plan.of(Role.KEY)] == ["customer"]
    assert [c.name for c in plan.of(Role.PROTECTED)] == ["sex"]
    with CliRunner().isolation(input="n\nn\n"):
        plan = plan_columns(found, target, (), None, asking)
    assert not plan.of(Role.KEY, Role.PROTECTED)


def test_protected_attributes_have_rules_and_are_not_fed(fork: Callable[..., Fork]) -> None:
    """Attacks fairness that nobody measures, and rules that too few rows turn into errors."""
    made = fork("500 rows", "--protected", "city")
    assert made.contract.protected == ["city"]
    assert "city" not in made.contract.inputs
    rules = made.policy.rules
    assert rules["fairness-equalized-odds"].inconclusive in ("warn", "pass")
    assert made.policy.measure.fairness.minimum_rows <= 20
    rare = fork("imbalanced", "--protected", "city").policy.rules
    assert rare["fairness-equalized-odds"].inconclusive == "pass"


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


def test_columns_that_no_contract_can_name_are_left_out(root: Path, tmp_path: Path) -> None:
    """Attacks pandas' nameless index, lists, and a column that is called like the output."""
    frame = plain(120).rename(columns={"visits": "probabilities"})
    frame.to_csv(tmp_path / "index.csv")
    assert (
        run_init(root, str(tmp_path / "index.csv"), "--target", "bought", "--force").exit_code == 0
    )
    contract = load_contract(root / "contract.yaml")
    assert "" not in contract.columns
    assert contract.columns["probabilities"].role is Role.IGNORED
    table = pa.Table.from_pandas(plain(120)).append_column("tags", pa.array([["a"]] * 120))
    pq.write_table(table, tmp_path / "lists.parquet")
    result = run_init(root, str(tmp_path / "lists.parquet"), "--target", "bought", "--force")
    assert result.exit_code == 0
    assert "lists, bytes or intervals: left out" in result.output
    assert "tags" not in load_contract(root / "contract.yaml").columns


def test_marks_of_missing_values_are_found(tmp_path: Path) -> None:
    """Attacks tables of UCI: marks among numbers, a blank; a minus that is a class or a name."""
    frame = plain(200).astype({"age": object, "visits": object})
    frame.loc[::40, "age"] = "-"
    frame.loc[::50, "visits"] = "Unknown"
    frame.loc[::25, "city"] = " ?"
    frame = frame.assign(
        sign=["+", "-"] * 100,
        spent=["1.5", " ", "2.5", "3.5"] * 50,
        state=["unknown", "Unknown", "new", "used"] * 50,
        code=["12", "--", "x", "7"] * 50,
        day=["2024-01-02", "-", "2024-01-03", "-"] * 50,
    )
    found = seen(tmp_path, frame, "sign")
    assert found.marks == (" ", " ?", "-", "Unknown")
    assert found.marked()["state"] == ("Unknown",), "one text means one thing in all of a table"
    profiles = found.profiles
    told = {name: (str(p.kind), p.missing) for name, p in profiles.items() if name != "bought"}
    assert told == {
        "age": ("number", 5), "visits": ("integer", 4), "city": ("category", 8),
        "sign": ("category", 0), "spent": ("number", 50), "state": ("category", 50),
        "code": ("category", 0), "day": ("date", 100),
    }  # fmt: skip
    assert set(profiles["code"].counts) == {"12", "--", "x", "7"}
    assert found.sample["state"].isna().sum() == 50
    target = find_target(found, "sign", None, None, Questions(interactive=False))
    assert set(target.classes) == {"+", "-"}
    assert found.sample["sign"].notna().all()


def test_marks_are_written_for_the_pipeline(root: Path, tmp_path: Path) -> None:
    """Attacks a mark that one step knows of and the next one reads as text."""
    frame = plain(120).astype({"age": object})
    frame.loc[::30, "age"] = "?"
    frame.loc[::40, "city"] = "?"
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "bought", "--force")
    assert result.exit_code == 0, result.output
    assert "'?' counts as a missing value (in age, city)" in result.output
    settings, contract = load_settings(root / "params.yaml"), load_contract(root / "contract.yaml")
    assert settings.data.file.missing == ("?",)
    assert contract.columns["city"].categories == ("Aachen", "Bonn", "Celle")
    with contextlib.chdir(root):
        ingest(settings.data, contract)
        rows = read_table(root / "data/raw/rows.parquet")
    assert [int(rows[name].isna().sum()) for name in ("age", "city")] == [4, 3]
    # The next table has none.
    assert run_init(root, written(tmp_path, CSV), "--target", "bought", "--force").exit_code == 0
    assert load_settings(root / "params.yaml").data.file.missing == ()


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
    assert "without one it stops at its first stage" in lines[-1]
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


def test_numbers_with_a_little_text_are_ignored_and_told(root: Path, tmp_path: Path) -> None:
    """Attacks a unit or a word among numbers: the pipeline can't read it as one."""
    frame = plain(200).astype({"age": object, "visits": float})
    frame.loc[::60, "age"] = "40 or so"
    frame.loc[3, "visits"] = 1e300
    result = run_init(
        root, written(tmp_path, frame.to_csv(index=False)), "--target", "bought", "--force"
    )
    contract = load_contract(root / "contract.yaml")
    assert contract.columns["age"].role is Role.IGNORED
    assert "4 rows hold other text" in result.output
    assert contract.columns["visits"].severity == "warning"


def test_big_files_are_sampled_for_the_baseline_and_looked_through_whole(tmp_path: Path) -> None:
    """Attacks memory, and a range that the rows which were not sampled break."""
    frame = plain(30_000)
    frame.loc[29_999, "visits"] = 9_000
    found = seen(tmp_path, frame)
    assert len(found.sample) == 20_000
    assert found.rows == 30_000
    assert found.profiles["visits"].high == 9_000


def test_a_torn_row_is_not_quoted(root: Path, tmp_path: Path) -> None:
    """Attacks a person's row on the screen, or in the log of a workflow."""
    path = written(tmp_path, CSV + "jane@example.org,1,2,3,4\n")
    done = run_init(root, path, "--target", "bought", "--force")
    assert done.exit_code == 2
    assert "has 5 columns, the header 4" in done.output
    assert "jane" not in done.output


@pytest.mark.parametrize("form", ["{:,.2f}", "${:.2f}", "{:.1f} €", "{:.1f}%"])
def test_numbers_written_for_people_are_told_as_such(form: str, tmp_path: Path) -> None:
    """Attacks a price that is taken for free text, with a note that leads astray."""
    frame = plain(200)
    prices = frame["age"] * 1000 + np.arange(200)
    found = seen(tmp_path, frame.assign(price=prices.map(form.format)))
    assert found.profiles["price"].kind is Kind.WRITTEN
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    (price,) = [column for column in plan.columns if column.name == "price"]
    assert price.role is Role.IGNORED
    assert "write plain numbers" in price.note


def test_numbers_that_float32_cannot_tell_apart_are_no_feature(tmp_path: Path) -> None:
    """Attacks a column that is one number to the graph, and looks like a feature."""
    frame = plain(200)
    steps = np.random.default_rng(0).integers(0, 50, 200)
    frame = frame.assign(account=10**17 + steps, far=2**24 + steps * 1000)
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    columns = {column.name: column for column in plan.columns}
    assert columns["account"].role is Role.IGNORED
    assert columns["far"].role is Role.FEATURE
    assert "holds only every 2nd of these numbers" in columns["far"].note


def test_categories_that_differ_by_spaces_are_told(tmp_path: Path) -> None:
    """Attacks categories that look alike on the screen and are two to the model."""
    frame = plain(200)
    frame["city"] = np.where(np.arange(200) % 2, frame["city"], " " + frame["city"])
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    (city,) = [column for column in plan.columns if column.name == "city"]
    assert city.warning
    assert "differ by blanks alone" in city.note


def test_a_table_that_is_easy_does_not_warn_at_each_run(root: Path, tmp_path: Path) -> None:
    """Attacks iris: what two columns together tell nearly without error is no leak."""
    frame = plain(300).assign(bought=lambda d: np.where(d["age"] - d["visits"] > 25, "yes", "no"))
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "bought", "--force")
    assert "predicts the target by itself" not in result.output
    rules = load_policy(root / "policy.yaml").rules
    assert "accuracy-too-good" not in rules
    assert "accuracy-unseen" in rules


def test_names_of_rows_that_are_numbers_are_not_learned(tmp_path: Path) -> None:
    """Attacks R's row names: a person's number, which a tree cuts into pieces."""
    names = [7 * i + 1000 for i in range(120)]
    found = seen(tmp_path, plain(120).assign(rownames=names, PassengerId=range(1, 121)))
    assert {found.profiles[n].kind for n in ("rownames", "PassengerId")} == {Kind.ID}
    target = find_target(found, "bought", None, None, Questions(interactive=False))
    plan = plan_columns(found, target, (), None, Questions(interactive=False))
    assert [c.name for c in plan.of(Role.KEY)] == ["rownames"]
    assert [c.name for c in plan.of(Role.IGNORED)] == ["PassengerId"]


def test_a_class_of_one_row_has_a_baseline(tmp_path: Path) -> None:
    """Attacks the planets: a way of finding one by which a single one was found."""
    kinds = pd.Series([f"k{i % 9}" for i in range(89)] + ["once"])
    found = seen(tmp_path, plain(90).assign(kind=kinds), "kind")
    target = find_target(found, "kind", None, None, Questions(interactive=False))
    plan = plan_columns(found, target, (), None, Questions(interactive=False))
    contract = parse_contract(contract_text(plan, "planets", 0), "contract.yaml")
    measured = baseline.measure(baseline.learning(found, contract, "."), 18)
    assert 0 <= measured.scores["accuracy"].boosted <= 1


def test_a_leak_is_asked_about_and_the_last_feature_stays(tmp_path: Path) -> None:
    """Attacks a model of nothing, and a column taken from those who know it beforehand."""
    found = seen(tmp_path, plain(120).drop(columns=["age", "city"]).assign(refund=1.5, paid=2))
    found.profiles.update(
        refund=replace(found.profiles["visits"], name="refund"),
        paid=replace(found.profiles["visits"], name="paid"),
    )
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    leaking = {"refund": 1.0, "paid": 1.0, "visits": 0.995}
    for answers, left in (("n\ny\n\n", ["refund"]), ("\n\n", ["visits"])):
        with CliRunner().isolation(input=answers):
            asked = without_leaks(plan, leaking, Questions(interactive=True))
        assert [c.name for c in asked.of(Role.FEATURE)] == left
        assert all(c.warning for c in asked.columns if c.name in leaking)


def test_what_the_baseline_learns_nothing_without_is_kept(root: Path, tmp_path: Path) -> None:
    """Attacks a model of noise, in place of one of the measurements that its owner brought."""
    n = np.arange(240)
    frame = pd.DataFrame(
        {"spores": n % 2 * 3.5 + n % 7 / 10, "coin": n // 2 % 2, "die": n // 4 % 3}
    )
    frame["edible"] = np.where(n % 2, "yes", "no")
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "edible", "--force")
    assert result.exit_code == 0, result.output
    assert "kept, since nothing is learned without such columns" in result.stderr
    assert "predicts the target by itself (ROC AUC 1.000): a leak?" in result.output
    assert set(load_contract(root / "contract.yaml").inputs) == {"spores", "coin", "die"}
    rules = load_policy(root / "policy.yaml").rules
    assert rules["accuracy-auc-floor"].limit > 0.9
    assert "accuracy-too-good" in rules


def test_columns_to_keep_are_features_where_they_can_be(tmp_path: Path) -> None:
    """Attacks features that look like something else, and whose owner has no way to say so."""
    n = np.arange(200)
    frame = plain(200).assign(
        score_id=n * 7 % 211, sample_no=n + 5, patient_id=n // 2 % 90, index=n, country="DE",
        said=[f"a text of {i} and some more words" for i in n % 25], sex=["f", "m"] * 100,
        badge=[f"B-{i:03d}" for i in n], day=pd.date_range("2020-01-01", periods=200).astype(str),
    )  # fmt: skip
    found, silent = seen(tmp_path, frame), Questions(interactive=False)
    kept = ("score_id", "sample_no", "patient_id", "index", "said", "sex", "age")
    plan = plan_columns(found, bought(found), (), None, silent, kept=kept)
    contract = parse_contract(contract_text(plan, "shop", 0), "contract.yaml")
    assert set(kept) < set(contract.inputs)
    types = {name: contract.columns[name].type for name in kept[:5]}
    assert types == dict.fromkeys(kept[:4], "integer") | {"said": "category"}
    data = baseline.learning(found, contract, ".")
    assert not data.features[[*kept]].isna().any(axis=None)
    for name, why in (("badge", "a different value in"), ("day", "dates"), ("country", "the same")):
        with pytest.raises(GatehouseError, match=f"--keep: '{name}' can't be a feature .{why}"):
            plan_columns(found, bought(found), (), None, silent, kept=[*kept, name])


def test_a_column_to_ignore_is_neither_learned_nor_asked_about(tmp_path: Path) -> None:
    """Attacks a column that its owner does not want used, and questions about it."""
    frame = plain(120).assign(
        sex=["f", "m"] * 60, customer_id=[f"{i * 7:04d}x" for i in range(120)]
    )
    found = seen(tmp_path, frame)
    ignored = ("sex", "customer_id", "age")
    plan = plan_columns(
        found, bought(found), (), None, Questions(interactive=True), ignored=ignored
    )
    assert {c.name for c in plan.of(Role.IGNORED)} == set(ignored)
    assert [c.name for c in plan.of(Role.FEATURE)] == ["visits", "city"]
    assert "(named by --ignore)" in contract_text(plan, "customers", 0)


def test_a_weight_of_rows_is_asked_about_and_is_no_feature(root: Path, tmp_path: Path) -> None:
    """Attacks a survey's weight that the model learns from, which nobody has where it predicts."""
    frame = plain(300).assign(weight=np.linspace(0.2, 3, 300), weight_kg=np.linspace(40, 90, 300))
    path = written(tmp_path, frame.to_csv(index=False))
    wanted = ("--target", "bought", "--yes", "--force")
    output = run_init(root, path, *wanted).output
    assert output.count("how much a row counts? Then: --weight weight") == 1
    assert "weight" in load_contract(root / "contract.yaml").inputs
    assert run_init(root, path, *wanted, "--weight", "weight").exit_code == 0
    contract = load_contract(root / "contract.yaml")
    assert (contract.weight, "weight" in contract.inputs) == ("weight", False)
    assert contract.columns["weight"].range is not None
    assert "weight_kg" in contract.inputs


def test_running_numbers_are_no_features_and_ages_and_years_are(tmp_path: Path) -> None:
    """Attacks laps, a raster's x, a spectrum and calendars that are taken for running numbers; a
    code for none that makes a batch's range as wide as the table.
    """
    n = np.arange(600)
    ages = np.sort(np.random.default_rng(0).integers(18, 95, 600))
    some = np.where(np.isin(n % 10, [0, 1, 4, 6, 8]), n % 50, np.nan)
    frame = plain(600).assign(**{
        "Sample Number": n + 7 - n // 100, "measured": n + 1 - n // 100, "row_no": n // 2 + n % 2,
        "sorted": ages, "dense": n // 2, "year": 1949 + n // 12, "panel": 1950 + n % 50,
        "hour": n % 24, "Week Number": n % 52 + 1, "month": n % 12 + 1, "day_of_year": n % 365,
        "x": n % 40, "lap_number": n % 50 + 1, "visit_no": np.where(n == 599, 9999, n % 24),
        "wavelength": 400 + n + n // 50, "Year": 1400 + n, "some_no": some,
    })  # fmt: skip
    found = seen(tmp_path, frame)
    counters = [name for name, p in found.profiles.items() if p.kind is Kind.COUNTER]
    assert counters == ["Sample Number", "measured"]
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    left_out = [c for c in plan.columns if c.role is None]
    assert [c.name for c in left_out] == counters
    assert all("row numbers: left out" in c.note and c.warning for c in left_out)
    assert not plan.of(Role.IGNORED)
    noted = {c.name for c in plan.of(Role.FEATURE) if "a running number? Then" in c.note}
    assert noted == {"lap_number", "visit_no", "wavelength", "Year"}


def test_many_sentences_are_free_text_and_a_form_s_answers_are_not(tmp_path: Path) -> None:
    """Attacks what somebody wrote of a person, listed in a contract that is public; answers of a
    form that are lost since they are long.
    """
    n = np.arange(240)
    answers = {
        "credit_history": [
            "existing credits paid back duly till now", "no credits taken, or all paid back duly",
            "critical account, or other credits existing elsewhere", "delay in paying off",
        ],
        "degree": [
            "Bachelor's degree (B.A., B.S., B.Eng., etc.)", "Some study without a degree", "Other",
        ],
        "often": ["Less than once a month.", "Once a month or so.", "Each week."],
        "carrier": ["Delta Air Lines Inc.", "Alaska Airlines Inc.", "SkyWest Airlines Inc."],
        "asked": ["Yes, definitely.", "No."],
        "long": ["a form's answer of many words, " * 4, "another one", "and a third"],
    }  # fmt: skip
    frame = plain(240).assign(
        comments=[f"Came {i} minutes late again and was loud." for i in n % 30],
        **{name: np.array(texts)[n % len(texts)] for name, texts in answers.items()},
    )
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    assert [c.name for c in plan.of(Role.IGNORED)] == ["comments"]
    noted = {c.name: c.note for c in plan.columns if c.warning and c.role is Role.FEATURE}
    assert set(noted) == {"credit_history", "long"}
    assert noted["long"] == "sentences, listed in contract.yaml? Then --ignore long"


def test_none_is_a_value_among_texts_and_missing_among_numbers(root: Path, tmp_path: Path) -> None:
    """Attacks a wall without veneer that counts as unknown, and a class called None; both as the
    pipeline reads them.
    """
    frame = plain(240).astype({"age": object, "visits": object})
    frame.loc[::30, "age"] = "None"
    frame.loc[::40, "visits"] = "none"
    frame["veneer"] = ["None", "Brick", "Stone", ""] * 60
    frame["alley"] = ["none", "gravel", "paved", "none"] * 60
    frame["price"] = ["$1,200", "$900", "None", "$1,000"] * 60
    for name, none in (("referral_id", "None"), ("voucher", "none")):
        frame[name] = [none if i % 3 == 0 else f"{name[0]}-{i:04d}" for i in range(240)]
    frame["pool"] = ["None", *["round", "square"] * 119, "round"]
    frame["bought"] = ["None", "some", "much"] * 80
    table = written(tmp_path, frame.to_csv(index=False))
    result = run_init(root, table, "--target", "bought", "--force")
    assert result.exit_code == 0, result.output
    settings, contract = load_settings(root / "params.yaml"), load_contract(root / "contract.yaml")
    assert settings.data.file.missing == ("none",), "None is known without"
    assert contract.classes == ("None", "much", "some")
    assert {contract.columns[name].role for name in ("referral_id", "voucher")} == {Role.IGNORED}
    assert result.output.count("ignored: a different value in every row") == 2
    assert contract.columns["veneer"].categories == ("Brick", "None", "Stone")
    assert contract.columns["alley"].categories == ("gravel", "none", "paved")
    with contextlib.chdir(root):
        rows = load(settings.data.file, contract)
    columns = ["age", "visits", "veneer", "alley"]
    assert rows[columns].isna().sum().tolist() == [8, 6, 60, 0]
    missing = {name: rows[name].isna().mean() for name in contract.inputs}
    assert all(share <= contract.columns[name].missing for name, share in missing.items())
    assert set(rows["pool"]) == {*(contract.columns["pool"].categories or ())}
    assert len(rows) == 240


def test_ids_that_repeat_are_told_as_what_they_are(root: Path, tmp_path: Path) -> None:
    """Attacks persons in train and test, of whom the model is then tested on what it learned;
    flights and shops that are lost as if they were persons.
    """
    person = np.random.default_rng(0).integers(0, 100, 300)
    frame = plain(300).assign(**{
        "patient_id": np.char.add("P-", (person + 1000).astype(str)), "customer no": person * 7,
        "glycemic_index": person, "shop_id": person % 70, "place": [f"p{n}" for n in person],
        "flight_no": [f"LH{n % 70}" for n in person], "order_id": 1000 + np.arange(300) // 2 * 3,
    })  # fmt: skip
    result = run_init(
        root, written(tmp_path, frame.to_csv(index=False)), "--target", "bought", "--force"
    )
    assert result.exit_code == 0, result.output
    for name in ("patient_id", "customer no"):
        assert f"warning: '{name}' is in several rows: rows of the same {name}" in result.output
    assert result.output.count("(group leakage)") == 2
    assert result.output.count("ignored: an id that is in several rows") == 3
    contract = load_contract(root / "contract.yaml")
    assert set(contract.inputs) == {
        "age", "visits", "city", "glycemic_index", "shop_id", "place", "flight_no",
    }  # fmt: skip
    assert "P-1" not in (root / "contract.yaml").read_text()


@pytest.mark.parametrize(("test", "limit"), [(12, 0.56), (60, 0.91), (110, 0.95), (2000, 0.98)])
def test_perfect_agreement_passes_on_however_few_rows(test: int, limit: float) -> None:
    """Attacks a rule that INT8 can't keep: the interval of 60 that all agree begins at 0.94."""
    rules = yaml.safe_load("".join(latency_rules(Task.BINARY, Sizes(4 * test, test, test))))
    assert rules["latency-agreement"]["at_least"] == limit
    assert wilson_interval(test, test, 0.95).low >= limit
    assert (
        wilson_interval(int(test - 1.5 * test**0.5), int(test - 1.5 * test**0.5), 0.95).low >= limit
    )


def test_noise_of_int8_is_within_what_it_may_cost() -> None:
    """Attacks a rule that turns red by chance: where decisions differ by pairs, cost is nothing."""
    for test in (60, 1000, 1176, 5000, 100_000):
        rules = yaml.safe_load("".join(latency_rules(Task.MULTICLASS, Sizes(4 * test, test, test))))
        agreement, cost = (
            rules[f"latency-{name}"]["at_least"] for name in ("agreement", "quality")
        )
        assert cost <= -1.96 * ((1 - agreement) / test) ** 0.5
        assert cost <= -0.005


@pytest.mark.parametrize(("reached", "guess", "floor"), [(0.8, 0.7345, 0.735), (0.74, 0.735, 0.67)])
def test_a_guess_is_no_floor_where_the_baseline_is_surely_better(
    reached: float, guess: float, floor: float
) -> None:
    """Attacks a floor that a model passes which always says no."""
    score = baseline.Score(reached, reached + 0.01, 0.025)
    scores = dict.fromkeys(("roc_auc", "accuracy", "expected_calibration_error"), score)
    known = baseline.Baseline(7000, 5, scores, guess)
    rules = yaml.safe_load("".join(accuracy_rules(Task.BINARY, known, Sizes(4000, 1400, 370),
                                                  leaking=False)))  # fmt: skip
    assert rules["accuracy-floor"]["at_least"] == floor


def test_a_column_that_is_mostly_missing_has_enough_rows_to_be_compared(tmp_path: Path) -> None:
    """Attacks a warning at every pull request, also where no row has changed."""
    frame = plain(1000).astype({"visits": float})
    frame.loc[frame.index % 10 != 0, "visits"] = np.nan
    found = seen(tmp_path, frame)
    plan = plan_columns(found, bought(found), (), None, Questions(interactive=False))
    contract = parse_contract(contract_text(plan, "shop", 0), "contract.yaml")
    rules = yaml.safe_load("".join(drift_rules(contract, found, Sizes(640, 200, 100))))
    assert rules["drift-numbers"]["minimum_n"] <= 64
    assert rules["drift-categories"]["minimum_n"] == 300
