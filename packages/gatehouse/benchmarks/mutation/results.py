"""A file of results: what became of each mutant."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from forks import Run
from modules import FOLDER, commit_here, files_of
from mutant import Mutant, words


@dataclass
class Results:
    """A results file: one line for each set of tests, and one for each mutant."""

    path: Path
    commit: str
    tests: dict[str, dict[str, Any]]
    mutants: dict[str, dict[str, Any]]

    @classmethod
    def read(cls, path: Path) -> Results:
        if not path.exists():
            return cls(path, commit_here(), {}, {})
        found = json.loads(path.read_text("utf-8"))
        return cls(path, found["commit"], found["tests"], found["mutants"])

    def needs(self, mutant: Mutant) -> bool:
        return self.status(mutant) in (None, "error")

    def status(self, mutant: Mutant) -> str | None:
        status: str | None = self.mutants.get(str(mutant.number), {}).get("status")
        return status

    def add(self, mutant: Mutant, status: str, run: Run | None = None) -> None:
        found: dict[str, Any] = {"status": status, "what": words(mutant)}
        if run:
            found |= {"code": run.code, "seconds": round(run.seconds, 1)}
        if run and run.failed:
            found["by"] = test_name(run.failed)
        self.mutants[str(mutant.number)] = found
        self.write()

    def add_tests(self, module: str, natural: Run, ordered: Run) -> None:
        totals: dict[str, float] = {}  # a test with all its parameters is one
        for name, seconds in natural.tests.items():
            totals[test_name(name)] = totals.get(test_name(name), 0.0) + seconds
        slowest = sorted(totals, key=lambda name: -totals[name])[:3]
        self.tests[" ".join(files_of(module))] = {
            "tests": len(natural.tests),
            "seconds": round(natural.seconds, 1),
            "again": round(ordered.seconds, 1),
            "slowest": {name: round(totals[name], 1) for name in slowest},
        }
        self.write()

    def write(self) -> None:
        def lines(found: dict[str, dict[str, Any]]) -> str:
            return ",\n".join(f"{json.dumps(key)}: {json.dumps(found[key])}" for key in found)

        text = (
            f'{{"commit": "{self.commit}",\n"tests": {{\n{lines(self.tests)}\n}},\n'
            f'"mutants": {{\n{lines(self.mutants)}\n}}}}\n'
        )
        new = self.path.with_suffix(".new")
        new.write_text(text, "utf-8")
        new.replace(self.path)

    def counts(self, mutants: Iterable[Mutant] | None = None) -> Counter[str]:
        if mutants is None:
            return Counter(each["status"] for each in self.mutants.values())
        return Counter(self.status(each) or "open" for each in mutants)


def test_name(name: str | None) -> str:
    """A test's name without its parameters, which may hold anything."""
    return (name or "").partition("[")[0].removeprefix(FOLDER)
