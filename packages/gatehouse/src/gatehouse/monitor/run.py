"""`gatehouse monitor`: from the inference log to evidence, verdict, record and report."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gatehouse.contract import CONTRACT_FILE, Task, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement, evidence_path
from gatehouse.gates.drift import DRIFT
from gatehouse.monitor.gates import watching_gates
from gatehouse.monitor.labels import read_labels
from gatehouse.monitor.logged import UNLOGGED
from gatehouse.monitor.look import Look
from gatehouse.monitor.measure import Watched
from gatehouse.monitor.record import (
    BROKEN,
    EVIDENCE,
    FOLDER,
    RECORD,
    REPORT,
    VERDICT,
    Counts,
    Record,
    Window,
)
from gatehouse.monitor.reference import find_reference
from gatehouse.monitor.scan import Span, keep_aside, scan
from gatehouse.monitor.verdict import judge_window, outcome, watching
from gatehouse.policy import POLICY_FILE, Monitor, Policy, load_policy
from gatehouse.remote import shown
from gatehouse.typed import validate, write_text
from gatehouse.verdict import Outcome, Verdict

_DRAWN_RESAMPLES = 200


def look(
    log: str,
    labels: str | None = None,
    *,
    window: timedelta | None = None,
    until: datetime | None = None,
    model: str | None = None,
    root: Path = Path(),
) -> Look:
    """Judge the newest window of a log, and measure the windows before it.

    Args:
        log: path or URL of the inference log.
        labels: path or URL of the labels of logged rows.
        window: length of a window; the policy's by default.
        until: end of the newest window; now by default.
        model: digest of the model to judge; the one served at the end by default.
        root: the repository.

    Raises:
        GatehouseError: log, labels, policy or the model's training data can't be read, or there is
            nothing to judge.
    """
    now = datetime.now(UTC)
    policy = _with_window(load_policy(root / POLICY_FILE), window)
    settings = policy.monitor
    watching = watching_gates(policy)
    gates = [gate for gate in settings.gates if not watching[gate].labels or labels is not None]
    _rules(policy, gates)  # fail before reading a log that no rule judges
    span = Span(until or now, settings.window, settings.windows)
    watched, where = _watched(log, labels, model, span, policy, root)
    rules = _rules(policy, gates, watched.contract.task)
    found, given, served = watched.scan, watched.labels, watched.model
    keep_aside(found.aside, root / BROKEN)
    found.check_broken(shown(log))
    found.check_fits(served, shown(log))
    windows, verdict, evidence = _windows(watched, rules, now)
    samples = [watched.sample(number) for number in range(span.windows)]
    record = Record(
        made=now,
        model=served,
        reference=where,
        window=settings.window,
        season=settings.season,
        counts=Counts(
            read=found.read,
            broken=found.broken + sum(found.unfit[n, served] for n in range(span.windows)),
            outside=found.outside,
            other_models=found.others(served),
            repeated=sum(sample.seen - sample.rows for sample in samples),
            late=found.late,
            labels=given.given if given else 0,
            labelled=watched.labelled(watched.label_window),
        ),
        windows=windows,
    )
    return Look(verdict, evidence, record, rules, shown(log))


def _rules(policy: Policy, gates: Sequence[str], task: Task | None = None) -> Policy:
    rules = watching(policy, gates, task)
    if not rules.rules:
        judged = ", ".join(gates) or "no gate"
        raise GatehouseError(
            f"{POLICY_FILE}: no rule judges production by {judged}; name a gate with rules in "
            "monitor.gates, and give --labels where they need labels"
        )
    before, left = (
        {rule.gate for rule in some.rules.values()} for some in (watching(policy, gates), rules)
    )
    if lost := sorted(before - left):
        raise GatehouseError(
            f"{POLICY_FILE}: the rules of {', '.join(lost)} are on metrics that a log of several "
            f"classes does not hold ({', '.join(UNLOGGED)}); add one on balanced_accuracy or "
            "accuracy, or take the gate out of monitor.gates"
        )
    return rules


def _watched(
    log: str, labels: str | None, model: str | None, span: Span, policy: Policy, root: Path
) -> tuple[Watched, str]:
    """Read log and labels by the served model's own contract; return also where that was found.

    The work tree's contract may be newer: a column that it dropped would appear missing in
    production.
    """
    reference = find_reference(model, root) if model else None
    contract = reference.workspace.contract if reference else load_contract(root / CONTRACT_FILE)
    size = policy.measure.drift.maximum_rows
    while True:
        given, wrong = None, None
        try:
            given = None if labels is None else read_labels(labels, contract)
        except GatehouseError as error:  # may be an error only under this contract
            wrong = error
        found = scan(log, contract, span, size, given)
        if reference is None:
            reference = find_reference(found.model(), root)
        if reference.workspace.contract.digest == contract.digest:
            if wrong is not None:
                raise wrong
            watched = Watched(found, reference.model, reference.workspace, policy, given)
            return watched, reference.found
        contract = reference.workspace.contract


def _with_window(policy: Policy, window: timedelta | None) -> Policy:
    if window is None:
        return policy
    settings = policy.monitor.model_dump() | {"window": window}
    monitor = validate(Monitor, settings, f"{POLICY_FILE} (monitor, with --window)")
    return policy.model_copy(update={"monitor": monitor})


def _windows(
    watched: Watched, rules: Policy, now: datetime
) -> tuple[tuple[Window, ...], Verdict, dict[str, Evidence | str]]:
    """Return all windows, oldest first, and the newest window's verdict and evidence."""
    from tqdm import tqdm

    gates = list(dict.fromkeys(rule.gate for rule in rules.rules.values()))
    watching_ = watching_gates(rules)
    reference = watched.reference.subject(DRIFT)
    windows = []
    measure = watched.policy.measure
    fewer = measure.model_copy(update={"resamples": min(measure.resamples, _DRAWN_RESAMPLES)})
    lighter = watched.policy.model_copy(update={"measure": fewer})
    # A season that began before the oldest window is incomplete, and not compared.
    for number in tqdm(
        range(watched.scan.span.windows - watched.cycle, -1, -1), desc="windows", disable=None
    ):
        # Older windows are only drawn: skip measurements that need labels if there are none, and
        # use fewer resamples.
        policy = lighter if number else watched.policy
        judged = [
            each
            for each in gates
            if not watching_[each].labels or not number or watched.labelled(number)
        ]
        own = watching(policy, judged, watched.contract.task)
        evidence = {gate: watched.evidence(gate, number, policy) for gate in judged}
        verdict = judge_window(
            evidence, watched.subject(number), reference, own, str(POLICY_FILE), now.date()
        )
        windows.append(_window(watched, rules, number, verdict, evidence))
    return tuple(windows), verdict, evidence


