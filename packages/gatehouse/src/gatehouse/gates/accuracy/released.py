"""Comparison with the best released model of the base's branch, which sits the same exam."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatehouse.base import folder_of, read_record
from gatehouse.contract import CONTRACT_FILE, load_contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import BEST_IS_BASE, RELEASED, Measurement, Of
from gatehouse.gates.accuracy.measure import measure_models
from gatehouse.gates.exam import Exam
from gatehouse.gates.metrics import headlines
from gatehouse.gates.predictions import Predictions, predict
from gatehouse.policy import Policy
from gatehouse.workspace import MODEL

if TYPE_CHECKING:
    from collections.abc import Sequence


def against_released(
    exam: Exam, measured: Sequence[Measurement], policy: Policy
) -> list[Measurement]:
    """Measure the difference of the headline metrics from the best released model's.

    The rows and labels are the base's. If the base's model is the best, these are the differences
    from the base. If the best model can't be fetched, or does not accept these rows, the values are
    null and the note says so.

    Args:
        exam: the exam of candidate and base.
        measured: the gate's measurements of candidate, base and difference.
        policy: its settings count.
    """
    names = [metric.name for metric in headlines(exam.candidate.contract.task)]
    note: str | None = BEST_IS_BASE
    found = list(measured)
    if read_record(exam.candidate.root).released is not None:
        note = None
        try:
            models = {Of.CANDIDATE: exam.ours, Of.BASE: _predict(exam)}
            found = measure_models(models, policy)
        except GatehouseError as error:
            note = f"unknown: the best released model can't be measured ({error})"
            found = [each.model_copy(update={"value": None, "interval": None, "n": 0})
                     for each in measured]  # fmt: skip
    return [
        each.model_copy(update={
            "slice": RELEASED,
            "method": each.method.replace("base", "best released"),
            "note": note or each.note,
        })
        for each in found
        if each.of is Of.COMPARISON and each.slice == "all" and each.name in names
    ]  # fmt: skip


def _predict(exam: Exam) -> Predictions:
    """Return the best released model's predictions of the exam.

    Raises:
        GatehouseError: its files are not here, or it does not accept the exam's rows.
    """
    from gatehouse.model import Model

    assert exam.base is not None, "else nothing is compared"
    outputs = read_record(exam.candidate.root).released
    folder = exam.candidate.root / folder_of(outputs)
    if not (folder / MODEL).is_file():
        raise GatehouseError("it is in no cache, remote or archive any more")
    contract, model = load_contract(folder / CONTRACT_FILE), Model(folder / MODEL)
    if lost := sorted(set(model.inputs) - set(exam.base_rows.columns)):
        raise GatehouseError(f"the exam's rows have no longer its column {lost[0]}")
    if contract.classes != exam.base.contract.classes:
        raise GatehouseError("it knows other classes")
    return predict(model, exam.base_rows, exam.base.contract)
