"""CPU seconds and memory of the accuracy gate's numbers, scoring left out.

    .venv/bin/python packages/gatehouse/benchmarks/coverage/speed.py [--rows 60000 1000000]

Two models of simulated rows, every metric of both and of their difference. Each size runs in a
process of its own. For the bootstrap it replaced, 60,000 rows are drawn 200 times and scaled to
2,000 resamples, which cost the same each.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path

OUT = Path(__file__).with_name("SPEED.md")
RESAMPLES = 200


def measure(rows: int) -> dict[str, float]:
    """CPU seconds and MiB of one size, with the widest difference from the bootstrap's ends."""
    import numpy as np
    from cases import CASES

    from gatehouse.evidence import Of
    from gatehouse.gates.accuracy import AccuracyMeasure
    from gatehouse.gates.accuracy.measure import measure_models
    from gatehouse.gates.bootstrap import bootstrap
    from gatehouse.gates.metrics.figures import figures
    from gatehouse.policy import load_policy

    policy = load_policy(Path("policy.yaml"))
    ours, theirs = CASES[0].make(rows, np.random.default_rng(0))
    started = time.process_time()
    found = measure_models({Of.CANDIDATE: ours, Of.BASE: theirs}, policy)
    used = time.process_time() - started
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if rows > 100_000:
        return {"closed": used, "mib": largest}
    started = time.process_time()
    over = {(of, f.metric.name): f.over for of, p in (("c", ours), ("b", theirs))
            for f in figures(p, AccuracyMeasure(calibration_bins=15))}  # fmt: skip
    drawn = bootstrap(over, rows, RESAMPLES, 0)
    before = (time.process_time() - started) * policy.measure.resamples / RESAMPLES
    apart = 0.0
    for m in found:
        if m.name.startswith("calibration") or m.interval is None:  # units of their own
            continue
        ours_drawn, theirs_drawn = drawn["c", m.name], drawn["b", m.name]
        values = {Of.CANDIDATE: ours_drawn, Of.BASE: theirs_drawn}.get(m.of)
        error = np.std(ours_drawn - theirs_drawn if values is None else values, ddof=1)
        apart = max(apart, abs(1.96 * error - (m.interval.high - m.interval.low) / 2))
    return {"closed": used, "mib": largest, "before": before, "apart": float(apart)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[60_000, 1_000_000])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(measure(asked.one)))
        return
    lines = []
    for rows in asked.rows:
        command = [sys.executable, sys.argv[0], "--one", str(rows)]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        each = json.loads(done.stdout)
        before = f"{each['before']:.1f}" if "before" in each else ""
        ratio = f"{each['before'] / each['closed']:.0f}" if "before" in each else ""
        apart = f"{each['apart']:.5f}" if "apart" in each else ""
        first = f"{rows:,} | {each['closed']:.2f} | {each['mib']:,.0f}"
        lines.append(f"| {first} | {before} | {ratio} | {apart} |")
    text = "\n".join([
        "# CPU seconds of the accuracy gate's numbers", "",
        "`.venv/bin/python packages/gatehouse/benchmarks/coverage/speed.py`; two models, scoring "
        "left out.", "",
        "| rows | CPU s | MiB | bootstrap: CPU s | ratio | half widths differ by at most |",
        "|---|---|---|---|---|---|", *lines, "",
    ])  # fmt: skip
    OUT.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
