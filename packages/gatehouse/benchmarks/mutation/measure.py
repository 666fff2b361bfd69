"""Mutation score: the share of small defects in the code that the tests notice.

    .venv/bin/python -m uv pip install cosmic-ray==8.7.0    # no lock has it
    .venv/bin/python packages/gatehouse/benchmarks/mutation/measure.py draw    # once: mutants.json
    .venv/bin/python packages/gatehouse/benchmarks/mutation/measure.py run before
    .venv/bin/python packages/gatehouse/benchmarks/mutation/measure.py run after
    .venv/bin/python packages/gatehouse/benchmarks/mutation/measure.py table   # writes RESULTS.md

`draw` lists the mutants that cosmic-ray makes of the modules in `TESTS` (modules.py), and draws
some of them. It leaves out mutants inside annotations, inside `if TYPE_CHECKING:`, on lines with
`pragma: no mutate`, and those that do not compile without a warning. cosmic-ray often makes several
mutants of one kind at one place, such as ten replacements of one `==`. The draw takes at most one
of them.

`run` changes the module on disk, runs only the tests that `TESTS` names for it, and restores the
module. Run it on a clean `src` and leave the clone alone meanwhile. It writes each result at once,
so the same command goes on after an interruption. `run after` leaves out the mutants that survived
before, if before.json is there: they cannot lower the score. To measure other tests with the same
mutants, edit `TESTS` only, and delete the results that other tests gave.

- killed: pytest ends with 1 (a test failed), 2 (a test file cannot be imported) or 4 (a
  conftest.py cannot be imported).
- timeout: the tests take longer than 60 s and than five times their time without a mutant. The
  table counts it as killed.
- survived: all tests pass.
- gone: the function no longer has this line. The score leaves it out.
- error: pytest ends in any other way. The score leaves it out, and the next `run` tries again.

Each run is a fork of one process that has the third-party libraries loaded. Before the first mutant
of a module its tests run without a mutant and must pass; their times decide which tests run first.
Hypothesis does not shrink failing examples, which changes no result.
"""

from __future__ import annotations

import argparse

from draw import draw
from page import table
from runs import run


def main() -> None:
    parser = argparse.ArgumentParser(description="Mutation score of the tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("draw", help="write mutants.json")
    runs = commands.add_parser("run", help="measure the mutants, or go on with it")
    runs.add_argument("name", choices=("before", "after"), help="which results to write")
    commands.add_parser("table", help="write RESULTS.md")
    chosen = parser.parse_args()
    if chosen.command == "draw":
        draw()
    elif chosen.command == "run":
        run(chosen.name)
    else:
        table()


if __name__ == "__main__":
    main()
