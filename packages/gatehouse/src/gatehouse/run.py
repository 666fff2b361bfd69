"""`gatehouse run`: run the pipeline, the judge and the report in one command."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.record import of_model, read_folder
from gatehouse.base import LOCK, Base, BaseRecord, measuring_policy, take_base, write_record
from gatehouse.errors import GatehouseError
from gatehouse.evidence import evidence_path, read_evidence
from gatehouse.gates import GATES
from gatehouse.gates.data import DATA, failures
from gatehouse.gates.own import gates_of
from gatehouse.git import environment
from gatehouse.interrupts import end_with_children, shielded
from gatehouse.judge_files import read_all_evidence, verdict_on
from gatehouse.lock.file import parse_lock
from gatehouse.params import set_values
from gatehouse.places import PARAMS, code_path
from gatehouse.policy import POLICY_FILE, Policy, load_policy, parse_policy
from gatehouse.released import with_past
from gatehouse.source import check_source, source_settings
from gatehouse.typed import parse_yaml, read_text, write_bytes, write_text
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace

if TYPE_CHECKING:
    from gatehouse.model import Metadata
    from gatehouse.report.context import ReportContext

REPORT = Path("reports/report.md")
PICTURE = Path("reports/verdict.svg")
CARD = Path("reports/model_card.md")

NO_TELEMETRY = {
    "DVC_NO_ANALYTICS": "1",
    "ITERATIVE_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "BENTOML_DO_NOT_TRACK": "True",
    "GX_ANALYTICS_ENABLED": "false",
    "ORT_DISABLE_TELEMETRY": "1",
}

_QUIET_DVC = str(Path(__file__).with_name("quiet_dvc.py"))


def own_code(root: Path) -> dict[str, str]:
    """Return the variable that makes processes import the code in `root`, not the installed."""
    places = [code_path(root), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(filter(None, places))}


def set_base(base: Base | None) -> Workspace | None:
    """Record and fetch the base that this run compares with; None for no base."""
    if base is None:
        write_record(BaseRecord())
        return None
    workspace = take_base(base)
    write_record(with_past(base, Path(), take_base).record)
    return workspace


def reproduce(*arguments: str, root: Path = Path(), **variables: str) -> bool:
    """Run DVC's stages that are out of date; return whether all of them succeeded.

    The stages' output is shown; DVC's own output only if something goes wrong. An interrupt ends
    DVC and its stages; dvc.lock is then as it was after the last complete stage, or before the run.

    Args:
        *arguments: of `dvc repro`.
        root: the repository.
        **variables: added to the stages' environment.
    """
    bin_folder = str(Path(sys.executable).parent)
    path = os.pathsep.join([bin_folder, os.environ.get("PATH", "")])
    lock = root / LOCK
    before = lock.read_bytes() if lock.is_file() else None
    with shielded():
        process = subprocess.Popen(
            [sys.executable, "-P", _QUIET_DVC, "repro", *arguments],
            cwd=root,
            env=environment()
            | NO_TELEMETRY
            | {"PATH": path, "PYTHONSAFEPATH": "1"}
            | _compiled()
            | variables,
        )
    try:
        return process.wait() == 0
    except KeyboardInterrupt:
        end_with_children(process.pid)
        _keep_whole(lock, before)
        raise


def _compiled() -> dict[str, str]:
    """Return variables that let stages share compiled modules if Python can't cache them.

    Containers often set PYTHONDONTWRITEBYTECODE. Each of a dozen processes then compiles pandas and
    everything else again, which takes longer than the stages themselves.
    """
    if not os.environ.get("PYTHONDONTWRITEBYTECODE"):
        return {}
    folder = str(Path(sys.prefix) / "compiled")
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


def _keep_whole(lock: Path, before: bytes | None) -> None:
    """Restore the lock file if DVC was stopped while writing it."""
    if not lock.is_file():
        return
    try:
        parse_lock(read_text(lock), lock.name)
    except GatehouseError:
        if before is None:
            lock.unlink()
        else:
            write_bytes(lock, before)


def stopped_by_data(candidate: Workspace) -> bool:
    """Return whether the data gate stopped the pipeline on the current data."""
    try:
        evidence = read_evidence(evidence_path(candidate.evidence, DATA.name), DATA.name)
        fresh = evidence.candidate == candidate.subject(DATA)
    except GatehouseError:
        return False
    return fresh and failures(evidence, "critical") > 0


def write_verdict_and_report(
    candidate: Workspace, verdict: Verdict, base: Base | None = None
) -> Path:
    """Store the verdict and its report; return the report's path."""
    verdict.write(candidate.root / VERDICT)
    return write_report(candidate, verdict, base)


