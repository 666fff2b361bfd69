"""The model card (`reports/model_card.md`).

Its headings are those of Mitchell et al., Model Cards for Model Reporting, FAT* 2019
(https://arxiv.org/abs/1810.03993). Measured facts come from the evidence. Facts that only people
know come from `model_card.yaml`. The card marks which is which.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gatehouse.acceptance.record import Acceptance
from gatehouse.contract import Column, Contract, Role
from gatehouse.disclosed import disclosed
from gatehouse.evidence import Evidence, Measurement, Of
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.data import DATA
from gatehouse.gates.fairness import FAIRNESS
from gatehouse.gates.latency import LATENCY
from gatehouse.gates.spec import GateSpec
from gatehouse.report import quantities
from gatehouse.report.card_text import CardText
from gatehouse.report.context import flat
from gatehouse.report.escape import code, prose
from gatehouse.report.numbers import count, number
from gatehouse.report.tables import table
from gatehouse.report.words import ICONS, name_of
from gatehouse.verdict import Outcome

if TYPE_CHECKING:
    from gatehouse.model import Metadata

_TEXT_LIMIT = 2_000
_CLASSES_SHOWN = 50
_PEOPLE = "_Written by people, in `model_card.yaml`:_"
_MEASURED = "_Measured by the gates:_"
_RECORDED = "_Recorded by the pipeline:_"
_ACCEPTED = "_Accepted by owners, although a rule failed:_"


@dataclass(frozen=True)
class CardContext:
    """Input of a model card."""

    contract: Contract
    text: CardText
    params: Mapping[str, Any]
    evidence: Mapping[str, Evidence | str]
    own: tuple[GateSpec, ...] = ()
    """The repository's own gates."""
    metadata: Metadata | None = None
    """The served graph's metadata; None if there is no graph."""
    acceptances: tuple[Acceptance, ...] = ()
    """Owners' acceptances of failures of this model."""

    def measurements(self, gate: str) -> list[Measurement]:
        """Return the candidate's own measurements of a gate."""
        evidence = self.evidence.get(gate)
        found = evidence.measurements if isinstance(evidence, Evidence) else ()
        return [measured for measured in found if measured.of is Of.CANDIDATE]


def render_card(context: CardContext) -> str:
    """Return the card as Markdown; the same context gives the same bytes."""
    sections = {
        "Model Details": _model_details(context),
        "Intended Use": _intended_use(context.text),
        "Factors": _factors(context),
        "Metrics": _metrics(context),
        "Evaluation Data": _evaluation_data(context),
        "Training Data": _training_data(context),
        "Quantitative Analyses": _analyses(context),
        "Ethical Considerations": _people(context.text.ethical_considerations),
        "Caveats and Recommendations": _people(context.text.caveats_and_recommendations),
    }
    start = (
        f"# Model card: {prose(context.text.model_details.name)}\n\n"
        "In the headings of Mitchell et al., _Model Cards for Model Reporting_ (2019). Numbers are "
        "measured by the gates and are made again with every run; each part says whether it was "
        "measured or written by people."
    )
    bodies = [f"## {title}\n\n{body}" for title, body in sections.items()]
    return with_accepted("\n\n".join([start, *bodies]) + "\n", context.acceptances)


def with_accepted(card: str, acceptances: Sequence[Acceptance]) -> str:
    """Return a card whose section on owners' acceptances is replaced."""
    card = card.partition(f"\n{_ACCEPTED}\n")[0].rstrip("\n") + "\n"
    lines = [
        f"{', '.join(code(rule) for rule in each.scope.rules)}: accepted by {code(each.by)} on "
        f"pull request {each.pull}: {prose(each.reason, 500)}"
        for each in acceptances
    ]
    return f"{card}\n{_ACCEPTED}\n\n{_bullets(lines)}\n" if lines else card


def _model_details(context: CardContext) -> str:
    details = context.text.model_details
    people = [
        f"Owner: {prose(details.owner)}",
        f"Contact: {prose(details.contact)}",
        f"Licence: {prose(details.license)}",
        *(f"Reference: {prose(reference)}" for reference in details.references),
    ]
    parts = [_PEOPLE, _bullets(people)]
    sizes = [m for m in context.measurements(LATENCY.name) if m.name == "size"]
    facts = [f"Size of {code(m.slice)}: {number(m.value or 0, m.unit)}" for m in sizes]
    if context.metadata is not None:
        metadata = context.metadata
        facts = [
            f"Trainer: {code(metadata.trainer)}",
            f"Trained at commit: {code(metadata.commit)}",
            *_predicted(context.contract, metadata),
            *facts,
        ]
    facts += [f"Form: one ONNX graph from {count(len(context.contract.inputs))} raw columns"]
    facts += _settings(context.params, "features")
    facts += _settings(context.params, "train")
    return "\n\n".join([*parts, _RECORDED, _bullets(facts)])


def _predicted(contract: Contract, metadata: Metadata) -> list[str]:
    """Return lines on the model's output."""
    if not metadata.classes:
        return [f"Predicts: the number {code(contract.target)}"]
    if metadata.threshold is None:
        return ["Classes: " + ", ".join(code(name) for name in metadata.classes[:_CLASSES_SHOWN])]
    return [
        f"Classes: {code(metadata.classes[0])} and {code(metadata.classes[1])} (positive)",
        f"Decision threshold: {number(metadata.threshold)}",
    ]


def _intended_use(text: CardText) -> str:
    use = text.intended_use
    return "\n\n".join(
        [
            _PEOPLE,
            f"**Primary uses**\n\n{_sentences(use.primary_uses)}",
            f"**Primary users**\n\n{_sentences(use.primary_users)}",
            f"**Out of scope**\n\n{_sentences(use.out_of_scope)}",
        ]
    )


