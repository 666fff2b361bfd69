"""Compare two models on live traffic: a shadow scores the same rows, a canary serves other rows.

A shadow's records contain both answers, so every difference is paired. A canary answers other rows
than the model next to it, so differences are between two independent samples, and only valid if the
rows are assigned at random. With labels, the policy's accuracy and fairness rules decide, including
those against the base. Without labels, the answers are described and nothing is judged.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.contract import CONTRACT_FILE, Contract, Task, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Interval, Measurement, Of, Subject
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.accuracy import measure as accuracy
from gatehouse.gates.bootstrap import Floats, wilson_interval
from gatehouse.gates.drift import measure as drift
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.own import find_gate
from gatehouse.gates.predictions import Predictions, labels_of
from gatehouse.gates.tools import versions
from gatehouse.gates.units import units_of, weights_of
from gatehouse.judge import Case, judge
from gatehouse.monitor import logged
from gatehouse.monitor.labels import Labels, check_protected, read_labels
from gatehouse.monitor.sample import Sample
from gatehouse.monitor.scan import PLACE, Span, scan
from gatehouse.monitor.verdict import comparing
from gatehouse.policy import POLICY_FILE, Policy, load_policy
from gatehouse.remote import shown
from gatehouse.verdict import Verdict

Kind = Literal["shadow", "canary"]


@dataclass(frozen=True)
class Answers:
    """One model's answers for sampled records; N rows each.

    Attributes:
        model: its digest.
        scores: probability of the positive class or of the predicted class, or the predicted value.
        decisions: index of the predicted class; for a regression, the predicted value.
        truth: target, protected attributes, weight and group by label; None without labels, empty
            if none match.
        hashes: of the records.
    """

    model: str
    scores: Floats
    decisions: Floats
    truth: pd.DataFrame | None
    hashes: bytes

    def predictions(self, contract: Contract) -> Predictions:
        assert self.truth is not None
        return Predictions(
            labels=labels_of(self.truth, contract),
            scores=self.scores,
            decisions=self.decisions,
            task=contract.task,
            classes=contract.classes,
            weights=weights_of(self.truth, contract),
            units=units_of(self.truth, contract),
        )

    def drifting(self, contract: Contract) -> pd.Series:
        if contract.task is Task.MULTICLASS:
            return pd.Series(np.asarray(contract.classes, object)[self.decisions.astype(np.intp)])
        return pd.Series(self.scores)


@dataclass(frozen=True)
class Comparison:
    """A candidate compared with the served model, in one time span.

    Attributes:
        broken: lines of the log that could not be read.
        described: agreement and differences of the answers, which need no labels.
        flips: records by the served model's decision and the candidate's; only for a shadow that
            predicts classes.
        verdict: None without labels.
    """

    kind: Kind
    served: Answers
    candidate: Answers
    span: Span
    log: str
    broken: int
    described: tuple[Measurement, ...]
    flips: Counter[tuple[str, str]]
    evidence: dict[str, Evidence | str]
    verdict: Verdict | None


def compare(
    log: str,
    labels: str | None = None,
    *,
    window: timedelta | None = None,
    until: datetime | None = None,
    candidate: str | None = None,
    root: Path = Path(),
) -> Comparison:
    """Compare the shadow or, without one, the canary with the served model.

    Args:
        log: path or URL of the inference log.
        labels: path or URL of the labels of logged rows.
        window: the time span to compare; the policy's window by default.
        until: its end; now by default.
        candidate: digest of the model to compare; by default the shadow, or the model with fewer
            records.
        root: the repository.

    Raises:
        GatehouseError: log, labels or policy can't be read, or the log has only one model.
    """
    policy, contract = load_policy(root / POLICY_FILE), load_contract(root / CONTRACT_FILE)
    rules = comparing(policy, contract.task)
    given = None if labels is None else read_labels(labels, contract)
    now = datetime.now(UTC)
    span = Span(until or now, window or policy.monitor.window, 1)
    found = scan(log, contract, span, policy.measure.drift.maximum_rows, given)
    found.check_broken(shown(log))
    samples = _by_model(found.labelled if given is not None else found.windows)
    if not samples:
        what = "labelled record" if given is not None and found.windows else "record"
        raise GatehouseError(
            f"{shown(log)}: has no {what} from {span.start(0):%Y-%m-%d %H:%M} to "
            f"{span.until:%Y-%m-%d %H:%M} UTC; --until and --window look at another time"
        )
    pairs = _pairs(samples)
    others = [pair[1] for pair in pairs]
    ordered = sorted(samples, key=lambda model: -samples[model].rows)
    canaries = ordered[1:]
    if candidate is not None and candidate not in [*others, *samples]:
        raise GatehouseError(
            f"the log has no answer of {candidate} to compare in that time; it has those of "
            f"{', '.join(sorted({*others, *samples}))}"
        )
    if not pairs and not canaries:
        raise GatehouseError(
            f"the log's records are of one model ({', '.join(samples)}) and hold no shadow; let a "
            "second one score (GATEHOUSE_SERVE_SHADOW) or answer (a canary): docs/canary.md"
        )
    pair = next((pair for pair in pairs if candidate in (None, pair[1])), None)
    # A log can have both; then the comparison with more rows is better.
    if pair and (candidate or not canaries or pairs[pair] >= samples[canaries[0]].rows):
        kind: Kind = "shadow"
        served, other, flips = _of_shadow(samples[pair[0]], pair[1], contract, given)
    else:
        kind, flips = "canary", Counter()
        chosen = candidate or canaries[0]
        beside = next(model for model in ordered if model != chosen)
        served, other = (
            _answers(samples[model].table, samples[model].table, samples[model].hashes,
                     contract, given)
            for model in (beside, chosen)
        )  # fmt: skip
    evidence: dict[str, Evidence | str] = {}
    verdict = None
    if given is not None:
        subjects = _subject(other, contract), _subject(served, contract)
        evidence = _evidence(kind, served, other, subjects, contract, rules)
        case = Case(evidence, *subjects, now.date())
        verdict = judge(case, rules, str(POLICY_FILE))
    return Comparison(
        kind=kind,
        served=served,
        candidate=other,
        span=span,
        log=shown(log),
        broken=found.broken,
        described=_described(kind, served, other, contract, policy),
        flips=flips,
        evidence=evidence,
        verdict=verdict,
    )


def _by_model(windows: dict[tuple[int, str], Sample]) -> dict[str, Sample]:
    return {model: sample for (_, model), sample in windows.items() if sample.seen}


def _pairs(samples: dict[str, Sample]) -> Counter[tuple[str, str]]:
    """Count records with a shadow's answer, by served model and shadow; most frequent first."""
    found: Counter[tuple[str, str]] = Counter()
    for model, sample in samples.items():
        shadows = pc.struct_field(sample.table["shadow"], "model").drop_null()
        found.update((model, shadow) for shadow in shadows.to_pylist())
    return Counter(dict(found.most_common()))


