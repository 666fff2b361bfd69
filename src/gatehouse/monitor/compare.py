"""Two models on live traffic: a shadow answers the same rows, a canary rows of its own.

A shadow's records hold both answers, so every difference is paired. A canary answers other rows
than the model beside it: differences are of two independent samples, and only as good as the
choice of rows is random. With labels, the policy's accuracy and fairness rules decide, those
against the base included; without, the answers are described and nothing is judged.
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

from gatehouse.contract import CONTRACT_FILE, Contract, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Gate, Interval, Measurement, Of, Subject
from gatehouse.gates import accuracy, drift, fairness
from gatehouse.gates.bootstrap import Floats, Predictions
from gatehouse.gates.tools import versions
from gatehouse.judge import Case, judge
from gatehouse.monitor import files
from gatehouse.monitor.labels import Labels, read_labels
from gatehouse.monitor.sample import Sample
from gatehouse.monitor.scan import PLACE, Scan, Span, scan
from gatehouse.monitor.verdict import comparing
from gatehouse.policy import POLICY_FILE, Policy, load_policy
from gatehouse.verdict import Verdict

Kind = Literal["shadow", "canary"]


@dataclass(frozen=True)
class Answers:
    """What one model said of sampled records; N rows each.

    Attributes:
        model: its digest.
        scores: probability of the positive class.
        decisions: 1 where it decided positive.
        truth: target and protected attributes by label; None without labels, empty where none fit.
        hashes: of the records.
    """

    model: str
    scores: Floats
    decisions: Floats
    truth: pd.DataFrame | None
    hashes: bytes

    def predictions(self, contract: Contract) -> Predictions:
        assert self.truth is not None
        labels = (self.truth[contract.target] == contract.classes[1]).to_numpy(np.float64)
        return Predictions(labels=labels, scores=self.scores, decisions=self.decisions)


@dataclass(frozen=True)
class Comparison:
    """A candidate beside the served model, in one span of time.

    Attributes:
        described: agreement and differences of the answers, for which no label is needed.
        flips: records by the served model's decision and the candidate's; only of a shadow.
        verdict: None without labels.
    """

    kind: Kind
    served: Answers
    candidate: Answers
    span: Span
    log: str
    described: tuple[Measurement, ...]
    flips: Counter[tuple[str, str]]
    evidence: dict[Gate, Evidence | str]
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
    """Compare the shadow, or else the canary, with the served model.

    Args:
        log: path or URL of the inference log.
        labels: path or URL of what was true of logged rows.
        window: the span of time that is looked at; the policy's window by default.
        until: its end; now by default.
        candidate: digest of the model to compare; the shadow, or the model with fewer records.
        root: the repository.

    Raises:
        GatehouseError: log, labels or policy can't be read, or the log has only one model.
    """
    policy, contract = load_policy(root / POLICY_FILE), load_contract(root / CONTRACT_FILE)
    given = None if labels is None else read_labels(labels, contract)
    now = datetime.now(UTC)
    span = Span(until or now, window or policy.monitor.window, 1)
    found = scan(log, contract, span, policy.measure.drift.maximum_rows, given)
    samples = found.labelled if given is not None else found.windows
    if not samples:
        what = "labelled record" if given is not None and found.windows else "record"
        raise GatehouseError(
            f"{files.shown(log)}: has no {what} from {span.start(0):%Y-%m-%d %H:%M} to "
            f"{span.until:%Y-%m-%d %H:%M} UTC; --until and --window look at another time"
        )
    kind: Kind = "shadow" if _has_shadow(samples) else "canary"
    if kind == "shadow":
        served, other, flips = _of_shadow(samples, candidate, contract, given)
    else:
        served, other, flips = *_of_canary(found, samples, candidate, contract, given), Counter()
    evidence: dict[Gate, Evidence | str] = {}
    verdict = None
    if given is not None:
        rules = comparing(policy)
        evidence = _evidence(kind, served, other, contract, rules)
        case = Case(evidence, _subject(other, contract), _subject(served, contract), now.date())
        verdict = judge(case, rules, str(POLICY_FILE))
    return Comparison(
        kind=kind,
        served=served,
        candidate=other,
        span=span,
        log=files.shown(log),
        described=_described(kind, served, other, policy),
        flips=flips,
        evidence=evidence,
        verdict=verdict,
    )


def _has_shadow(samples: dict[tuple[int, str], Sample]) -> bool:
    return any(
        sample.seen and sample.table["shadow"].null_count < sample.table.num_rows
        for sample in samples.values()
    )


def _of_shadow(
    samples: dict[tuple[int, str], Sample],
    candidate: str | None,
    contract: Contract,
    labels: Labels | None,
) -> tuple[Answers, Answers, Counter[tuple[str, str]]]:
    tables, hashes = [], []
    for sample in samples.values():
        known = sample.table["shadow"].is_valid()
        tables.append(sample.table.filter(known))
        hashes.append(sample.hashes[known.to_numpy()])
    table, hashed = pa.concat_tables(tables).combine_chunks(), np.concatenate(hashes)
    shadow = table["shadow"].combine_chunks()
    pairs = Counter(zip(table["model"].to_pylist(), shadow.field("model").to_pylist(), strict=True))
    chosen = [pair for pair, _ in pairs.most_common() if candidate in (None, pair[1])]
    if not chosen:
        raise _unknown(candidate, {pair[1] for pair in pairs})
    # Only one pair of models: another one's records would mix what is compared.
    kept = pa.array([pair == chosen[0] for pair in zip(
        table["model"].to_pylist(), shadow.field("model").to_pylist(), strict=True)])  # fmt: skip
    table, hashed = table.filter(kept).combine_chunks(), hashed[kept.to_numpy(False)]
    served = _answers(table, table, hashed, contract, labels)
    other = _answers(pa.Table.from_struct_array(table["shadow"]), table, hashed, contract, labels)
    decided = zip(
        table["decision"].to_pylist(),
        table["shadow"].combine_chunks().field("decision").to_pylist(),
        strict=True,
    )
    return served, other, Counter(decided)


def _of_canary(
    found: Scan,
    samples: dict[tuple[int, str], Sample],
    candidate: str | None,
    contract: Contract,
    labels: Labels | None,
) -> tuple[Answers, Answers]:
    seen = {model: found.windows[key].rows for key in samples for model in [key[1]]}
    ordered = sorted(seen, key=lambda model: (-seen[model], model))
    if len(ordered) < 2:
        raise GatehouseError(
            f"the log's records are of one model ({', '.join(ordered)}) and hold no shadow; let a "
            "second one score (GATEHOUSE_SERVE_SHADOW) or answer (a canary): docs/operations.md"
        )
    if candidate is not None and candidate not in ordered:
        raise _unknown(candidate, set(ordered))
    other = candidate or ordered[1]
    (served, *_) = (model for model in ordered if model != other)
    answers = []
    for model in (served, other):
        sample = samples[0, model]
        answers.append(_answers(sample.table, sample.table, sample.hashes, contract, labels))
    return answers[0], answers[1]


def _unknown(candidate: str | None, models: set[str]) -> GatehouseError:
    return GatehouseError(
        f"the log has no answer of {candidate} to compare; it has {', '.join(sorted(models))}"
    )


def _answers(
    said: pa.Table, records: pa.Table, hashes: np.ndarray, contract: Contract, labels: Labels | None
) -> Answers:
    truth = None
    if labels is not None:
        truth = labels.frame.iloc[records[PLACE].to_numpy()].reset_index(drop=True)
    positive = said["decision"].to_pandas() == contract.classes[1]
    return Answers(
        model=said["model"][0].as_py(),
        scores=np.asarray(said["probability"].to_numpy(), np.float64),
        decisions=positive.to_numpy(np.float64),
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
    kind: Kind, served: Answers, other: Answers, contract: Contract, policy: Policy
) -> dict[Gate, Evidence | str]:
    assert other.truth is not None
    ours, theirs = other.predictions(contract), served.predictions(contract)
    models = {Of.CANDIDATE: ours, Of.BASE: theirs}
    measured = accuracy.measure_models(models, policy, paired=kind == "shadow")
    found: dict[Gate, list[Measurement] | str] = {Gate.ACCURACY: measured}
    if any(rule.gate is Gate.FAIRNESS for rule in policy.rules.values()):
        found[Gate.FAIRNESS] = _fairness(other, ours, contract, policy)
    return {
        gate: measurements
        if isinstance(measurements, str)
        else Evidence(
            gate=gate,
            candidate=_subject(other, contract),
            base=_subject(served, contract),
            settings=policy.measure.of_gate(gate),
            tools=versions("numpy", "scikit-learn", "fairlearn", "pyarrow"),
            measurements=tuple(measurements),
        )
        for gate, measurements in found.items()
    }


def _fairness(
    other: Answers, predictions: Predictions, contract: Contract, policy: Policy
) -> list[Measurement] | str:
    assert other.truth is not None
    missing = [name for name in contract.protected if name not in other.truth]
    if missing:
        return f"the labels have no column {', '.join(missing)}, which the contract protects"
    return fairness.measure_rows(other.truth, contract.protected, predictions, policy)


def _described(
    kind: Kind, served: Answers, other: Answers, policy: Policy
) -> tuple[Measurement, ...]:
    from scipy.stats import binomtest

    confidence = policy.measure.confidence
    if kind == "shadow":
        n, alike = len(other.decisions), int((other.decisions == served.decisions).sum())
        low, high = binomtest(alike, n).proportion_ci(confidence, method="wilson")
        agreement = Measurement(
            name="decision_agreement",
            of=Of.COMPARISON,
            value=alike / n,
            unit="share",
            interval=Interval(low=min(low, alike / n), high=high, confidence=confidence),
            n=n,
            method="Wilson score interval",
        )
        return agreement, _difference(other.scores - served.scores, confidence)
    test = drift.compare_values(drift.PREDICTION, served.scores, other.scores)
    return tuple(drift.adjusted([test]))


def _difference(differences: Floats, confidence: float) -> Measurement:
    """The mean paired difference of the probabilities, with Student's interval."""
    from scipy import stats

    n, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    half = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error if n > 1 else 0.0
    return Measurement(
        name="probability_difference",
        of=Of.COMPARISON,
        value=mean,
        unit="1",
        interval=Interval(low=mean - half, high=mean + half, confidence=confidence)
        if n > 1
        else None,
        n=n,
        method="candidate - served, mean of pairs, Student's t interval",
    )
