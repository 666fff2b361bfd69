"""The `gatehouse` command. Nothing heavy is imported before a command needs it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.adopt.cli import init_command
from gatehouse.command import HELP, command
from gatehouse.demo.cli import demo
from gatehouse.doctor.cli import doctor
from gatehouse.errors import GatehouseError
from gatehouse.exits import FAIL, PASS
from gatehouse.github.cli import group as github_group
from gatehouse.help import SectionedGroup
from gatehouse.monitor.cli import compare, monitor
from gatehouse.noise.cli import noise
from gatehouse.objects.cli import group as objects_group
from gatehouse.privacy.cli import forget_command
from gatehouse.release.cli import group as image_group
from gatehouse.release.cli import promote_command, stage_command
from gatehouse.snapshot.cli import group as data_group
from gatehouse.split_cli import group as split_group
from gatehouse.template.cli import group as template_group
from gatehouse.trusted.cli import judge_change_command
from gatehouse.tune.cli import tune

if TYPE_CHECKING:
    from gatehouse.base import Base
    from gatehouse.verdict import Verdict

_DATA_HELP = "Data source: its name in params.yaml, or a CSV or Parquet file by path or URL."
_BASE_HELP = "Commit, branch or tag to compare with, such as main."


@click.group(cls=SectionedGroup, context_settings=HELP | {"max_content_width": 100})
@click.version_option(package_name="gatehouse")
def main() -> None:
    """Judge a model by evidence: measure, then decide.

    Run in the repository's folder. Exit codes: 0 pass, 1 fail, 2 error in input or settings,
    130 interrupted.
    """
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    os.environ.setdefault("DO_NOT_TRACK", "1")


@main.command()
@click.option("--data", "source", metavar="SOURCE", help=_DATA_HELP)
@click.option("--base", "base_ref", metavar="REF", help=_BASE_HELP)
@command
def run(source: str | None, base_ref: str | None) -> int:
    """Run the pipeline, judge, and write the report.

    Only stages that are out of date run. --data writes the source into params.yaml.
    """
    from gatehouse.judge_files import base_named
    from gatehouse.run import run as run_all
    from gatehouse.tracking import track
    from gatehouse.workspace import Workspace

    base = base_named(base_ref)
    verdict = run_all(source, base)
    code = _show(verdict, base)
    try:
        tracked = track(Workspace(), verdict)
    except GatehouseError as error:  # keep the verdict and its exit code
        tracked = f"warning: {error}"
    if tracked:
        click.echo(tracked, err=True)
    return code


@main.command()
@command
def prepare() -> int:
    """Split the raw rows into train, valid and test.

    The rule is in contract.yaml. A stage of dvc.yaml.
    """
    from gatehouse.contract import load_contract
    from gatehouse.prepare import prepare as prepare_rows

    for line in prepare_rows(load_contract()):
        click.echo(line)
    return PASS


@main.command()
@command
def fingerprints() -> int:
    """Record the code and packages that each stage uses.

    Each stage lists its file in reports/fingerprints as a dependency. So it runs again if a module
    that it imports, or the locked version of a package, changes.
    """
    from gatehouse.fingerprint.stages import write_fingerprints

    write_fingerprints()
    return PASS


@main.command()
@command
def deal() -> int:
    """Split base's and candidate's raw rows by the base's rule.

    The gates do this before they measure: a change brings raw rows, never its own splits.
    """
    from gatehouse.deal import deal_both

    for line in deal_both():
        click.echo(line)
    return PASS


@main.command()
@click.argument("gates", metavar="[GATE]...", nargs=-1)
@click.option("--base", "base_ref", metavar="REF", help=_BASE_HELP)
@command
def measure(gates: tuple[str, ...], base_ref: str | None) -> int:
    """Measure data and model, and write reports/evidence/GATE.json.

    Without GATE, all gates: data, rows, drift, accuracy, fairness, latency, and those in
    policy.yaml. With --base, the policy of that commit says how to measure. Measuring does not
    judge. But if rows break the contract critically, `measure data` exits with 1, which stops the
    pipeline.
    """
    from gatehouse.base import measuring_policy, recorded_base
    from gatehouse.gates.data import DATA, failures
    from gatehouse.gates.own import find_gate, gates_of
    from gatehouse.judge_files import base_named
    from gatehouse.measure import measure_and_write
    from gatehouse.run import set_base
    from gatehouse.workspace import Workspace

    base = base_named(base_ref)
    if base is not None:
        set_base(base)
    policy = measuring_policy()
    chosen = [find_gate(name, policy) for name in gates] or list(gates_of(policy))
    comparison = recorded_base() if any(gate.compares for gate in chosen) else None
    code = PASS
    for gate in chosen:
        evidence, path = measure_and_write(gate, Workspace(), comparison, policy)
        click.echo(f"{gate.name}: {len(evidence.measurements)} measurements in {path}")
        if gate is DATA:
            for measurement in evidence.measurements:
                if measurement.note and measurement.name != "failed_expectations":
                    click.echo(f"  {measurement.note}", err=True)
            if broken := failures(evidence, "critical"):
                click.echo(
                    f"data: {broken} critical expectations of the contract are broken; "
                    "fix the data, or the contract if the data is right",
                    err=True,
                )
                code = FAIL
    return code


@main.command()
@click.option("--base", "base_ref", metavar="REF", help=_BASE_HELP + " Its policy decides.")
@click.option("--policy", metavar="FILE|REF", help="Decide by this policy instead.")
@command
def judge(base_ref: str | None, policy: str | None) -> int:
    """Apply the policy to the evidence; write the verdict and report.

    Missing or unreadable evidence fails, and so does evidence about other data or another model.
    """
    from gatehouse.judge_files import base_named, verdict_on
    from gatehouse.run import write_verdict_and_report
    from gatehouse.workspace import Workspace

    base, candidate = base_named(base_ref), Workspace()
    verdict = verdict_on(candidate, base, policy)
    write_verdict_and_report(candidate, verdict, base)
    return _show(verdict, base)


@main.command()
@click.option("--base", "base_ref", metavar="REF", help=_BASE_HELP)
@command
def report(base_ref: str | None) -> int:
    """Write reports/report.md again from verdict and evidence."""
    from gatehouse.judge_files import base_named
    from gatehouse.run import write_report
    from gatehouse.verdict import Verdict
    from gatehouse.workspace import VERDICT, Workspace

    candidate, verdict = Workspace(), Verdict.read(VERDICT)
    if verdict.candidate != candidate.present():
        raise GatehouseError(
            f"{VERDICT}: is a verdict on other data or another model than are here; "
            "run `gatehouse judge` first"
        )
    click.echo(write_report(candidate, verdict, base_named(base_ref)))
    return PASS


@main.command()
@click.option("--fetch", is_flag=True, help="Fetch the compared base from DVC.")
@command
def site(fetch: bool) -> int:
    """Build the site in reports/site: verdicts, trends, reports.

    Pages without data are omitted; the first page lists them with the command that makes them.
    """
    from gatehouse.base import fetch_recorded_base
    from gatehouse.site.build import SITE, write_site

    if fetch:
        fetch_recorded_base()
    for page in write_site():
        if page.missing:
            click.echo(f"skipped: {page.title}: {page.missing}; run {page.command} first")
        else:
            click.echo(SITE / page.file)
    return PASS


@main.command()
@click.option("--runs", default=1, show_default=True, type=click.IntRange(1),
              help="Repeat with other random draws, and print rates with intervals.")  # fmt: skip
@click.option("--only", metavar="NAME", multiple=True, help="Only this defect; may be repeated.")
@command
def drill(runs: int, only: tuple[str, ...]) -> int:
    """Plant known defects and check that each gate catches its own.

    Works on copies of a finished run (make run). Clean controls must stay green.
    """
    from gatehouse.drill import run_drill

    return PASS if run_drill(Path(), runs, only) else FAIL


@main.command()
@command
def verify() -> int:
    """Reproduce the recorded run from scratch, and compare.

    Clones HEAD into a temporary folder, runs every stage without a cache, and compares data, models
    and evidence with the record in dvc.lock and reports/.
    """
    from gatehouse.verify import verify_head

    return PASS if verify_head(Path()) else FAIL


@main.command()
@command
def card() -> int:
    """Write reports/model_card.md from the evidence."""
    from gatehouse.run import write_card
    from gatehouse.workspace import Workspace

    click.echo(write_card(Workspace()))
    return PASS


@main.command()
@click.argument("folder", default=".gatehouse/schemas", type=click.Path(path_type=Path))
@command
def schemas(folder: Path) -> int:
    """Write the JSON Schemas of the typed files."""
    from gatehouse.schemas import write_schemas

    for path in write_schemas(folder):
        click.echo(path)
    return PASS


@main.command("set")
@click.argument("assignments", metavar="KEY=VALUE...", nargs=-1, required=True)
@command
def set_(assignments: tuple[str, ...]) -> int:
    """Change settings in params.yaml.

    Comments stay. If one setting is wrong, none is written.

    For example: gatehouse set train.seed=1 train.torch_mlp.hidden='[64, 64]' data.adult.folder=null

    data=SOURCE does what `gatehouse run --data SOURCE` does.
    """
    from gatehouse.params import parse_settings, set_values
    from gatehouse.places import PARAMS
    from gatehouse.source import source_settings

    changes = parse_settings(assignments)
    if isinstance(changes.get("data"), str):
        changes = source_settings(changes.pop("data")) | changes
    changed = set_values(changes)
    for change in changed:
        click.echo(f"{PARAMS}: {change}")
    if not changed:
        click.echo(f"{PARAMS}: already set; nothing changed")
    return PASS


@main.command()
@click.argument("word")
@command
def explain(word: str) -> int:
    """Explain a rule, gate, measurement, key, alert or term.

    For example: gatehouse explain accuracy-floor, or demographic_parity_difference, or ModelSlow.
    """
    from gatehouse.explain import explain as explain_word

    click.echo("\n\n".join(explain_word(word, Path())))
    return PASS


@main.group()
def lock() -> None:
    """Merge dvc.lock by stages instead of by lines (docs/merging.md)."""


@lock.command()
@command
def resolve() -> int:
    """Resolve dvc.lock and the generated reports during a merge or rebase.

    Removes stages that both sides changed from dvc.lock, so `make run` runs them again. Keeps our
    generated reports until then. Leaves all other conflicts, and lists them.
    """
    from gatehouse.lock.resolve import explain
    from gatehouse.lock.resolve import resolve as resolve_conflicts

    for line in explain(resolve_conflicts()):
        click.echo(line)
    return PASS


@lock.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@command
def merge(base: Path, ours: Path, theirs: Path) -> int:
    """Merge three lock files into OURS; `make setup` installs this as Git's merge driver."""
    from gatehouse.lock import merge_locks
    from gatehouse.lock.resolve import explain_merge
    from gatehouse.typed import read_text, write_text

    merged = merge_locks(read_text(base), read_text(ours), read_text(theirs))
    write_text(ours, merged.text)
    click.echo(explain_merge(merged))
    return PASS


main.add_command(init_command)
main.add_command(data_group)
main.add_command(split_group)
main.add_command(github_group)
main.add_command(image_group)
main.add_command(stage_command)
main.add_command(promote_command)
main.add_command(objects_group)
main.add_command(template_group)
main.add_command(judge_change_command)
main.add_command(forget_command)
main.add_command(demo)
main.add_command(doctor)
main.add_command(tune)
main.add_command(noise)
main.add_command(monitor)
main.add_command(compare)


def _show(verdict: Verdict, base: Base | None = None) -> int:
    from gatehouse.acceptance.offer import needs
    from gatehouse.report.terminal import print_verdict
    from gatehouse.verdict import Outcome

    policy = base.policy if base else None
    decided = policy is not None and policy.digest == verdict.policy
    needed = needs(verdict, policy) if policy is not None and decided else ()
    with contextlib.suppress(SystemExit):  # rich exits with 1 if the reader closed the pipe
        print_verdict(verdict, needs=needed)
    return PASS if verdict.outcome is Outcome.PASS else FAIL


if __name__ == "__main__":
    main()
