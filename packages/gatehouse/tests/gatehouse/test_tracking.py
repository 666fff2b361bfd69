"""MLflow: what a run leaves there, and that without its variable nothing is imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.judge_files import verdict_on
from gatehouse.run import write_verdict_and_report
from gatehouse.tracking import track
from gatehouse.workspace import MODEL
from tests.gatehouse.tiny import Finished


@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SADeprecationWarning")  # MLflow's own use
def test_a_run_is_in_mlflow(
    finished: Finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A real store: parameters, measurements with their intervals, digests, verdict and model."""
    from mlflow import MlflowClient

    params = finished.root / "params.yaml"
    text = params.read_text("utf-8")
    url = "db://me:hidden@host"  # pragma: allowlist secret
    text = text.replace("features:", f"  sql: {{url: '{url}', rows: 5}}\nfeatures:", 1)
    own = "train:\n  oak: {trees: 20, key: hidden}\n"
    params.write_text(text.replace("train:\n", own, 1), "utf-8")
    workspace, verdict = finished.workspace, verdict_on(finished.workspace, None)
    write_verdict_and_report(workspace, verdict)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(tmp_path)  # where it keeps files
    told = track(workspace, verdict)
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(workspace.contract.name)
    assert experiment
    (run,) = client.search_runs([experiment.experiment_id])
    assert told == f"tracking: run {run.info.run_id} in {uri}"
    assert run.info.status == "FINISHED"
    assert run.data.tags["gatehouse.outcome"] == "pass"
    assert run.data.tags["gatehouse.model"] == verdict.candidate.model
    assert run.data.metrics["accuracy/roc_auc"] == 0.9
    assert run.data.metrics["accuracy/roc_auc/low"] == pytest.approx(0.89)
    sent = run.data.params
    assert sent["data.source"] == "simulated"
    assert sent["train.torch_mlp.hidden"] == "[128, 128]"
    assert sent["train.oak.trees"] == "20"
    assert not [key for key in sent if key.startswith(("data.sql", "data.file.path", "data.adult"))]
    assert "hidden" not in sent.values()
    assert "train.oak.key" not in sent
    kept = {each.path for each in client.list_artifacts(run.info.run_id)}
    assert {"model", "verdict.json", "report.md"} <= kept
    (model,) = client.list_artifacts(run.info.run_id, "model")
    assert model.file_size == (workspace.root / MODEL).stat().st_size


def test_a_server_that_is_not_there_is_told(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, without the password; the verdict is the caller's to keep."""
    password = "made-up"  # pragma: allowlist secret
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://someone:{password}@127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(GatehouseError, match="the verdict stands") as error:
        track(finished.workspace, verdict_on(finished.workspace, None))
    assert password not in str(error.value)


def test_without_the_variable_nothing_is_imported(tmp_path: Path) -> None:
    """Attacks seconds of import, and a directory that MLflow would make, for those without it."""
    program = (
        "import sys\nfrom gatehouse.tracking import track\n"
        "assert track(None, None) is None\nassert 'mlflow' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir())
