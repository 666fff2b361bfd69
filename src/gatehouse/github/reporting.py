"""What is said of a measured candidate: verdict, report and model card, stored in its folder.

And what the jobs that may write get of it, to judge it again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gatehouse.acceptance.record import Acceptance
from gatehouse.base import Base
from gatehouse.evidence import Evidence, Gate, evidence_path
from gatehouse.github.judged import EVIDENCE, Basis
from gatehouse.github.judged import VERDICT as HANDED_OVER
from gatehouse.github.measuring import make_card
from gatehouse.judging import evidence_here, verdict_on
from gatehouse.params import PARAMS
from gatehouse.report.context import flat
from gatehouse.run import write_report
from gatehouse.typed import parse_yaml, read_text
from gatehouse.verdict import Verdict
from gatehouse.workspace import VERDICT, Workspace


def report_on(
    candidate: Workspace,
    base: Base,
    unmeasured: Mapping[Gate, str],
    run_here: str,
    acceptances: tuple[Acceptance, ...] = (),
) -> Verdict:
    """Judge what was measured, and store verdict, report and card.

    Args:
        candidate: with its evidence.
        base: whose policy decides.
        unmeasured: why a gate has no evidence.
        run_here: address of the judging run, whose artifacts have all numbers.
        acceptances: owners' words that count.

    Raises:
        GatehouseError: a file of the candidate's is unreadable.
    """
    verdict = verdict_on(candidate, base, unmeasured=unmeasured, acceptances=acceptances)
    verdict.write(candidate.root / VERDICT)
    write_report(candidate, verdict, base, full_report=f"[the run's artifacts]({run_here})")
    if not unmeasured:  # a card of half a model helps nobody
        make_card(candidate.root)
    return verdict


def hand_over_verdict(
    candidate: Workspace, verdict: Verdict, base: Base, unmeasured: Mapping[Gate, str], folder: Path
) -> Basis:
    """Store in `folder` the verdict and its evidence, from which *Publish* judges again.

    Args:
        candidate: with its evidence.
        verdict: on it.
        base: whose policy decided.
        unmeasured: why a gate has no evidence.
        folder: of the answer.

    Returns:
        What the verdict rests on besides. Evidence that cannot be read is among `unmeasured`.

    Raises:
        GatehouseError: a file cannot be written.
    """
    unusable = dict(unmeasured)
    for gate, evidence in evidence_here(candidate.evidence).items():
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
        params=_settings(read_text(candidate.root / PARAMS)),
        base_params=_settings(base.params) if base.params else None,
        base_label=base.name,
    )


def _settings(text: str) -> dict[str, str]:
    """The settings in the text of `params.yaml`, as the report shows them."""
    return {key: str(value) for key, value in flat(parse_yaml(text, PARAMS)).items()}
