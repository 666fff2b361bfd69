"""Seconds and memory of the data and drift gates on 30 thousand, 1 and 10 million rows.

    .venv/bin/python packages/gatehouse/benchmarks/gates/scaling.py [--rows 30000 1000000 10000000]

Simulated rows, 15 columns. Each gate runs in a fresh process on Parquet files on disk, so seconds
include importing libraries and reading; memory is the process's largest resident set.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from functools import partial
from pathlib import Path

from results import table, write
from steps import asked_rows, mebibytes, run_step

ROWS = [30_000, 1_000_000, 10_000_000]
GATES = ("data", "drift")


def prepare(folder: Path, rows: int) -> None:
    """A candidate and a base of different rows; what each gate reads of them."""
    from gatehouse.samples.simulate import simulate
    from gatehouse.table import write_table

    for name, seed in (("candidate", 1), ("base", 2)):
        frame = simulate(rows, seed)
        write_table(frame, folder / name / "data/prepared/train.parquet")
        if name == "candidate":
            write_table(frame, folder / name / "data/raw/rows.parquet")
        shutil.copy("contract.yaml", folder / name / "contract.yaml")


def measure(gate: str, folder: Path, _: int) -> dict[str, float]:
    """One gate's work on the tables; the predictions, which need a model, are left out."""
    started = time.perf_counter()
    from gatehouse.policy import load_policy
    from gatehouse.workspace import Workspace

    candidate, base = Workspace(folder / "candidate"), Workspace(folder / "base")
    policy = load_policy(Path("policy.yaml"))
    if gate == "data":
        from gatehouse.gates.data import measure as data

        rows = data.read_raw(candidate)
        read = time.perf_counter()
        _, results = data.validate(rows, candidate.contract)
        failed = [str(result) for result in results if not result.success]
        if failed:
            raise SystemExit(f"clean rows failed: {failed}")
    else:
        from gatehouse.gates.drift import measure as drift

        old, new = base.split("train"), candidate.split("train")
        read = time.perf_counter()
        columns = list(candidate.contract.columns)
        drift.adjusted(
            drift.compare_tables(old, new, columns, policy.measure.drift, policy.measure.seed)
        )
    now = time.perf_counter()
    return {"read": read - started, "seconds": now - started, "mib": mebibytes()}


def main() -> None:
    started = time.perf_counter()
    steps = {"prepare": prepare} | {gate: partial(measure, gate) for gate in GATES}
    asked = asked_rows(__doc__, ROWS, steps)
    found: dict[tuple[int, str], dict[str, float]] = {}
    for rows in asked:
        with tempfile.TemporaryDirectory() as folder:
            run_step("prepare", folder, rows)
            for gate in GATES:
                found[rows, gate] = run_step(gate, folder, rows)
    lines = []
    for before, rows in zip([None, *asked], asked, strict=False):
        both = sum(found[rows, gate]["seconds"] for gate in GATES)
        line = [f"{rows:,}"]
        for gate in GATES:
            one = found[rows, gate]
            line += [f"{one['seconds']:.1f} ({one['read']:.1f})", f"{one['mib']:,.0f}"]
        growth = "" if before is None else (
            f"{rows / before:.1f}, {both / sum(found[before, g]['seconds'] for g in GATES):.1f}"
        )  # fmt: skip
        lines.append([*line, f"{both:.1f}", growth])
    header = [
        "rows", "data: s (of it reading)", "MiB", "drift: s (of it reading)", "MiB", "together: s",
        "growth of rows, of seconds",
    ]  # fmt: skip
    text = f"""{table(header, lines)}

15 columns, each gate in a fresh process, imports and reading included; the drift gate reads two
tables and compares at most 100,000 rows of each. Predictions need a model and are left out. MiB is
the largest resident set."""
    write("scaling", "Data and drift gates: seconds and memory by rows", text, started)


if __name__ == "__main__":
    main()
