"""Verification: an honest record reproduces; a forged one is found and named."""

from __future__ import annotations

import json
import shutil

import pytest

from gatehouse.base import find_base, locked_outputs, take_base, write_record
from gatehouse.errors import GatehouseError
from gatehouse.params import set_values
from gatehouse.verify import verify_head
from gatehouse.workspace import MODEL
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import POLICY, make_graph, origin

pytestmark = pytest.mark.slow


def _forge_model(repository: Repository) -> None:
    import onnx

    trained_at = repository.git("rev-parse", "sources").strip()
    graph = make_graph(scale=0.5, commit=trained_at, **origin(repository.root))
    onnx.save_model(graph, repository.root / MODEL)


def test_an_honest_record_reproduces_and_nothing_is_touched(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks false alarms, and a verification that moves HEAD, refs, index or files.

    The model was trained one commit before HEAD and says so in its bytes; the work tree holds
    other files than HEAD; and git's own variables point elsewhere, as they do inside a hook.
    """
    _forge_model(repository)
    (repository.root / "data/prepared/test.parquet").write_bytes(b"not committed")
    (repository.root / "contract.yaml").write_text("not committed")
    before = repository.state()
    with monkeypatch.context() as hook:
        hook.setenv("GIT_DIR", str(repository.root / ".git"))
        hook.setenv("GIT_INDEX_FILE", str(repository.root / ".git/index"))
        assert verify_head(repository.root)
    assert repository.state() == before
    assert (repository.root / "data/prepared/test.parquet").read_bytes() == b"not committed"
    assert "reproduces: 12 outputs" in capsys.readouterr().out


def test_a_snapshot_is_brought_along(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a record whose data lies in no Git and is made by no stage; lost, it is told."""
    path = "data/snapshots/rows.parquet"
    (repository.root / path).parent.mkdir()
    shutil.copyfile(repository.root / "data/prepared/train.parquet", repository.root / path)
    (repository.root / ".gitignore").write_text("/data/*/*.parquet\n/models/\n/.gatehouse/\n")
    repository.dvc("add", "-q", path)
    stages = json.loads((repository.root / "dvc.yaml").read_text())
    stages["stages"]["data"]["deps"].append(path)
    (repository.root / "dvc.yaml").write_text(json.dumps(stages))
    set_values({"data.source": "file", "data.file.path": path}, repository.root / "params.yaml")
    repository.dvc("repro", "-q", "data")
    repository.commit("a snapshot")
    (repository.root / path).unlink()
    assert verify_head(repository.root), capsys.readouterr().out
    shutil.rmtree(repository.root / ".dvc/cache")
    with pytest.raises(GatehouseError, match=f"{path}: is in no DVC cache or remote"):
        verify_head(repository.root)


def test_a_forged_model_is_found(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks the trust in `dvc commit -f`: DVC finds everything up to date."""
    _forge_model(repository)
    repository.dvc("commit", "-q", "-f")
    repository.commit("forged")
    assert "up to date" in repository.dvc("status")
    assert not verify_head(repository.root)
    output = capsys.readouterr().out
    assert "models/model.int8.onnx: recorded" in output
    assert "models/model.onnx" not in output


def test_forged_evidence_beside_an_honest_lock_is_found(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks evidence in Git: changed, doubled and taken out; times may differ, in value only."""
    folder = repository.root / "reports/evidence"

    def forge(gate: str, **changes: object) -> None:
        data = json.loads((folder / f"{gate}.json").read_text())
        data["measurements"][0] |= changes
        (folder / f"{gate}.json").write_text(json.dumps(data))

    forge("accuracy", value=0.99)
    text = (folder / "accuracy.json").read_text()
    (folder / "accuracy.json").write_text(text.replace('"resamples": 2000', '"resamples": 200'))
    data = json.loads((folder / "fairness.json").read_text())
    gap = next(m for m in data["measurements"] if m["name"] == "equalized_odds_difference")
    data["measurements"].insert(0, gap | {"value": 0.0})
    (folder / "fairness.json").write_text(json.dumps(data))
    (folder / "drift.json").unlink()
    (folder / "data.json").write_text("{")
    forge("latency", value=0.5, interval=None)
    repository.commit("forged")
    assert not verify_head(repository.root)
    output = capsys.readouterr().out
    assert "accuracy.json roc_auc candidate all 1: recorded 0.99 [0." in output
    assert "accuracy.json settings: recorded {'accuracy': {'alerts': 0.05" in output
    assert "fairness.json equalized_odds_difference" in output
    assert "drift.json: recorded nothing" in output
    assert "data.json: recorded unreadable" in output
    assert "latency" not in output


def test_a_forged_time_is_found_where_a_rule_rests_on_it(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks times, which no two runs agree on: a slow graph whose ratio was written small.

    A limit that no graph reaches stands for a graph that is too slow.
    """
    (repository.root / "policy.yaml").write_text(POLICY.replace("at_most: 5\n", "at_most: 0.01\n"))
    repository.commit("an honest failure")
    assert verify_head(repository.root)
    path = repository.root / "reports/evidence/latency.json"
    data = json.loads(path.read_text())
    (ratio,) = [
        m for m in data["measurements"]
        if (m["name"], m["slice"]) == ("latency_ratio", "int8/fp32 single row")
    ]  # fmt: skip
    ratio |= {"value": 0.001, "interval": {"low": 0.001, "high": 0.002, "confidence": 0.95}}
    path.write_text(json.dumps(data))
    repository.commit("forged")
    capsys.readouterr()
    assert not verify_head(repository.root)
    output = capsys.readouterr().out.splitlines()
    assert output[1:] == ["  rule latency-int8: recorded pass, reproduced fail"]


def test_a_limit_in_the_noise_of_times_is_no_difference(repository: Repository) -> None:
    """Attacks an honest record whose ratio lay across the limit, where today's lies below it."""
    rule = "at_most: 5\n    inconclusive: warn\n"
    (repository.root / "policy.yaml").write_text(POLICY.replace("at_most: 5\n", rule))
    path = repository.root / "reports/evidence/latency.json"
    data = json.loads(path.read_text())
    for m in data["measurements"]:
        if (m["name"], m["slice"]) == ("latency_ratio", "int8/fp32 single row"):
            m["interval"] = {"low": m["value"], "high": 50.0, "confidence": 0.95}
    path.write_text(json.dumps(data))
    repository.commit("recorded on a busy machine")
    assert verify_head(repository.root)


def test_evidence_that_the_recorded_code_forges_is_found(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks code that measures what it likes: it reproduces, byte for byte."""
    make = repository.root / "make.py"
    make.write_text(
        make.read_text().replace(
            "    sys.exit(subprocess.run(words).returncode)",
            "    subprocess.run(words)\n"
            '    path = pathlib.Path("reports/evidence/accuracy.json")\n'
            "    data = json.loads(path.read_text())\n"
            '    data["measurements"][0]["value"] = 0.99\n'
            "    path.write_text(json.dumps(data))",
        )
    )
    repository.dvc("repro", "-q", "--force", "--single-item", "evidence")
    repository.commit("a run of bent code")
    assert not verify_head(repository.root)
    output = capsys.readouterr().out.splitlines()
    assert len(output) == 2
    assert "accuracy.json roc_auc candidate all 1: recorded 0.99 [0." in output[1]


def test_forged_training_reports_are_found(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks what people read of the training, in Git: changed, added, taken out; bytes too."""
    folder = repository.root / "reports/train"
    (folder / "README").write_text("about these files")  # made by no stage, so as it was
    (folder / "metrics.json").write_text('{"log_loss": 0.1}')
    (folder / "plots/loss.png").write_bytes(b"\xff\x01")
    (folder / "plots/more.tsv").write_text("0.1")
    repository.commit("forged")
    assert not verify_head(repository.root)
    output = capsys.readouterr().out.splitlines()
    assert output[1:] == [
        "  reports/train/plots/more.tsv: recorded a file, reproduced nothing",
        "  reports/train/metrics.json: recorded other content, reproduced another",
        "  reports/train/plots/loss.png: recorded other content, reproduced another",
    ]
    repository.git("rm", "-q", "-r", "--cached", "reports/train/plots")
    repository.git("commit", "-qm", "taken out")
    assert not verify_head(repository.root)
    assert "plots/loss.png: recorded nothing, reproduced a file" in capsys.readouterr().out


def test_a_comparison_is_measured_again_with_the_base_s_settings(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks both sides: an honest comparison that is refused, and one that was left out.

    The pull request's own settings differ, and do not count.
    """
    root = repository.root
    base = find_base("main", root)
    write_record(base.record, root)
    taken = take_base(base, root)
    assert taken is not None
    (root / "policy.yaml").write_text(POLICY.replace("resamples: 2000", "resamples: 200"))
    repository.dvc("repro", "-q")
    repository.commit("compared")
    assert verify_head(root)
    path = root / "reports/evidence/fairness.json"
    data = json.loads(path.read_text())
    assert data["settings"]["resamples"] == 2000
    path.write_text(json.dumps(data | {"base": None}))
    repository.commit("compared with nothing")
    capsys.readouterr()
    assert not verify_head(root)
    assert "fairness.json base: recorded None, reproduced" in capsys.readouterr().out
    file = taken.root / MODEL
    file.chmod(0o644)
    file.write_bytes(b"planted")
    with pytest.raises(GatehouseError, match="is not the base's"):
        verify_head(root)


def test_a_forged_lock_is_found(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks the lock: another digest, and an output that no stage makes."""
    path = repository.root / "dvc.lock"
    text = path.read_text()
    md5 = locked_outputs(text, "dvc.lock")["data/prepared"]
    forged = "0a" * 16
    text = text.replace(md5, f"{forged}.dir")
    extra = f"    outs:\n    - path: models/extra.onnx\n      hash: md5\n      md5: {forged}\n"
    path.write_text(text.replace("    outs:\n", extra, 1))
    repository.commit("forged")
    assert not verify_head(repository.root)
    output = capsys.readouterr().out
    assert f"data/prepared: recorded {forged}.dir, reproduced {md5}" in output
    assert f"models/extra.onnx: recorded {forged}, reproduced nothing" in output


def test_a_record_whose_model_is_out_of_reach_says_so(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks a bare 'does not reproduce' where the reason is a forgotten `dvc pull`."""
    shutil.rmtree(repository.root / ".dvc/cache")
    assert not verify_head(repository.root)
    assert "can't be read from DVC's cache or remote" in capsys.readouterr().out


def test_no_record_and_a_run_that_fails_are_errors(repository: Repository) -> None:
    """Attacks a verification that passes for want of anything to verify."""
    (repository.root / "make.py").write_text("raise SystemExit(3)")
    repository.commit("broken code")
    with pytest.raises(GatehouseError, match="could not be reproduced"):
        verify_head(repository.root)
    repository.git("rm", "-q", "dvc.lock")
    repository.commit("no record")
    with pytest.raises(GatehouseError, match="no recorded run to verify"):
        verify_head(repository.root)
    (repository.root / "dvc.lock").write_text("5")
    repository.commit("no lock")
    with pytest.raises(GatehouseError, match="is not a lock file that DVC wrote"):
        verify_head(repository.root)


def test_a_base_that_is_not_here_is_told(repository: Repository) -> None:
    """Attacks verifying a comparison without what it was compared with."""
    write_record(find_base("main", repository.root).record, repository.root)
    repository.commit("compared")
    with pytest.raises(GatehouseError, match="the base it names is not here"):
        verify_head(repository.root)