def _of_shadow(
    sample: Sample, shadow: str, contract: Contract, labels: Labels | None
) -> tuple[Answers, Answers, Counter[tuple[str, str]]]:
    known = pc.fill_null(pc.equal(pc.struct_field(sample.table["shadow"], "model"), shadow), False)
    table = sample.table.filter(known).combine_chunks()
    hashes = sample.hashes[known.to_numpy()]
    answered = pa.Table.from_struct_array(table["shadow"])
    served = _answers(table, table, hashes, contract, labels)
    other = _answers(answered, table, hashes, contract, labels)
    if contract.task is Task.REGRESSION:
        return served, other, Counter()
    decided = zip(table["decision"].to_pylist(), answered["decision"].to_pylist(), strict=True)
    return served, other, Counter(decided)


def _answers(
    answered: pa.Table,
    records: pa.Table,
    hashes: np.ndarray,
    contract: Contract,
    labels: Labels | None,
) -> Answers:
    truth = None
    if labels is not None:
        truth = labels.frame.iloc[records[PLACE].to_numpy()].reset_index(drop=True)
    return Answers(
        model=answered["model"][0].as_py(),
        scores=logged.scores(answered, contract),
        decisions=logged.decisions(answered, contract),
        truth=truth,
        hashes=hashes.tobytes(),
    )


