"""Log a run to MLflow: parameters, measurements, model and verdict, if MLFLOW_TRACKING_URI is set.

Without that variable, nothing is imported. The verdict does not depend on the server: evidence and
report are files of this repository.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.disclosed import disclosed
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Of
from gatehouse.git import commit_of
from gatehouse.judge_files import read_all_evidence
from gatehouse.places import PARAMS
from gatehouse.remote import reason, shown
from gatehouse.report.context import flat
from gatehouse.typed import parse_yaml, read_text
from gatehouse.verdict import Verdict
from gatehouse.workspace import MODEL, VERDICT, Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"
EXPERIMENT_VARIABLE = "MLFLOW_EXPERIMENT_NAME"

FILES = (MODEL, VERDICT, Path("reports/report.md"), Path("reports/model_card.md"))
"""Files to upload. Settings, contract and policy are in the commit, which the run names."""

_AT_ONCE = 100
"""Maximum number of parameters that MLflow accepts in one call."""

_STRANGE = re.compile(r"[^\w\-. :/]")
"""Characters that MLflow does not allow in names."""


def track(workspace: Workspace, verdict: Verdict) -> str | None:
    """Log the judged run to the experiment MLFLOW_EXPERIMENT_NAME, by default the contract's name.

    Returns:
        A log line, or None if no server is configured.

    Raises:
        GatehouseError: MLflow is not installed, or logging to the server failed.
    """
    uri = os.environ.get(URI_VARIABLE)
    if not uri:
        return None
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    try:
        from mlflow import MlflowClient
    except ImportError:
        raise GatehouseError(
            f"{URI_VARIABLE} is set, and MLflow is not installed; make setup EXTRAS=1 (in a "
            "workflow, packages: run extras), or unset it"
        ) from None
    try:
        run = _log(MlflowClient(tracking_uri=uri), workspace, verdict)
    except Exception as error:  # each kind of store raises its own classes
        raise GatehouseError(
            f"{shown(uri)}: MLflow could not log the run "
            f"({reason(error, hidden=uri != shown(uri))}); the verdict stands"
        ) from None
    return f"tracking: run {run} in {shown(uri)}"


def _log(client: MlflowClient, workspace: Workspace, verdict: Verdict) -> str:
    from mlflow.entities import Param

    name = os.environ.get(EXPERIMENT_VARIABLE) or workspace.contract.name
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    commit = _commit()
    tags = {
        "mlflow.source.git.commit": commit,
        "gatehouse.outcome": verdict.outcome.value,
        **{f"gatehouse.{k}": d for k, d in verdict.candidate.model_dump().items() if d},
    }
    run = client.create_run(experiment, tags=tags, run_name=commit[:12]).info.run_id
    metrics = list(_metrics(workspace, verdict.gates))
    settings = flat(parse_yaml(read_text(workspace.root / PARAMS), PARAMS))
    params = [Param(key, str(value)) for key, value in settings.items() if disclosed(key, value)]
    for start in range(0, max(len(metrics), len(params)), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        client.log_batch(run, metrics=metrics[part], params=params[part])
    for file in FILES:
        path = workspace.root / file
        if path.exists():
            client.log_artifact(run, str(path), "model" if file == MODEL else None)
    client.set_terminated(run)
    return str(run)


def _metrics(workspace: Workspace, gates: Iterable[str]) -> Iterator[Any]:
    from time import time

    from mlflow.entities import Metric

    now = int(time() * 1000)
    for gate, evidence in read_all_evidence(workspace.evidence, gates).items():
        if not isinstance(evidence, Evidence):
            continue
        for measured in evidence.measurements:
            if measured.value is None or measured.of is Of.BASE:
                continue
            parts = [gate, measured.name]
            parts += [measured.of.value] if measured.of is Of.COMPARISON else []
            parts += [measured.slice] if measured.slice != "all" else []
            name = _STRANGE.sub("_", "/".join(parts))
            values = {name: measured.value}
            if measured.interval:
                values |= {f"{name}/low": measured.interval.low}
                values |= {f"{name}/high": measured.interval.high}
            yield from (Metric(key, float(value), now, 0) for key, value in values.items())


def _commit() -> str:
    try:
        return commit_of("HEAD")
    except GatehouseError:
        return "unknown"
