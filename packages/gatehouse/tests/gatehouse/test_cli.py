"""The command: exit codes, help, errors in words, and a start that imports little."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from gatehouse.base import BaseRecord, dealt, find_base, take_base, write_record
from gatehouse.cli import main
from gatehouse.explain import PAGES
from gatehouse.help import SECTIONS
from gatehouse.places import code_path
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL, MODEL_FP32, VERDICT
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import POLICY, ROOT, Finished, measured
from tests.shared import NAMES

Command = Callable[..., Result]
HEAVY = ("pandas", "numpy", "torch", "great_expectations", "evidently", "dvc", "sklearn", "scipy",
         "onnx", "onnxruntime", "fairlearn", "pyarrow", "bentoml")  # fmt: skip


def _process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": code_path(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_real_process_gives_code_and_streams(finished: Finished, tmp_path: Path) -> None:
    """Attacks the way out of the process: 0, 1 and 2, errors on stderr, no traceback."""
    gatehouse = ("-m", "gatehouse.cli")
    assert _process(*gatehouse, "judge", cwd=finished.root).returncode == 0
    finished.write_evidence("accuracy", measurements=(measured("roc_auc", 0.1),))
    assert _process(*gatehouse, "judge", cwd=finished.root).returncode == 1
    wrong = _process(*gatehouse, "judge", cwd=tmp_path)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert wrong.stderr.startswith("error: policy.yaml: there is no such file")
    assert "Traceback" not in wrong.stderr


@pytest.mark.parametrize(("auc", "code"), [(0.9, 0), (0.1, 1)])
def test_a_reader_that_goes_away_does_not_change_the_verdict(
    finished: Finished, auc: float, code: int
) -> None:
    """Attacks `gatehouse judge | head -1`: neither a pass for a fail, nor a fail for a pass."""
    finished.write_evidence("accuracy", measurements=(measured("roc_auc", auc),))
    assert _unread("judge", cwd=finished.root) == code
    assert Verdict.read(finished.root / VERDICT).outcome is (Outcome.FAIL, Outcome.PASS)[code == 0]


def test_what_was_not_told_is_no_pass(tmp_path: Path) -> None:
    """Attacks a command whose output nobody reads: `verify | head` may not say pass."""
    assert _unread("schemas", str(tmp_path / "schemas"), cwd=tmp_path) == 2


def _unread(*arguments: str, cwd: Path) -> int:
    """Exit code of a command whose standard output is closed before it writes."""
    with subprocess.Popen(
        [sys.executable, "-m", "gatehouse.cli", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": code_path(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        return process.wait()


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    """Attacks a slow start: help, and the judge's own modules, need none of the big libraries."""
    code = (
        "import sys\nfrom click.testing import CliRunner\nfrom gatehouse.cli import main\n"
        "import gatehouse.judge, gatehouse.policy, gatehouse.contract, gatehouse.changes\n"
        "result = CliRunner().invoke(main, ['--help'])\n"
        f"found = [name for name in {HEAVY} if name in sys.modules]\n"
        "sys.exit(result.exit_code or ', '.join(found) or 0)\n"
    )
    done = _process("-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [None, *main.commands])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_every_command_explains_itself(
    gatehouse: Command, tmp_path: Path, name: str | None, flag: str
) -> None:
    """Attacks commands without help, in any folder."""
    result = gatehouse(*([name] if name else []), flag, cwd=tmp_path)
    assert result.exit_code == 0
    text = " ".join(result.output.split())
    assert "Usage:" in text
    assert len(text) > 100
    for option in main.commands[name].params if name else ():
        if option.param_type_name == "option":
            assert getattr(option, "help", None), f"{name} {option.name}"


def test_the_help_lists_whole_lines_by_section(gatehouse: Command, tmp_path: Path) -> None:
    """Attacks lines that are cut or wrapped, and a command that no section lists."""
    lines = gatehouse("--help", cwd=tmp_path).output.splitlines()
    assert sorted(name for names in SECTIONS.values() for name in names) == sorted(main.commands)
    assert [line[:-1] for line in lines if line.endswith(":") and line[0] != " "] == [
        "Options", *SECTIONS,
    ]  # fmt: skip
    for name in main.commands:
        assert sum(line.startswith(f"  {name} ") for line in lines) == 1, name
    assert all(line == "" or not line.startswith("      ") for line in lines), "a wrapped line"
    assert not [line for line in lines[1:] if line.endswith("...")]


