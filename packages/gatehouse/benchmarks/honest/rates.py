"""How often honest changes are red, or get a new warning, by the size of the table.

    OMP_NUM_THREADS=1 .venv/bin/python packages/gatehouse/benchmarks/honest/rates.py

For each size, `gatehouse init` adopts 20 simulated tables, and a base is trained on each. Then 40
changes of each of five kinds are trained, measured by the real gates and judged by the policy that
`init` wrote. Tables of 30,000 rows are judged by the policy of this repository too.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[4]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "src")]

from changes import BASES, KINDS, Result, measured, result  # noqa: E402

from gatehouse.policy import load_policy  # noqa: E402

SIZES = (1_000, 3_000, 30_000)
TABLES, PER_KIND, TIMED = 20, 40, 10


def lay(root: Path) -> None:
    """Copy what `gatehouse init` needs."""
    for name in ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml", "dvc.yaml"):
        shutil.copyfile(ROOT / name, root / name)
    shutil.copytree(ROOT / ".github", root / ".github")


def summary(name: str, results: Sequence[Result]) -> str:
    """One row of the table."""
    by_design = sum(bool(each.owners) for each in results)
    red = sum(bool(each.wrongly) for each in results)
    warned = sum(bool(each.warned) for each in results)
    why = Counter(rule for each in results for rule in (*sorted(each.wrongly), *each.warned))
    rules = ", ".join(f"{rule} {count}" for rule, count in why.most_common()) or "none"
    return f"| {name} | {len(results)} | {by_design} | {red} | {warned} | {rules} |"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--per-kind", type=int, default=PER_KIND)
    parser.add_argument("--tables", type=int, default=TABLES)
    parser.add_argument("--timed", type=int, default=TIMED, help="changes with latency")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    own = load_policy(ROOT / "policy.yaml")
    # The contract of this repository lists other categories than that of `init`.
    rules = {name: rule for name, rule in own.rules.items() if name != "data-warning"}
    own = own.model_copy(update={"rules": rules})
    bases = [BASES[table % len(BASES)] for table in range(options.tables)]
    print("| rows, policy: kind | changes | need an owner by design | red otherwise "
          "| with a new warning | rules |\n|---|---:|---:|---:|---:|---|")  # fmt: skip
    for size in options.sizes:
        started = time.process_time()
        found: dict[str, list[Result]] = {}
        for kind, change in measured(lay, size, options.per_kind, bases, options.timed):
            policies = {"init": change.fork.policy, "this repository": own}
            for name, policy in policies.items():
                if policy.measure == change.fork.policy.measure:
                    found.setdefault(name, []).append(result(kind, change, policy))
        for policy, results in found.items():
            for kind in KINDS:
                chosen = [each for each in results if each.kind == kind]
                print(summary(f"{size:,}, {policy}: {kind}", chosen))
            print(summary(f"**{size:,}, {policy}: all**", results), flush=True)
            for each in results:
                for rule in (*each.wrongly, *each.warned):
                    print(f"{size:,}, {policy}: {each.kind} ({each.about}): {rule}: "
                          f"{(each.red | each.warned)[rule]}", file=sys.stderr)  # fmt: skip
        print(f"{size:,}: {time.process_time() - started:.0f} CPU s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
