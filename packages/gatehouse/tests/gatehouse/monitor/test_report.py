"""The report: what stands in it, hostile text, and its limit."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatehouse.digest import file_digest
from gatehouse.monitor.look import Look
from gatehouse.monitor.report import render
from gatehouse.monitor.run import look
from gatehouse.report.markdown import LIMIT
from gatehouse.workspace import MODEL
from tests.gatehouse import tiny
from tests.gatehouse.monitor import logs
from tests.gatehouse.monitor.logs import END, WEEK
from tests.gatehouse.tiny import Finished

HOSTILE = (
    "</details><img src=x onerror=alert(1)>\n# Heading | cell ``` [link](javascript:x) @everyone"
)


def made(finished: Finished, name: str = "log.jsonl", **changes: Any) -> Look:
    root = finished.root
    rows = tiny.rows(600, 3000)
    records = logs.predictions(finished.workspace, rows, days=14)
    path = logs.write(root / name, records.assign(**changes))
    labels = root / "labels.csv"
    logs.labels(finished.workspace, records, rows).to_csv(labels, index=False)
    model = file_digest(root / MODEL)
    return look(str(path), str(labels), until=END, model=model, root=root)


def test_what_was_found(finished: Finished) -> None:
    """Attacks a report that leaves out what one looks for."""
    text = render(made(finished))
    for part in (
        "300 predictions of model", "2026-03-23 00:00 to 2026-03-30 00:00 UTC", "the work tree",
        "Traffic as the training data was?", "Still right?", "Groups treated alike?",
        "Over time", "Drift by column", "Fairness by group", "records read | 600",
    ):  # fmt: skip
        assert part in text, part
    assert text.count("<details>") == text.count("</details>") > 0
    assert text.count("```") % 2 == 0


def test_hostile_text_is_never_markup(finished: Finished) -> None:
    """Attacks a page by what callers, labels and file names hold: categories, models, groups."""
    root = finished.root
    rows = tiny.rows(600, 3000)
    records = logs.predictions(finished.workspace, rows)
    row = records["row"].map(lambda each: each | {"job": HOSTILE})
    strange = HOSTILE.replace("/", "-").replace("\n", " ")
    path = logs.write(
        root / f"{strange}.jsonl",
        records.assign(row=row),
        records.assign(model=HOSTILE, request_id="other"),
    )
    labels = logs.labels(finished.workspace, records, rows)
    labels.assign(sex=labels["sex"].replace("f", HOSTILE)).to_json(
        root / "labels.jsonl", orient="records", lines=True
    )
    found = look(
        str(path), str(root / "labels.jsonl"), until=END, model=file_digest(root / MODEL), root=root
    )
    text = render(found)
    outside = "".join(text.split("`")[::2])
    assert "<img" not in outside
    assert "@everyone" not in outside
    assert "](javascript" not in outside
    assert "\n# Heading" not in text
    lines = text.split("\n")
    assert lines.count("<details>") == lines.count("</details>")
    assert "&lt;img" in text or "<img" in text


def test_the_limit(finished: Finished) -> None:
    """Attacks a comment or an issue that GitHub refuses: whole sections go from the end."""
    found = made(finished)
    whole = render(found)
    assert len(whole) <= LIMIT
    for limit in (len(whole) - 1, 6000, 3000, 2000):
        text = render(found, limit)
        assert len(text) <= limit
        assert text.count("<details>") == text.count("</details>")
        assert text.count("```") % 2 == 0
        assert text.startswith("## ")
    assert render(found, 10).startswith("## ")


def test_a_hundred_windows_fit(finished: Finished) -> None:
    """Attacks the limit by the longest trend that the policy allows."""
    found = made(finished)
    last = found.record.windows[-1]
    windows = tuple(
        last.model_copy(update={"start": last.start + n * WEEK, "end": last.end + n * WEEK})
        for n in range(100)
    )
    found = replace(found, record=found.record.model_copy(update={"windows": windows}))
    text = render(found)
    assert len(text) <= LIMIT
    assert "Over time" in text


@pytest.mark.parametrize("labels", [False, True])
def test_an_alarm_without_records_says_so(finished: Finished, labels: bool, tmp_path: Path) -> None:
    """Attacks a report that can't be made where there is nothing to show."""
    rows = tiny.rows(20, 3000)
    records = logs.predictions(finished.workspace, rows, END - 2 * WEEK)
    path = logs.write(tmp_path / "log.jsonl", records)
    told = tmp_path / "labels.csv"
    logs.labels(finished.workspace, records, rows).to_csv(told, index=False)
    found = look(str(path), str(told) if labels else None, until=END, root=finished.root)
    text = render(found)
    assert text.startswith("## ❌ Production: alarm")
    assert "There is nothing to judge: no record of this model" in text
    assert ("labels from 2026-03-09" in text) is labels
