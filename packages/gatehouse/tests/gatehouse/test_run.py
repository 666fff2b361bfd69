"""`gatehouse run`: settings kept, mistakes told before anything is written or trained."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gatehouse.base import BASE_FILE
from gatehouse.errors import GatehouseError
from gatehouse.judge_files import verdict_on
from gatehouse.places import OWN
from gatehouse.run import reproduce, run, stopped_by_data, write_verdict_and_report
from gatehouse.workspace import VERDICT
from tests.gatehouse.tiny import ROOT, Finished
from tests.sample import SAMPLE, lay_sample


@pytest.mark.parametrize("name", ["policy.yaml", "contract.yaml"])
def test_a_wrong_file_is_told_before_anything_is_written(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Attacks minutes of training before a typo is told."""
    monkeypatch.chdir(finished.root)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a stage ran")

    monkeypatch.setattr(subprocess, "run", never)
    path = finished.root / name
    path.write_text(path.read_text() + "typo: 1\n")
    with pytest.raises(GatehouseError, match=f"{name}:.*typo"):
        run("adult", None)
    assert not (finished.root / BASE_FILE).exists()
    assert (finished.root / "params.yaml").read_bytes() == (SAMPLE / "params.yaml").read_bytes()


def test_a_wrong_folder_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a run in the wrong folder, which would litter it."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GatehouseError, match="run the command in the folder that holds it"):
        run(None, None)
    assert list(tmp_path.iterdir()) == []


def test_a_report_of_an_earlier_run_is_told(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks an old "pass" that is read as this run's, which stopped before its verdict."""
    monkeypatch.chdir(finished.root)
    monkeypatch.setattr("gatehouse.run.check_source", lambda: None)
    monkeypatch.setattr("gatehouse.run.reproduce", lambda: False)
    with pytest.raises(GatehouseError, match=r"is above$"):
        run(None, None)
    write_verdict_and_report(finished.workspace, verdict_on(finished.workspace))
    told = r"above\nreports/report\.md and reports/verdict\.json are of an earlier run$"
    with pytest.raises(GatehouseError, match=told):
        run(None, None)


def test_a_verdict_and_its_report_are_stored(finished: Finished) -> None:
    """Attacks the two files that a pull request shows."""
    verdict = verdict_on(finished.workspace)
    report = write_verdict_and_report(finished.workspace, verdict)
    assert type(verdict).read(finished.root / VERDICT) == verdict
    assert report.read_text()


def test_the_data_gate_s_stop_is_known_from_any_other(finished: Finished) -> None:
    """Attacks a broken stage taken for broken data, and old evidence taken for fresh."""
    assert not stopped_by_data(finished.workspace)
    broken = finished.evidence("data").measurements[0].model_copy(update={"value": 2.0})
    finished.write_evidence("data", measurements=(broken,))
    assert stopped_by_data(finished.workspace)
    rows = finished.workspace.raw / "rows.parquet"
    rows.write_bytes(rows.read_bytes() + b"\0")
    assert not stopped_by_data(finished.workspace)


def test_stages_and_errors_are_heard_and_dvc_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Attacks DVC's talk between the lines that matter, and an error that is lost with it."""
    for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / name))
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    first = "stages:\n  first:\n    cmd: echo rows made\n"
    second = "  second:\n    cmd: echo half done; echo no such column >&2; exit 3\n"
    (tmp_path / "dvc.yaml").write_text(first + second)
    assert not reproduce(root=tmp_path)
    told = capfd.readouterr()
    assert sorted(told.out.split("\n")) == ["", "half done", "rows made"]
    assert "no such column\n" in told.err
    assert "failed to reproduce 'second'" in told.err
    assert "exited with 3" in told.err
    (tmp_path / "dvc.yaml").write_text(first)
    assert reproduce(root=tmp_path)
    assert capfd.readouterr().out == "rows made\n", "a stage without deps runs each time"
    (tmp_path / "rows.csv").touch()
    (tmp_path / "dvc.yaml").write_text(first + "    deps: [rows.csv]\n")
    assert reproduce(root=tmp_path)
    assert capfd.readouterr().out == "rows made\n"
    assert reproduce(root=tmp_path)
    assert capfd.readouterr().out == "Every stage is up to date; nothing ran.\n"


PLANTED = ("json", "numpy", "dvc", "pandas", "pipeline", "gatehouse", "gates", "sitecustomize")


@pytest.mark.parametrize("folder", ["", "data"])
def test_no_module_in_the_folder_takes_the_place_of_a_library_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Attacks a run with a file named as a library's module, at the top or among the data."""
    for name in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG"):
        monkeypatch.setenv(f"DVC_{name}_DIR", str(tmp_path / name))
    root = tmp_path / "root"
    lay_sample(root_made(root), "params.yaml", "contract.yaml")
    settings = (root / "params.yaml").read_text().replace("rows: 48842", "rows: 300")
    (root / "params.yaml").write_text(settings)
    for name in (OWN, "packages"):
        (root / name).symlink_to(ROOT / name)
    (root / folder).mkdir(parents=True, exist_ok=True)
    for name in PLANTED:
        planted = (
            f"open({str(tmp_path / 'executed')!r}, 'a').write(__name__)\nraise SystemExit(9)\n"
        )
        (root / folder / f"{name}.py").write_text(planted)
    # Without -P, which dvc.yaml has: a stage that somebody adds may lack it.
    ingest = {"cmd": "python -m gatehouse.pipeline.ingest", "outs": ["data/raw"]}
    own = {"ingest": ingest, "prepare": {"cmd": "gatehouse prepare", "deps": ["data/raw"]}}
    (root / "dvc.yaml").write_text(json.dumps({"stages": own}))  # JSON is YAML
    assert reproduce(root=root)
    assert (root / "data/prepared/test.parquet").exists()
    assert not (tmp_path / "executed").exists()


def root_made(root: Path) -> Path:
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    return root