def _factors(context: CardContext) -> str:
    contract = context.contract
    rows = [_column(name, contract.columns[name]) for name in contract.protected]
    parts = ["_From the contract: protected attributes, by which fairness is measured:_"]
    head = ["Attribute", "Meaning", "Groups", "Fed to the model"]
    parts.append(table(head, rows) if rows else "None: fairness is not measured.")
    return "\n\n".join([*parts, _people(context.text.factors)])


def _column(name: str, column: Column) -> list[str]:
    groups = ", ".join(code(category) for category in (column.categories or ())[:30])
    fed = "yes" if column.is_model_input else "no"
    return [code(name), prose(column.description), groups, fed]


def _metrics(context: CardContext) -> str:
    gates = (ACCURACY.name, FAIRNESS.name)
    measured = {m.name: m.described for gate in gates for m in context.measurements(gate)}
    names = ", ".join(name_of(name, own) for name, own in measured.items()) or "none"
    parts = [f"{_MEASURED} {names}. Each has an interval; the tables below say how it was made."]
    if context.metadata is not None and context.metadata.threshold is not None:
        threshold = number(context.metadata.threshold)
        parts.append(f"Decisions are positive where the probability reaches {threshold}.")
    return "\n\n".join([*parts, *_optional(context.text.metrics)])


def _evaluation_data(context: CardContext) -> str:
    rows = max((m.n for m in context.measurements(ACCURACY.name)), default=0)
    facts = [f"Rows of the test split: {count(rows) if rows else 'not measured'}"]
    facts += _digests(context, ACCURACY.name, "data")
    return "\n\n".join([_RECORDED, _bullets(facts), *_optional(context.text.evaluation_data)])


def _training_data(context: CardContext) -> str:
    contract = context.contract
    features = contract.names(Role.FEATURE)
    facts = [
        f"Data set: {code(contract.name)}. One row is: {prose(contract.description)}",
        f"Columns: {count(len(contract.columns))}, of them features {count(len(features))}",
        f"Target: {code(contract.target)} ({prose(contract.columns[contract.target].description)})",
    ]
    facts += [
        f"Rows in all, before the split: {number(m.value or 0, 'rows')}"
        for m in context.measurements(DATA.name)
        if m.name == "rows"
    ]
    facts += [
        *_settings(context.params, "data"),
        *_split(contract),
    ]
    facts += _digests(context, DATA.name, "raw")
    return "\n\n".join([_RECORDED, _bullets(facts), *_optional(context.text.training_data)])


def _split(contract: Contract) -> list[str]:
    """Return how rows are split, as list items."""
    from gatehouse.splits import rule_of

    split = contract.split
    columns = ", ".join(map(code, rule_of(split).columns(contract)))
    found = [] if split.by == "hash" else [f"Split by: {code(split.by)}"]
    if split.valid_from is not None:
        cuts = f"valid from {split.valid_from}, test from {split.test_from}"
        found.append(f"Train is before valid, valid before test: {cuts}, gap {split.gap} days")
    else:
        valid, test = map(number, split.shares)
        found.append(f"Share of the valid split: {valid}, of the test split: {test}")
    return [*found, f"Columns that decide a row's split: {columns}"]


def _analyses(context: CardContext) -> str:
    parts = [_MEASURED]
    whole = context.measurements(ACCURACY.name)
    parts.append("### Unitary results\n\n" + (
        quantities.accuracy(whole, "Test split") if whole else _missing(context, ACCURACY.name)
    ))  # fmt: skip
    groups = context.measurements(FAIRNESS.name)
    single = [m for m in groups if " & " not in m.slice]
    crossed = [m for m in groups if " & " in m.slice]
    if single:
        parts.append("**By group**\n\n" + quantities.fairness(single))
    elif not groups:
        parts.append("**By group**\n\n" + _missing(context, FAIRNESS.name))
    nothing = "Not measured: fewer than two protected attributes."
    shown = quantities.fairness(crossed) if crossed else nothing
    parts.append("### Intersectional results\n\n" + shown)
    for gate in context.own:
        found = context.measurements(gate.name)
        shown = quantities.measured(found, ()) if found else _missing(context, gate.name)
        parts.append(f"### {gate.section.title}\n\n{shown}")
    return "\n\n".join(parts)


def _missing(context: CardContext, gate: str) -> str:
    evidence = context.evidence.get(gate)
    why = evidence if isinstance(evidence, str) else "there is no evidence of this gate"
    return f"{ICONS[Outcome.ERROR]} Not measured: {prose(why)}"


def _digests(context: CardContext, gate: str, field: str) -> list[str]:
    evidence = context.evidence.get(gate)
    digest = getattr(evidence.candidate, field) if isinstance(evidence, Evidence) else None
    return [f"Digest: {code(digest)}"] if digest else []


def _settings(params: Mapping[str, Any], section: str) -> list[str]:
    """Return the settings of one section, without those of sources that it does not use."""
    tree = params.get(section, {})
    if not isinstance(tree, Mapping):
        return []
    source = str(tree.get("source", "")).rpartition(":")[2]
    chosen = {
        key: value
        for key, value in tree.items()
        if not source or key == source or not isinstance(value, Mapping)
    }
    return [
        f"Setting {code(key)}: {code(value)}"
        for key, value in flat(chosen, f"{section}.").items()
        if disclosed(key, value)
    ]


def _people(sentences: Sequence[str]) -> str:
    return f"{_PEOPLE}\n\n{_sentences(sentences)}"


def _optional(sentences: Sequence[str]) -> list[str]:
    return [_people(sentences)] if sentences else []


def _sentences(sentences: Sequence[str]) -> str:
    return _bullets([prose(" ".join(sentence.split()), _TEXT_LIMIT) for sentence in sentences])


def _bullets(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
