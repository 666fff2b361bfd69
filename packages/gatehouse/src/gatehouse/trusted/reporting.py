"""Creates verdict, report and model card of a measured candidate, stored in its folder.

Also passes the evidence on to the jobs that may write, which judge it again.
"""

from __future__ import annotations

from pathlib import Path

from gatehouse.acceptance.record import Acceptance, by_path
from gatehouse.base import Base
from gatehouse.defaults import Defaults
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, evidence_path
from gatehouse.judge_files import evidence_here, verdict_on
from gatehouse.places import PARAMS
from gatehouse.policy import Policy
from gatehouse.report.context import flat
from gatehouse.run import CARD, write_card, write_report
from gatehouse.trusted.handover import Measured
from gatehouse.trusted.judgement import EVIDENCE, Basis
from gatehouse.trusted.judgement import VERDICT as HANDED_OVER
from gatehouse.typed import parse_yaml, read_text, write_text
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace


def report_on(
    candidate: Workspace,
    base: Base,
    measured: Measured,
    run_here: str,
    acceptances: tuple[Acceptance, ...] = (),
    defaults: Defaults | None = None,
) -> Verdict:
    """Judge the measurements, and store verdict, report and card.

    Args:
        candidate: the candidate with its evidence.
        base: its policy decides.
        measured: why a gate has no evidence, and the graph's metadata.
        run_here: address of the judging run, whose artifacts have all numbers.
        acceptances: owners' acceptances that count.
        defaults: defaults of the library that the candidate brings, if it differs from the base's.

    Raises:
        GatehouseError: a file of the candidate's is unreadable, or the card cannot be made.
    """
    unmeasured = measured.unmeasured
    verdict = verdict_on(
        candidate, base, unmeasured=unmeasured, acceptances=acceptances, defaults=defaults
    )
    verdict.write(candidate.root / VERDICT)
    write_report(candidate, verdict, base, full_report=f"[the run's artifacts]({run_here})")
    (candidate.root / CARD).unlink(missing_ok=True)
    if not unmeasured:  # a card of an incompletely measured model helps nobody
        for path, data in by_path(acceptances).items():
            write_text(candidate.root / path, data.decode())
        make_card(candidate, measured, base.policy)
    return verdict


def make_card(candidate: Workspace, measured: Measured, policy: Policy | None = None) -> None:
    """Store the model card, without opening the graph.

    Raises:
        GatehouseError: the card cannot be made.
    """
    if measured.graph is None:
        why = measured.graph_problem or "nobody asked the graph"
        raise GatehouseError(f"the model card could not be made: {why}")
    write_card(candidate, measured.graph, policy)


def hand_over_verdict(
    candidate: Workspace, verdict: Verdict, base: Base, measured: Measured, folder: Path
) -> Basis:
    """Store in `folder` the verdict and its evidence, from which *Publish* judges again.

    Args:
        candidate: the candidate with its evidence.
        verdict: the verdict on it.
        base: its policy decided.
        measured: why a gate has no evidence, and how isolated the other gates' processes were.
        folder: folder of the answer.

    Returns:
        The rest of what the verdict is based on. Gates with unreadable evidence are listed in
        `unmeasured`.

    Raises:
        GatehouseError: a file cannot be written.
    """
    unusable = dict(measured.unmeasured)
    for gate, evidence in evidence_here(candidate.evidence, verdict.gates).items():
        if gate in unusable:
            continue
        if isinstance(evidence, Evidence):
            evidence.write(evidence_path(folder / EVIDENCE, gate))
        else:
            unusable[gate] = evidence
    verdict.write(folder / HANDED_OVER)
    return Basis(
        base=base.commit,
        unmeasured=unusable,
        isolation=measured.isolation,
        params=_settings(read_text(candidate.root / PARAMS)),
        base_params=_settings(base.params) if base.params else None,
        base_label=base.name,
    )


def _settings(text: str) -> dict[str, str]:
    """Return the settings in the text of `params.yaml`, in the form that the report shows."""
    return {key: str(value) for key, value in flat(parse_yaml(text, PARAMS)).items()}
