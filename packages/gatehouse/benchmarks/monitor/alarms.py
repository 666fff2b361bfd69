"""How often the monitor alarms without cause, and how soon it sees a slow change.

    .venv/bin/python packages/gatehouse/benchmarks/monitor/alarms.py

Windows of simulated rows, answered by the default trainer's model and judged by the repository's
policy; they are handed to the measuring code as the samples that a log would give. `--scale 0.1`
makes a tenth of the repeats. Writes its tables into docs/monitoring.md.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from common import served, write
from tqdm import tqdm

from gatehouse.gates.own import find_gate

sys.path.append(str(Path(__file__).parents[1] / "gates"))
from results import share, table

from gatehouse.digest import file_digest
from gatehouse.monitor.labels import Labels
from gatehouse.monitor.measure import Watched
from gatehouse.monitor.sample import Sample
from gatehouse.monitor.scan import PLACE, Scan, Span
from gatehouse.monitor.verdict import judge_window, watching
from gatehouse.policy import Monitor, load_policy
from gatehouse.samples.simulate import simulate
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DAY, WEEK = timedelta(days=1), timedelta(days=7)
CLEAN = {2_000: 500, 10_000: 500, 50_000: 200}
SIGMAS, SIZES, STREAMS = (0.005, 0.01, 0.02, 0.05), (2_000, 10_000, 50_000), 10
POINTS, LABELLED, LABEL_STREAMS = (1, 2), (500, 2_000, 10_000), 10
WEEKEND, DAYS, WEEKS, SUNDAYS = 0.2, 10_000, 8, 0.1
LONGEST = 40


class Service:
    """A served model, and windows of rows that it answers; no two share a row."""

    def __init__(self, root: Path) -> None:
        self.workspace = served(root)
        self.model = file_digest(root / MODEL)
        self.policy = load_policy(root / "policy.yaml")
        self._seed = 1_000

    def rows(self, count: int, drift: float = 0.0) -> pd.DataFrame:
        self._seed += 1
        return simulate(count, self._seed, drift)

    def sample(self, rows: pd.DataFrame) -> Sample:
        """The sample of a window, as the scan of a log makes it."""
        contract, model = self.workspace.contract, self.workspace.model
        scores = model.scores(rows)
        columns = {
            name: pa.array(
                rows[name], pa.float64() if column.is_numeric else pa.string(), from_pandas=True
            )
            for name, column in contract.logged.items()
        }
        records = {
            "row": pa.StructArray.from_arrays(list(columns.values()), list(columns)),
            "probability": scores,
            "decision": np.where(model.decisions(model.outputs(rows)), *reversed(contract.classes)),
            PLACE: np.arange(len(rows)),
        }
        sample = Sample(self.policy.measure.drift.maximum_rows)
        draw = np.random.default_rng(self._seed)
        sample.add(pa.table(records), draw.integers(0, 2**64 - 1, len(rows), np.uint64))
        return sample

    def watched(
        self,
        windows: list[Sample],
        monitor: Monitor | None = None,
        truth: pd.DataFrame | None = None,
    ) -> Watched:
        """Windows from the newest to the oldest; with `truth`, the newest one's labels."""
        monitor = monitor or Monitor()
        scan = Scan(Span(NOW, monitor.window, monitor.windows), windows[0].size)
        scan.windows = {(number, self.model): sample for number, sample in enumerate(windows)}
        labels = None
        if truth is not None:
            scan.labelled = {(0, self.model): windows[0]}
            labels = Labels(np.arange(len(truth), dtype=np.uint64), truth, len(truth))
        policy = self.policy.model_copy(update={"monitor": monitor})
        return Watched(scan, self.model, self.workspace, policy, labels)


def alarms(watched: Watched, gate: str, number: int = 0) -> bool:
    """Does the policy alarm on the window?"""
    rules = watching(watched.policy, [gate])
    evidence = {gate: watched.evidence(gate, number)}
    subject, base = (
        watched.subject(number),
        watched.reference.subject(find_gate(gate, watched.policy)),
    )
    verdict = judge_window(evidence, subject, base, rules, "policy.yaml", NOW.date())
    if verdict.errors:
        raise SystemExit(f"nothing was measured: {verdict.errors}")
    return verdict.outcome is Outcome.FAIL


def clean(service: Service, scale: float) -> str:
    lines = []
    for size, count in CLEAN.items():
        repeats = max(5, round(count * scale))
        found = sum(
            alarms(service.watched([service.sample(service.rows(size))]), "drift")
            for _ in tqdm(range(repeats), desc=f"clean, {size:,} rows", disable=None)
        )
        lines.append([f"{size:,}", f"{repeats:,}", f"{found}", share(found, repeats)])
    header = ["predictions in a window", "windows", "alarms", "share, 95 % Wilson interval"]
    return table(header, lines)


def until_alarm(windows: Iterator[tuple[Watched, str]]) -> int:
    """The number of the first window that alarms, from 1 on; `LONGEST` + 1 where none does."""
    for number, (watched, gate) in enumerate(windows, 1):
        if number > LONGEST or alarms(watched, gate):
            return number
    raise AssertionError


def median_text(numbers: list[int], effect: Callable[[float], str]) -> str:
    middle = statistics.median(numbers)
    if middle > LONGEST:
        return f"not within {LONGEST}"
    return f"{middle:g} ({min(numbers)} to {max(numbers)}), {effect(middle)}"


