"""CPU seconds and memory of the row ledger, of dealing rows, and of the digest of rows.

    .venv/bin/python packages/gatehouse/benchmarks/gates/ledger.py [--rows 1000000 10000000]

Simulated rows, 15 columns: a base, and a candidate that lacks 1 % of its rows and has 5 % more.
Each step runs in a fresh process on Parquet files on disk, after its libraries are imported;
seconds are CPU seconds of the process with all its threads, and memory is its largest resident
set, libraries included.
"""

from __future__ import annotations

import tempfile
import time
from itertools import pairwise
from pathlib import Path

from results import table, write
from steps import asked_rows, mebibytes, run_step

ROWS = [1_000_000, 10_000_000]


def prepare(folder: Path, rows: int) -> None:
    """A base, and a candidate of mostly the same rows."""
    import pandas as pd

    from gatehouse.samples.simulate import simulate
    from gatehouse.table import write_table

    frame = simulate(rows, 1)
    write_table(frame, folder / "base/rows.parquet")
    more = pd.concat([frame.iloc[rows // 100 :], simulate(rows // 20, 2)])
    write_table(more, folder / "candidate/rows.parquet")


def ledger(folder: Path, _: int) -> dict[str, float]:
    """Seconds to deal both sides, to match them, and to look for near-copies; rows of both."""
    import pandas  # noqa: F401
    import pyarrow.compute  # noqa: F401

    from gatehouse.contract import load_contract
    from gatehouse.ledger.leak import Exam
    from gatehouse.ledger.ledger import deal_parts, keep_ledger
    from gatehouse.ledger.parts import raw_parts

    contract = load_contract()
    times = [time.process_time()]
    old, new = (
        deal_parts(tuple(raw_parts(folder / name)), contract.split, official_test=False)
        for name in ("base", "candidate")
    )
    times.append(time.process_time())
    keep_ledger(old, new, contract)
    times.append(time.process_time())
    exam = Exam(old, list(contract.inputs))
    exam.twins(old)
    exam.twins(new)
    times.append(time.process_time())
    deal, match, leak = (after - before for before, after in pairwise(times))
    return {
        "deal": deal,
        "match": match,
        "leak": leak,
        "rows": len(old) + len(new),
        "mib": mebibytes(),
    }


def digest(folder: Path, _: int) -> dict[str, float]:
    """Seconds for the digest of the base's rows."""
    import pandas  # noqa: F401
    import pyarrow.compute  # noqa: F401

    from gatehouse.ledger.digest import rows_digest
    from gatehouse.ledger.parts import raw_parts

    started = time.process_time()
    rows_digest(list(raw_parts(folder / "base")))
    return {"digest": time.process_time() - started, "mib": mebibytes()}


def main() -> None:
    started = time.perf_counter()
    steps = {"prepare": prepare, "ledger": ledger, "digest": digest}
    asked = asked_rows(__doc__, ROWS, steps)
    lines = []
    for rows in asked:
        with tempfile.TemporaryDirectory() as folder:
            run_step("prepare", folder, rows)
            found = run_step("ledger", folder, rows)
            hashed = run_step("digest", folder, rows)
        millions, parts = found["rows"] / 1e6, [found[name] for name in ("deal", "match", "leak")]
        lines.append([
            f"{rows:,}", *(f"{part / millions:.2f}" for part in parts),
            f"{sum(parts) / millions:.2f}", f"{found['mib']:,.0f}",
            f"{hashed['digest'] / (rows / 1e6):.2f}", f"{hashed['mib']:,.0f}",
        ])  # fmt: skip
    header = [
        "rows of the base", "deal", "match", "near-copies", "together", "MiB", "digest", "MiB",
    ]  # fmt: skip
    text = f"""{table(header, lines)}

CPU seconds for each million rows that are read: those of the base and of the candidate, which has
1 % of the base's rows fewer and 5 % more of its own; the digest reads one side. 15 columns. MiB is
the largest resident set, libraries included."""
    write("ledger", "Rows: CPU seconds and memory", text, started)


if __name__ == "__main__":
    main()
