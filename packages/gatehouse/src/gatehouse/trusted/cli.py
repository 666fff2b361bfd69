"""`gatehouse judge-change`: the gates for a CI other than GitHub."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.command import HELP, command
from gatehouse.exits import FAIL, PASS


@click.command("judge-change", context_settings=HELP)
@click.argument("commit")
@click.argument("candidate", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@command
def judge_change_command(commit: str, candidate: Path, out: Path) -> int:
    """Judge a change's data and models, in a CI other than GitHub.

    Run it in a checkout of the target branch, whose code and policy decide, and which has fetched
    COMMIT, the change's. CANDIDATE is the folder with the change's data/raw and models, of which
    nothing is run. OUT gets report.md, verdict.svg and verdict.json. docs/other-ci has examples.
    """
    from gatehouse.report.terminal import print_verdict
    from gatehouse.trusted.judge_change import judge_change
    from gatehouse.verdict import Outcome

    verdict = judge_change(commit, candidate, out)
    print_verdict(verdict, report=str(out / "report.md"))
    return PASS if verdict.outcome is Outcome.PASS else FAIL