def slow_drift(service: Service, scale: float) -> str:
    def stream(size: int, sigma: float) -> Iterator[tuple[Watched, str]]:
        number = 0
        while True:
            number += 1
            yield service.watched([service.sample(service.rows(size, sigma * number))]), "drift"

    repeats = max(2, round(STREAMS * scale))
    lines = []
    for sigma in tqdm(SIGMAS, desc="slow drift", disable=None):
        line = [f"{sigma:g} sigma"]
        for size in SIZES:
            numbers = [until_alarm(stream(size, sigma)) for _ in range(repeats)]
            line.append(median_text(numbers, lambda middle, by=sigma: f"{middle * by:.2f} sigma"))
        lines.append(line)
    header = ["moves in each window by", *(f"{size:,} predictions" for size in SIZES)]
    return (
        f"{table(header, lines)}\n\nThe alarm's window: median of {repeats} streams (least to "
        "most), and how far the traffic had moved by then."
    )


def slow_loss(service: Service, scale: float) -> str:
    target, (negative, positive) = (
        service.workspace.contract.target,
        service.workspace.contract.classes,
    )
    turned = {negative: positive, positive: negative}
    test = service.workspace.split("test")
    right = service.workspace.model.decisions(service.workspace.model.outputs(test))
    accuracy = float((right == (test[target] == positive)).mean())

    def window(size: int, lost: float) -> Watched:
        rows = service.rows(size)
        # Of labels that are turned at random each costs what the model was better than its reverse.
        chance = lost / (2 * accuracy - 1)
        flip = np.random.default_rng(service._seed).random(size) < chance
        truth = rows.assign(**{target: rows[target].where(~flip, rows[target].map(turned))})
        return service.watched([service.sample(rows)], truth=truth)

    def stream(size: int, points: int) -> Iterator[tuple[Watched, str]]:
        number = 0
        while True:
            number += 1
            yield window(size, points / 100 * number), "accuracy"

    repeats = max(2, round(LABEL_STREAMS * scale))
    lines = []
    for points in (0, *POINTS):
        line = [f"{points} points" if points != 1 else "1 point"]
        for size in tqdm(LABELLED, desc=f"{points} points", disable=None):
            if points:
                numbers = [until_alarm(stream(size, points)) for _ in range(repeats)]
                line.append(
                    median_text(numbers, lambda middle, by=points: f"{middle * by:g} points")
                )
            else:
                found = sum(alarms(window(size, 0.0), "accuracy") for _ in range(2 * repeats))
                line.append(f"{found} of {2 * repeats} windows alarm")
        lines.append(line)
    header = ["accuracy lost in each window", *(f"{size:,} labels" for size in LABELLED)]
    floor = service.policy.rules["accuracy-floor"].limit
    return (
        f"{table(header, lines)}\n\nThe alarm's window: median of {repeats} streams (least to "
        f"most), and what was lost by then. Accuracy is {accuracy:.3f} at first, the policy's "
        f"floor {floor:g}; the floor of ROC AUC and the limit of calibration judge too."
    )


def season(service: Service, scale: float) -> str:
    """A week whose weekend has other callers, in production as in what the model was trained on."""
    weeks = max(2, round(WEEKS * scale))
    contract = service.workspace.contract
    reference = pd.concat([service.rows(25_000), service.rows(10_000, WEEKEND)], ignore_index=True)
    rows = reference[list(contract.logged)]
    scores = service.workspace.model.scores(reference)
    days = [
        service.sample(service.rows(DAYS, WEEKEND if day % 7 < 2 else 0.0))
        for day in tqdm(range(7 * (weeks + 2)), desc="weeks", disable=None)
    ]

    def judged(windows: list[Sample], monitor: Monitor) -> bool:
        watched = service.watched(windows, monitor)
        watched.__dict__.update(rows=rows, reference_predictions=pd.Series(scores))
        return alarms(watched, "drift")

    kinds = {
        "without a season": Monitor(window=DAY, windows=21),
        "season: 7d": Monitor(window=DAY, windows=21, season=WEEK),
    }
    lines = []
    for name, monitor in kinds.items():
        found = {True: [], False: []}
        moved = []
        for day in tqdm(range(7 * weeks), desc=name, disable=None):
            windows = days[day : day + 15]
            found[day % 7 < 2].append(judged(windows, monitor))
            if day % 7 == 0:
                changed = service.sample(service.rows(DAYS, WEEKEND + SUNDAYS))
                moved.append(judged([changed, *windows[1:]], monitor))
        lines.append(
            [name, *(share(sum(each), len(each)) for each in (found[False], found[True], moved))]
        )
    header = ["windows of 1d", "clean weekdays that alarm", "clean days of a weekend that alarm",
              f"days of a weekend {SUNDAYS:g} sigma further off that alarm"]  # fmt: skip
    return (
        f"{table(header, lines)}\n\n{weeks} weeks of {DAYS:,} predictions a day. On two days of "
        f"seven callers are {WEEKEND:g} sigma older, more educated and longer at work, in the "
        "training data as well."
    )


PARTS: dict[str, Callable[[Service, float], str]] = {
    "clean": clean, "slow_drift": slow_drift, "slow_loss": slow_loss, "season": season,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Path(folder))
        for name in arguments.parts:
            started = time.perf_counter()
            text = PARTS[name](service, arguments.scale)
            scale = "" if arguments.scale == 1 else f" --scale {arguments.scale:g}"
            script = "packages/gatehouse/benchmarks/monitor/alarms.py"
            command = f".venv/bin/python {script} --parts {name}{scale}"
            seconds = time.perf_counter() - started
            write(name, f"`{command}` ({seconds:.0f} s on 2 cores)\n\n{text}")


if __name__ == "__main__":
    main()