@pytest.mark.parametrize(
    ("word", "texts"),
    [
        ("accuracy-floor", ("is a rule of policy.yaml", "measurement: roc_auc", "scikit-learn")),
        ("Drift", ("Wasserstein", "**", "docs/gates.md")),
        ("brier score", ("squared distance", "docs/glossary.md")),
        ("ModelSlow", ("99th percentile", "docs/operations.md")),
        ("at_least", ("interval must be above this", "docs/reference/policy.md")),
    ],
)
def test_a_word_is_explained(
    gatehouse: Command, finished: Finished, word: str, texts: tuple[str, ...]
) -> None:
    """Attacks a rule, gate, term, alert or key that the pages have and the command lacks."""
    output = gatehouse("explain", word, cwd=finished.root).output
    for text in texts:
        assert (text in output) == (text != "**")


def test_an_unknown_word_names_the_closest(gatehouse: Command, tmp_path: Path) -> None:
    """Attacks a misspelt word, in a folder without a policy."""
    result = gatehouse("explain", "acuracy", cwd=tmp_path)
    assert (result.exit_code, "did you mean 'accuracy'" in result.stderr) == (2, True)


def test_the_wheel_holds_the_pages_that_explain() -> None:
    """Attacks a wheel in which a word is explained nowhere."""
    library = Path(__file__).parents[2]
    project = tomllib.loads((library / "pyproject.toml").read_text("utf-8"))
    held = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert held == {f"docs/{page}.md": f"gatehouse/pages/{page}.md" for page in PAGES}
    assert all((library / path).is_file() for path in held)


def test_help_names_the_gates_that_exist(gatehouse: Command, tmp_path: Path) -> None:
    """Attacks a list of gates that drifted from the table."""
    help_ = " ".join(gatehouse("measure", "--help", cwd=tmp_path).output.split())
    assert f"all gates: {', '.join(NAMES)}, and those in policy.yaml" in help_


