"""Mutated candidates through the whole measuring: each gate a process, then the judge."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from gatehouse.judge_files import verdict_on
from gatehouse.trusted.candidate import check_outputs
from gatehouse.trusted.measuring import measure_all
from gatehouse.verdict import Outcome
from gatehouse.workspace import MODEL, Workspace
from tests.fuzz.campaign import Target
from tests.fuzz.seeds import Candidate, bad_rows, blind_model
from tests.fuzz.structures import model_file, table_file
from tests.fuzz.targets import ROWS


def whole_targets(folder: Path) -> list[Target]:
    """Candidates that no mutation can mend; the lock fits."""
    rows, model = bad_rows(folder / "rows"), blind_model(folder / "model")
    return [
        Target("table, all gates, lock fits", table_file((rows.root / ROWS).read_bytes()),
               _judged(rows, ROWS)),
        Target("model, all gates, lock fits", model_file((model.root / MODEL).read_bytes()),
               _judged(model, MODEL)),
    ]  # fmt: skip


def _judged(made: Candidate, path: Path) -> Callable[[bytes], str]:
    def attempt(data: bytes) -> str:
        (made.root / path).write_bytes(data)
        made.relock()
        check_outputs(made.root)
        unmeasured = measure_all(made.root, "0" * 64).unmeasured
        for reason in unmeasured.values():
            assert not re.match(r"[\w.]+(Error|Exception): ", reason), (
                f"a traceback for a reason: {reason}"
            )
        verdict = verdict_on(Workspace(made.root), unmeasured=unmeasured)
        assert verdict.outcome is Outcome.FAIL
        return "refused" if unmeasured else "red"

    return attempt