def _subject(answers: Answers, contract: Contract) -> Subject:
    digest = hashlib.sha256(answers.hashes)
    if answers.truth is not None:
        digest.update(pd.util.hash_pandas_object(answers.truth).to_numpy().tobytes())
    return Subject(
        contract=contract.digest, data=f"sha256:{digest.hexdigest()}", model=answers.model
    )


def _evidence(
    kind: Kind,
    served: Answers,
    other: Answers,
    subjects: tuple[Subject, Subject],
    contract: Contract,
    policy: Policy,
) -> dict[str, Evidence | str]:
    candidate, base = subjects
    ours, theirs = other.predictions(contract), served.predictions(contract)
    models = {Of.CANDIDATE: ours, Of.BASE: theirs}
    measured = accuracy.measure_models(models, policy, paired=kind == "shadow")
    measured += logged.not_logged(models, contract.task)
    found: dict[str, list[Measurement] | str] = {ACCURACY.name: measured}
    if any(rule.gate == FAIRNESS.name for rule in policy.rules.values()):
        paired = [ours, theirs] if kind == "shadow" else [ours]
        found[FAIRNESS.name] = _fairness(other, paired, contract, policy)
    return {
        gate: measurements
        if isinstance(measurements, str)
        else Evidence(
            gate=gate,
            candidate=candidate,
            base=base,
            settings=policy.settings(find_gate(gate, policy)),
            tools=versions("numpy", "scikit-learn", "scipy", "pyarrow"),
            measurements=tuple(measurements),
        )
        for gate, measurements in found.items()
    }


def _fairness(
    other: Answers, models: list[Predictions], contract: Contract, policy: Policy
) -> list[Measurement] | str:
    assert other.truth is not None
    try:
        check_protected(other.truth, contract)
    except GatehouseError as error:
        return str(error)
    found = fairness.measure_rows(other.truth, contract.protected, models, policy)
    if len(models) > 1:
        return found
    # A canary answers other rows than the served model, so gaps can't be compared row by row.
    nothing = {"of": Of.COMPARISON, "value": None, "interval": None, "note": "not the same rows"}
    return found + [m.model_copy(update=nothing) for m in found if m.name in fairness.COMPARED]


def _described(
    kind: Kind, served: Answers, other: Answers, contract: Contract, policy: Policy
) -> tuple[Measurement, ...]:
    if kind == "canary":
        old, new = (each.drifting(contract) for each in (served, other))
        test = drift.compare_predictions(old, new, policy.measure.drift.rare_level)
        return tuple(drift.adjusted([test]))
    confidence, differences = policy.measure.confidence, other.scores - served.scores
    if contract.task is Task.REGRESSION:
        return (_difference("mean_prediction_difference", differences, confidence),)
    agreement = _agreement(served, other, confidence)
    if contract.task is Task.MULTICLASS:
        return (agreement,)  # the probabilities may be of different classes
    return agreement, _difference("probability_difference", differences, confidence)


def _agreement(served: Answers, other: Answers, confidence: float) -> Measurement:
    """Return the share of rows on which both decide alike, with Wilson's interval."""
    n, alike = len(other.decisions), int((other.decisions == served.decisions).sum())
    return Measurement(
        name="decision_agreement",
        of=Of.COMPARISON,
        value=alike / n,
        unit="share",
        interval=wilson_interval(alike, n, confidence),
        n=n,
        method="Wilson score interval",
    )


def _difference(name: str, differences: Floats, confidence: float) -> Measurement:
    """Return the mean paired difference, in the predictions' units, with Student's interval."""
    from scipy import stats

    n, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error if n > 1 else 0.0
    return Measurement(
        name=name,
        of=Of.COMPARISON,
        value=mean,
        unit="1",
        interval=Interval(low=mean - half, high=mean + half, confidence=confidence)
        if n > 1
        else None,
        n=n,
        method="candidate - served, mean of pairs, Student's t interval",
    )