def write_report(
    candidate: Workspace,
    verdict: Verdict,
    base: Base | None = None,
    full_report: str | None = None,
) -> Path:
    """Store the report on a verdict, and its image; return the report's path.

    `full_report` is the location of the uncut report.
    """
    from gatehouse.report.markdown import render_picture, render_report

    context = report_context(candidate, verdict, base, full_report)
    path = candidate.root / REPORT
    write_text(path, render_report(context))
    write_text(candidate.root / PICTURE, render_picture(context))
    return path


def report_context(
    candidate: Workspace,
    verdict: Verdict,
    base: Base | None = None,
    full_report: str | None = None,
) -> ReportContext:
    """Collect everything that the report on a verdict needs."""
    from gatehouse.report.context import ReportContext
    from gatehouse.report.links import links_beside

    text = base.policy_text if base else None
    if text is None and (candidate.root / POLICY_FILE).exists():
        text = read_text(candidate.root / POLICY_FILE)
    gates = gates_of(parse_policy(text, POLICY_FILE)) if text is not None else GATES
    return ReportContext(
        verdict=verdict,
        evidence=read_all_evidence(candidate.evidence, [gate.name for gate in gates]),
        params=parse_yaml(read_text(candidate.root / PARAMS), PARAMS),
        base_params=parse_yaml(base.params, PARAMS) if base and base.params else None,
        base_label=base.name if base else None,
        full_report=full_report,
        gates=gates,
        links=links_beside(text),
    )


def write_card(
    candidate: Workspace, graph: Metadata | None = None, policy: Policy | None = None
) -> Path:
    """Store the model card made from the evidence; return its path.

    Args:
        candidate: with its evidence.
        graph: metadata of the served graph; read from the graph by default.
        policy: whose own gates are shown; by default the one with the measuring settings.
    """
    from gatehouse.report.card import CardContext, render_card
    from gatehouse.report.card_text import CARD_TEXT, load_card_text

    known = read_folder(candidate.root)
    gates = gates_of(policy or measuring_policy(candidate.root))
    context = CardContext(
        contract=candidate.contract,
        text=load_card_text(candidate.root / CARD_TEXT),
        params=parse_yaml(read_text(candidate.root / PARAMS), PARAMS),
        evidence=read_all_evidence(candidate.evidence, [gate.name for gate in gates]),
        own=tuple(gate for gate in gates if gate not in GATES),
        metadata=graph or candidate.model.metadata,
        acceptances=of_model(known, candidate.present()) if known else (),
    )
    path = candidate.root / CARD
    write_text(path, render_card(context))
    return path


def run(source: str | None, base: Base | None) -> Verdict:
    """Run everything from data to verdict: the outdated stages, the judge and the report.

    Raises:
        GatehouseError: a setting is wrong, or a stage failed for another reason than the data gate.
    """
    candidate = Workspace()
    with _old_report_named(candidate):
        # Fail now rather than after minutes of training, and leave a wrong folder untouched.
        load_policy(candidate.root / POLICY_FILE)
        _ = candidate.contract
        if source is not None:
            for change in set_values(source_settings(source)):
                print(f"{PARAMS}: {change}")
        check_source()
        set_base(base)
        if not reproduce() and not stopped_by_data(candidate):
            raise GatehouseError("the pipeline failed; the reason is above")
        verdict = verdict_on(candidate, base)
    write_verdict_and_report(candidate, verdict, base)
    return verdict


@contextmanager
def _old_report_named(candidate: Workspace) -> Iterator[None]:
    """Add to an error that the existing report is from an earlier run, because it may say pass."""
    try:
        yield
    except GatehouseError as error:
        if not (candidate.root / REPORT).exists():
            raise
        raise GatehouseError(f"{error}\n{REPORT} and {VERDICT} are of an earlier run") from error