@pytest.mark.parametrize(
    "arguments",
    [
        ("judgement",),
        ("drill", "--runs", "0"),
        ("judge", "--base"),
        ("judge", "--polcy", "x"),
    ],
)
def test_a_misspelt_command_line_is_an_error(
    gatehouse: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Attacks typing mistakes: code 2, so that CI does not take them for a verdict."""
    result = gatehouse(*arguments, cwd=tmp_path)
    assert result.exit_code == 2
    assert "Error: " in result.stderr


def test_a_misspelt_gate_is_an_error(gatehouse: Command, finished: Finished) -> None:
    """Attacks a name that is neither in the table of gates nor in policy.yaml."""
    result = gatehouse("measure", "accurracy", cwd=finished.root)
    assert result.exit_code == 2
    names = ", ".join(NAMES)
    assert f"error: there is no gate 'accurracy'; there are: {names}" in result.stderr


@pytest.mark.parametrize(
    "arguments",
    [("judge",), ("measure",), ("report",), ("run",), ("verify",), ("drill",), ("card",)],
)
def test_outside_a_repository_each_command_says_so(
    gatehouse: Command, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    """Attacks the wrong folder: code 2, one error, nothing written."""
    result = gatehouse(*arguments, cwd=tmp_path)
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("error: ")
    assert list(tmp_path.iterdir()) == []


def test_judge_writes_the_verdict_it_tells(gatehouse: Command, finished: Finished) -> None:
    """Attacks a code, a screen and a file that disagree."""
    result = gatehouse("judge", cwd=finished.root)
    assert (result.exit_code, Verdict.read(finished.root / VERDICT).outcome) == (0, Outcome.PASS)
    finished.write_evidence("accuracy", measurements=(measured("roc_auc", 0.1),))
    result = gatehouse("judge", cwd=finished.root)
    assert (result.exit_code, Verdict.read(finished.root / VERDICT).outcome) == (1, Outcome.FAIL)
    assert "fail" in (finished.root / "reports/report.md").read_text()


@pytest.mark.parametrize("damage", ["missing", "cut", "empty", "binary", "folder", "newer"])
def test_evidence_that_cannot_be_used_fails(
    gatehouse: Command, finished: Finished, damage: str
) -> None:
    """Attacks each way to spoil evidence: a verdict of fail, never a crash, never a pass."""
    path = finished.write_evidence("fairness")
    text = path.read_text()
    match damage:
        case "missing":
            path.unlink()
        case "cut":
            path.write_text(text[: len(text) // 2])
        case "empty":
            path.write_text("")
        case "binary":
            path.write_bytes(b"\xff\xfe\x00")
        case "folder":
            path.unlink()
            path.mkdir()
        case "newer":
            path.write_text(text.replace('"version": 1', '"version": 99'))
    result = gatehouse("judge", cwd=finished.root)
    assert result.exit_code == 1
    assert list(Verdict.read(finished.root / VERDICT).errors) == ["fairness"]


def test_a_swapped_model_fails(gatehouse: Command, finished: Finished) -> None:
    """Attacks judging one model and merging another."""
    path = finished.root / MODEL
    path.write_bytes(path.read_bytes() + b"\0")
    result = gatehouse("judge", cwd=finished.root)
    assert result.exit_code == 1
    assert "stale" in Verdict.read(finished.root / VERDICT).errors["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--base", "nowhere"), "'nowhere' is not a commit here"),
        (("--base", ""), "'' is not a commit here"),
        (("--base", "-x"), "'-x' is not a commit here"),
        (("--base", "--", "x"), "'--' is not a commit here"),
        (("--policy", "nowhere.yaml"), "neither a policy file nor a commit"),
        (("--policy", ""), "neither a policy file nor a commit"),
    ],
)
def test_a_wrong_name_is_an_error_and_writes_no_verdict(
    gatehouse: Command, repository: Repository, arguments: tuple[str, ...], expected: str
) -> None:
    """Attacks names that are empty, options or misspelt: never 'judged without a base'."""
    result = gatehouse("judge", *arguments, cwd=repository.root)
    assert result.exit_code == 2
    if "x" not in arguments:
        assert expected in result.stderr
    assert not (repository.root / VERDICT).exists()


def test_judge_with_a_base_out_of_reach_is_an_error(
    gatehouse: Command, repository: Repository
) -> None:
    """Attacks a base that was never pushed: code 2 and what to do, not a verdict without it."""
    import shutil

    shutil.rmtree(repository.root / ".dvc/cache")
    result = gatehouse("judge", "--base", "main", cwd=repository.root)
    assert result.exit_code == 2
    assert "dvc push" in result.stderr
    assert not (repository.root / VERDICT).exists()


def test_judge_by_the_base_s_policy_and_by_a_named_one(
    gatehouse: Command, repository: Repository
) -> None:
    """Attacks a lowered bar through the command."""
    path = repository.root / "policy.yaml"
    path.write_text(POLICY.replace("at_least: 0.8", "at_least: 0.95"))
    repository.commit("a high bar")
    path.write_text(POLICY)
    assert gatehouse("judge", cwd=repository.root).exit_code == 0
    assert gatehouse("judge", "--policy", "main", cwd=repository.root).exit_code == 1
    assert gatehouse("judge", "--base", "main", cwd=repository.root).exit_code == 1
    stored = json.loads((repository.root / VERDICT).read_text())
    assert stored["policy_from"].startswith("policy.yaml of main")
    assert stored["policy_changes"][0]["direction"] == "loosened"


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("policy.yaml", ("judge",)),
        ("policy.yaml", ("measure", "data")),
        ("policy.yaml", ("run",)),
        ("contract.yaml", ("judge", "--base", "main")),
        ("contract.yaml", ("measure", "data")),
        ("contract.yaml", ("run",)),
        ("params.yaml", ("run", "--data", "adult")),
    ],
)
def test_a_broken_settings_file_is_an_error_in_every_command(
    gatehouse: Command, repository: Repository, name: str, arguments: tuple[str, ...]
) -> None:
    """Attacks each command with each file empty, binary, cut, or something else."""
    for content in (b"", b"\xff", b"a: [", b"5", b"- 1\n"):
        (repository.root / name).write_bytes(content)
        result = gatehouse(*arguments, cwd=repository.root)
        assert result.exit_code == 2, result.output
        assert name in result.stderr


@pytest.mark.parametrize("content", ["", "5", "- 1", "data: 5", "a: .nan", "? [1]\n: 2"])
def test_odd_params_do_not_hide_a_verdict(
    gatehouse: Command, repository: Repository, content: str
) -> None:
    """Attacks the report, which compares the settings of both sides, with settings that are odd."""
    (repository.root / "params.yaml").write_text(content)
    result = gatehouse("judge", "--base", "sources", cwd=repository.root)
    assert result.exit_code in (0, 2), result.output
    assert "error: " in result.stderr or "PASS" in result.output


def test_a_folder_that_cannot_be_written_is_told(gatehouse: Command, finished: Finished) -> None:
    """Attacks a traceback where `reports` can't hold the verdict."""
    (finished.root / VERDICT).mkdir()
    result = gatehouse("judge", cwd=finished.root)
    assert result.exit_code == 2
    assert "verdict.json: cannot be written" in result.stderr


@pytest.mark.parametrize("path", [MODEL.as_posix(), "data/prepared/test.parquet", "contract.yaml"])
def test_report_refuses_a_verdict_on_something_else(
    gatehouse: Command, finished: Finished, path: str
) -> None:
    """Attacks a report that says pass of a model or data that were never judged."""
    assert gatehouse("judge", cwd=finished.root).exit_code == 0
    assert gatehouse("report", cwd=finished.root).exit_code == 0
    report = finished.root / "reports/report.md"
    report.unlink()
    file = finished.root / path
    before = file.read_bytes()
    for content in (before.replace(b"120", b"121") + b"\n", None):
        file.unlink() if content is None else file.write_bytes(content)
        result = gatehouse("report", cwd=finished.root)
        assert result.exit_code == 2
        assert "verdict on other data or another model" in result.stderr
        assert not report.exists()
    file.write_bytes(before)
    assert gatehouse("report", cwd=finished.root).exit_code == 0


PLANTED = [MODEL.as_posix(), MODEL_FP32.as_posix(), "data/raw/rows.parquet", "contract.yaml"]


@pytest.mark.parametrize("damage", ["changed", "gone"])
@pytest.mark.parametrize("path", PLANTED)
def test_a_base_s_copy_that_was_tampered_with_is_an_error(
    gatehouse: Command, repository: Repository, path: str, damage: str
) -> None:
    """Attacks a base made worse where it lies, so that anything compares well with it."""
    root = repository.root
    base = find_base("main", root)
    taken = take_base(base, root)
    assert taken is not None
    repository.write_all(dealt(taken).present())
    assert gatehouse("judge", "--base", "main", cwd=root).exit_code == 0
    write_record(base.record, root)
    assert gatehouse("judge", cwd=root).exit_code == 0
    (root / VERDICT).unlink()
    file = taken.root / path
    content = file.read_bytes()
    file.unlink()
    if damage == "changed":
        file.write_bytes(content.replace(b"120", b"121") + b"\n")
    for arguments in (
        ("judge", "--base", "main"),
        ("judge",),
        ("measure", "fairness"),
        ("measure", "drift", "--base", "main"),
    ):
        result = gatehouse(*arguments, cwd=root)
        assert result.exit_code == 2, arguments
        assert result.stderr.startswith("error: ")
        assert base.record.folder.as_posix() in result.stderr
    assert not (root / VERDICT).exists()


def test_a_base_s_copy_that_was_planted_is_an_error(
    gatehouse: Command, repository: Repository
) -> None:
    """Attacks the store before it is filled: the pull request's own model as its base."""
    import shutil

    root = repository.root
    planted = root / find_base("main", root).record.folder
    for part in ("data", "models", "contract.yaml"):
        planted.mkdir(parents=True, exist_ok=True)
        if (root / part).is_dir():
            shutil.copytree(root / part, planted / part)
        else:
            shutil.copy(root / part, planted / part)
    assert gatehouse("judge", "--base", "main", cwd=root).exit_code == 1  # the very same files
    extra = planted / "data/raw/more.parquet"
    extra.write_bytes((planted / "data/raw/rows.parquet").read_bytes())
    result = gatehouse("judge", "--base", "main", cwd=root)
    assert result.exit_code == 2
    assert "is not the base's; remove" in result.stderr


def test_measuring_uses_the_recorded_base_s_settings(
    gatehouse: Command, repository: Repository
) -> None:
    """Attacks measuring against a base as the pull request's own policy says."""
    root = repository.root
    path = root / "policy.yaml"
    path.write_text(POLICY.replace("resamples: 2000", "resamples: 200"))
    stored = root / "reports/evidence/fairness.json"
    for arguments, expected in (
        (("--base", "main"), 2000),
        ((), 2000),
        (("--base", "HEAD"), 2000),
    ):
        assert gatehouse("measure", "fairness", *arguments, cwd=root).exit_code == 0
        assert json.loads(stored.read_text())["settings"]["resamples"] == expected
    write_record(BaseRecord(), root)
    assert gatehouse("measure", "fairness", cwd=root).exit_code == 0
    assert json.loads(stored.read_text())["settings"]["resamples"] == 200


def test_a_damaged_verdict_is_told_by_report(gatehouse: Command, finished: Finished) -> None:
    """Attacks a report from half a verdict, or from none."""
    for content in (None, "{", '{"version": 1}'):
        if content is not None:
            (finished.root / VERDICT).write_text(content)
        result = gatehouse("report", cwd=finished.root)
        assert result.exit_code == 2
        assert "verdict.json" in result.stderr
