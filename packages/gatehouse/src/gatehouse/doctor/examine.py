"""All checks, in the order in which to fix their findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from gatehouse.doctor import disk, environment, github, remote, settings, tools, work_tree
from gatehouse.doctor.finding import Answer, Area, Finding, Level
from gatehouse.errors import GatehouseError
from gatehouse.github.settings_api import Api

Check = Callable[[Path], Iterable[Finding]]
_ORDER = (Level.PROBLEM, Level.WARNING)


def examine(root: Path, api: Api | None, say: Callable[[str], None], *, write: bool) -> Answer:
    """Run every check.

    Args:
        root: the repository's folder.
        api: GitHub, or None to skip its checks.
        say: called with each step that can take a while.
        write: also try to write to the DVC remote.
    """
    checks: list[tuple[Area, str, Check]] = [
        (tools.AREA, "", tools.check_tools),
        (disk.AREA, "", disk.check_disk),
        (environment.AREA, "comparing .venv with the locks", environment.check_environment),
        (work_tree.AREA, "", work_tree.check_git),
        (settings.AREA, "", settings.check_settings),
        (remote.AREA, "asking the DVC remote", partial(remote.check_remote, write=write)),
        (github.AREA, "", github.check_workflows),
    ]
    if api is not None:
        check_github = partial(github.check_github, api=api)
        checks.append((github.AREA, "asking GitHub", check_github))
    findings: list[Finding] = []
    for area, doing, check in checks:
        if doing:
            say(f"... {doing}")
        findings += _found(area, check, root)
    return Answer(
        fine=all(each.level is not Level.PROBLEM for each in findings), findings=tuple(findings)
    )


def _found(area: Area, check: Check, root: Path) -> Iterable[Finding]:
    """Yield the check's findings, up to an error that ends it."""
    try:
        yield from check(root)
    except GatehouseError as error:
        yield area.problem(str(error), "fix this, then run gatehouse doctor again")


def lines(answer: Answer) -> Iterable[str]:
    """Return the answer as text: the findings, then the fixes."""
    width = max(len(level) for level in Level)
    last = ""
    for each in answer.findings:
        if each.area != last:
            yield each.area
            last = each.area
        yield f"  {each.level:{width}}  {_indented(each.text, width + 4)}"
    wanted = [each for level in _ORDER for each in answer.findings if each.level is level]
    wanted = [each for each in wanted if each.fix]
    if wanted:
        yield "\nto fix, in this order:"
    for number, each in enumerate(wanted, start=1):
        yield f"{number:3}. [{each.level}, {each.area}] {_indented(each.text, 5)}"
        yield f"     {_indented(each.fix, 5)}"
    unseen = [each for each in answer.findings if each.level is Level.UNSEEN]
    if unseen:
        yield "\ncould not be seen:"
    for each in unseen:
        yield f"     {each.text}" + (f" ({each.fix})" if each.fix else "")
    problems = sum(each.level is Level.PROBLEM for each in answer.findings)
    warnings = sum(each.level is Level.WARNING for each in answer.findings)
    yield f"\nproblems: {problems}, warnings: {warnings}"


def _indented(text: str, by: int) -> str:
    return ("\n" + " " * by).join(text.splitlines())
