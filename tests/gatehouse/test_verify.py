"""Verification: an honest record reproduces; a forged one is found and named."""

from __future__ import annotations

import json
import shutil

import pytest

from gatehouse.base import find_base, locked_outputs, write_record
from gatehouse.errors import GatehouseError
from gatehouse.verify import verify_head
from gatehouse.workspace import MODEL
from tests.gatehouse.repository import Repository
from tests.gatehouse.tiny import make_graph


def _forge_model(repository: Repository) -> None:
    import onnx

    trained_at = repository.git("rev-parse", "sources").strip()
    onnx.save_model(make_graph(scale=0.5, commit=trained_at), repository.root / MODEL)


def test_an_honest_record_reproduces_and_nothing_is_touched(
    repository: Repository, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks false alarms, and a verification that moves HEAD, refs, index or files.

    The model was trained one commit before HEAD and says so in its bytes; the work tree holds
    other files than HEAD; and git's own variables point elsewhere, as they do inside a hook.
    """
    (repository.root / "data/prepared/test.parquet").write_bytes(b"not committed")
    _forge_model(repository)
    (repository.root / "contract.yaml").write_text("not committed")
    before = repository.state()
    with monkeypatch.context() as hook:
        hook.setenv("GIT_DIR", str(repository.root / ".git"))
        hook.setenv("GIT_INDEX_FILE", str(repository.root / ".git/index"))
        assert verify_head(repository.root)
    assert repository.state() == before
    assert (repository.root / "data/prepared/test.parquet").read_bytes() == b"not committed"
    assert "reproduces: 9 outputs" in capsys.readouterr().out


def test_a_forged_model_is_found(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks the trust in `dvc commit -f`: DVC finds everything up to date."""
    _forge_model(repository)
    repository.dvc("commit", "-q", "-f")
    repository.commit("forged")
    assert "up to date" in repository.dvc("status")
    assert not verify_head(repository.root)
    told = capsys.readouterr().out
    assert "models/model.int8.onnx: recorded" in told
    assert "models/model.onnx" not in told


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
    data = json.loads((folder / "fairness.json").read_text())
    data["measurements"].insert(0, data["measurements"][0] | {"value": 0.0})
    (folder / "fairness.json").write_text(json.dumps(data))
    (folder / "drift.json").unlink()
    (folder / "data.json").write_text("{")
    forge("latency", value=0.5, interval=None)
    repository.commit("forged")
    assert not verify_head(repository.root)
    told = capsys.readouterr().out
    assert "accuracy.json roc_auc candidate all 1: recorded 0.99 [0.89, 0.91]" in told
    assert "fairness.json equalized_odds_difference" in told
    assert "drift.json: recorded nothing" in told
    assert "data.json: recorded unreadable" in told
    assert "latency" not in told


def test_a_forged_lock_is_found(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    """Attacks the lock: another digest, and an output that no stage makes."""
    path = repository.root / "dvc.lock"
    text = path.read_text()
    md5 = locked_outputs(text, "dvc.lock")["data/prepared"]
    text = text.replace(md5, "0" * 32 + ".dir")
    path.write_text(
        text.replace("    outs:\n", "    outs:\n    - path: extra\n      md5: abc\n", 1)
    )
    repository.commit("forged")
    assert not verify_head(repository.root)
    told = capsys.readouterr().out
    assert f"data/prepared: recorded {'0' * 32}.dir, reproduced {md5}" in told
    assert "extra: recorded abc, reproduced nothing" in told


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
