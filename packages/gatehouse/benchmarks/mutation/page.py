"""RESULTS.md: the score of each module."""

from __future__ import annotations

import json
from collections import Counter

from draw import MUTANTS, load
from modules import HERE, TESTS
from mutant import Mutant, words
from results import Results

COMMAND = ".venv/bin/python packages/gatehouse/benchmarks/mutation/measure.py"

RESULTS = HERE / "RESULTS.md"


def table() -> None:
    """Write RESULTS.md from the results that there are."""
    mutants = load()
    drawn = json.loads(MUTANTS.read_text("utf-8"))["drawn"]
    runs = {
        name: Results.read(HERE / f"{name}.json")
        for name in ("before", "after")
        if (HERE / f"{name}.json").exists()
    }
    groups = {module: [each for each in mutants if each.module == module] for module in TESTS}
    rows = [("all", mutants), *((name, group) for name, group in groups.items() if group)]
    head = ["module", "mutants"]
    for name in runs:
        head += [f"{name}: killed", "survived", "other"]
    head.insert(5, "score")
    lines = [
        "# Mutation score",
        "",
        "A mutant is a copy of the code with one small defect. The tests kill it if one of them "
        "fails. The score is the share of mutants that the tests of their module kill.",
        "",
        f"`{COMMAND} draw` drew {len(mutants)} mutants from "
        f"{drawn['places']:,} places in commit {drawn['commit'][:7]} (seed {drawn['seed']}), with "
        "the operators of cosmic-ray 8.7.0. The first lines of the script say how it draws. "
        "`TESTS` in modules.py says which tests belong to a module.",
        "",
        *(
            f"- {name}: `{COMMAND} run {name}` at commit {found.commit[:7]}, {_minutes(found)}"
            for name, found in runs.items()
        ),
        "",
        f"`{COMMAND} table` writes this page. Killed includes "
        "timeouts. Other mutants are gone, not measured, or ended in an error; the score leaves "
        "them out. Those that survived before are not measured after. Some survivors change "
        "nothing that a test could see, so 100 % is out of "
        "reach.",
        "",
        f"| {' | '.join(head)} |",
        f"| :--- {'| ---: ' * (len(head) - 1)}|",
    ]
    for name, group in rows:
        cells = [cell for found in runs.values() for cell in _cells(found.counts(group))]
        cells.insert(3, _score(runs["before"].counts(group)))
        lines.append(f"| {' | '.join([name, str(len(group)), *cells])} |")
    if len(runs) == len(("before", "after")):
        lines += _changed(mutants, runs["before"], runs["after"])
    RESULTS.write_text("\n".join(lines).rstrip() + "\n", "utf-8")
    print("\n".join(lines))


def _changed(mutants: list[Mutant], before: Results, after: Results) -> list[str]:
    """The score over mutants that both runs measured, and those that they disagree on."""
    counted = ("killed", "timeout", "survived")
    both = [m for m in mutants if before.status(m) in counted and after.status(m) in counted]
    lines = [
        "",
        f"Of the {len(both)} mutants that both runs measured, the tests killed "
        f"{_killed(before.counts(both))} before and {_killed(after.counts(both))} after.",
    ]
    for title, old, new in (
        ("Killed only before", before, after),
        ("Killed only after", after, before),
    ):
        found = [m for m in both if old.status(m) != "survived" and new.status(m) == "survived"]
        lines += ["", f"{title}: {len(found)}", ""]
        lines += [f"- {m.number}: `{words(m)}`" for m in found]
    return lines


def _killed(counts: Counter[str]) -> int:
    return counts["killed"] + counts["timeout"]


def _score(counts: Counter[str]) -> str:
    of = _killed(counts) + counts["survived"]
    return f"{_killed(counts) / of:.0%}" if of else ""


def _cells(counts: Counter[str]) -> list[str]:
    rest = sum(counts[each] for each in ("gone", "error", "open"))
    return [str(_killed(counts)), str(counts["survived"]), str(rest)]


def _minutes(found: Results) -> str:
    seconds = sum(each.get("seconds", 0.0) for each in found.mutants.values())
    seconds += sum(each["seconds"] + each["again"] for each in found.tests.values())
    return f"{seconds / 60:.0f} minutes"
