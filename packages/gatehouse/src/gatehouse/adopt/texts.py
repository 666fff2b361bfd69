"""contract.yaml, model_card.yaml and the changes to params.yaml, made from the plan."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from gatehouse.adopt.entries import with_slack
from gatehouse.adopt.plan import ColumnPlan, Planned
from gatehouse.contract import Contract, Role
from gatehouse.report.card_text import TO_WRITE

_CONTRACT = (
    "# What a row is, as `gatehouse init` found it. Say what the columns mean, and fix limits.\n"
)
_CARD = """\
# What people say of the model: the parts of reports/model_card.md that no gate can measure.
# Written by `gatehouse init` as a form: write each part. One list entry per paragraph, plain text.
"""
_TRUTHS = ("y", "yes", "n", "no", "on", "off")
_SMALL, _MIDDLE = 2_000, 20_000
_NETWORKS: dict[int | None, dict[str, Any]] = {
    _SMALL: {"hidden": [32, 32], "bins": 8, "epochs": 60, "patience": 12, "batch": 32,
             "learning_rate": 0.003},
    _MIDDLE: {"hidden": [64, 64], "bins": 32, "epochs": 30, "patience": 8, "batch": 128,
              "learning_rate": 0.004},
    None: {"hidden": [128, 128], "bins": 128, "epochs": 16, "patience": 8, "batch": 1024,
           "learning_rate": 0.008},
}  # fmt: skip
"""Network settings by the maximum number of train rows."""


VALID, TEST = 0.16, 0.20
"""Shares of the rows that a new contract puts into the valid and test splits."""


def allowed_copies(plan: ColumnPlan, copies: float) -> float | None:
    """Return the share of exact copies that the contract allows, or None for its default."""
    if plan.of(Role.KEY) or copies <= Contract.model_fields["copies"].default:
        return None
    return with_slack(copies)


def contract_text(plan: ColumnPlan, title: str, copies: float) -> str:
    """Return the contract as YAML: one line per short column, several for one with categories.

    `copies` is the share of rows that have an exact copy.
    """
    allowed = allowed_copies(plan, copies)
    columns = CommentedMap()
    for planned in plan.columns:
        if planned.column is not None:
            columns[planned.name] = _column(planned)
    return _CONTRACT + _yaml(
        {
            "version": 1,
            "name": title,
            "description": f"One row of {title} (to be described)",
            **({} if allowed is None else {"copies": allowed}),
            "columns": columns,
            "split": _split(plan),
        }
    )


def _split(plan: ColumnPlan) -> CommentedMap:
    """Return the split; rows are identified by key or else model inputs, never the target."""
    key = [planned.name for planned in plan.of(Role.KEY)]
    identity = CommentedSeq(map(_quoted, key or plan.inputs))
    identity.fa.set_flow_style()
    return CommentedMap(hash=1, identity=identity, valid=VALID, test=TEST)


def _column(planned: Planned) -> CommentedMap:
    assert planned.column is not None
    entry = CommentedMap(planned.column)
    for name in ("range", "categories"):
        if name in entry:
            entry[name] = CommentedSeq(map(_quoted, entry[name]))
            entry[name].fa.set_flow_style()
    if "positive" in entry:
        entry["positive"] = _quoted(entry["positive"])
    entry["description"] = _description(planned)
    if "categories" not in entry:
        entry.fa.set_flow_style()
    return entry


def _quoted(value: Any) -> Any:
    """Quote words that other YAML readers treat as booleans."""
    return DoubleQuotedScalarString(value) if str(value).lower() in _TRUTHS else value


def _description(planned: Planned) -> str:
    what = {
        Role.TARGET: "what is predicted",
        Role.KEY: "identifies a row",
        Role.PROTECTED: "a protected attribute",
        Role.IGNORED: planned.note.removeprefix("ignored: ") or "not used",
    }.get(planned.role or Role.IGNORED, "to be described")
    return f"{planned.name} ({what})"


def card_text(plan: ColumnPlan, title: str) -> str:
    """Return the part of the model card that people write, as a form to fill in."""

    def to_write(what: str) -> str:
        return f"{TO_WRITE}: {what}"

    attributes = ", ".join(column.name for column in plan.of(Role.PROTECTED))
    text = {
        "version": 1,
        "model_details": {
            "name": f"{plan.target.name} from {title}",
            "owner": to_write("the person or organization that answers for the model"),
            "contact": to_write("where questions and comments go"),
            "license": to_write("the licence of the model"),
        },
        "intended_use": {
            "primary_uses": [to_write("what the model was made for")],
            "primary_users": [to_write("whom it was made for")],
            "out_of_scope": [to_write("what it must not be used for")],
        },
        "factors": [
            to_write("groups and conditions that matter, measured or not")
            + (f". Fairness is measured by {attributes}" if attributes else "")
        ],
        "metrics": [to_write("why these metrics and limits")],
        "evaluation_data": [to_write("what the test rows are, and what they lack")],
        "training_data": [to_write("what the training rows are, and what they lack")],
        "ethical_considerations": [to_write("risks, harms, sensitive data")],
        "caveats_and_recommendations": [to_write("what to mind and do")],
    }
    return _CARD + _yaml(text)


def settings(plan: ColumnPlan, file: Mapping[str, Any], train_rows: int) -> dict[str, Any]:
    """Return the changed settings of params.yaml, by dotted key.

    Args:
        plan: of the columns.
        file: settings of `data.file`.
        train_rows: approximate rows of the train split.
    """
    size = next((most for most in (_SMALL, _MIDDLE) if train_rows <= most), None)
    protected = plan.of(Role.PROTECTED)
    found: dict[str, Any] = {"data.source": "file"}
    found |= {f"data.file.{key}": value for key, value in file.items()}
    found |= {f"train.torch_mlp.{key}": value for key, value in _NETWORKS[size].items()}
    found["train.torch_mlp.fairness_penalty.attribute"] = protected[0].name if protected else None
    found["train.torch_mlp.fairness_penalty.weight"] = 0.0
    return found


def _yaml(data: Mapping[str, Any]) -> str:
    yaml = YAML()
    yaml.width = 100
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    stream = io.StringIO()
    yaml.dump(CommentedMap(data), stream)
    return re.sub(" +\n", "\n", stream.getvalue())  # a broken line leaves a trailing space