def _window(
    watched: Watched,
    rules: Policy,
    number: int,
    verdict: Verdict,
    evidence: dict[str, Evidence | str],
) -> Window:
    sample, span = watched.sample(number), watched.scan.span
    return Window(
        start=span.start(number),
        end=span.end(number),
        rows=sample.rows,
        measured=len(sample.hashes),
        outcome=outcome(verdict) if sample.seen else Outcome.NONE,
        measurements=tuple(_judged(rules, evidence)),
    )


def _judged(rules: Policy, evidence: dict[str, Evidence | str]) -> list[Measurement]:
    """Return what a rule is about; all groups of every window would only bloat the file."""
    names = {(rule.gate, rule.measurement) for rule in rules.rules.values()}
    return [
        measurement
        for gate, found in evidence.items()
        if isinstance(found, Evidence)
        for measurement in found.measurements
        if (gate, measurement.name) in names
    ]


def clear(root: Path = Path()) -> None:
    """Delete an earlier run's files, which could be mistaken for this run's if it fails."""
    shutil.rmtree(root / FOLDER, ignore_errors=True)


def write(look_: Look, root: Path = Path()) -> None:
    """Store evidence, verdict, record and report, replacing those of an earlier run."""
    from gatehouse.monitor.report import render

    shutil.rmtree(root / EVIDENCE, ignore_errors=True)
    for gate, found in look_.evidence.items():
        if isinstance(found, Evidence):
            found.write(evidence_path(root / EVIDENCE, gate))
    look_.verdict.write(root / VERDICT)
    look_.record.write(root / RECORD)
    write_text(root / REPORT, render(look_))
