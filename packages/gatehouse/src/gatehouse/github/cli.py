"""`gatehouse github`: what the workflows run, and the settings of a repository on GitHub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gatehouse.command import HELP, command
from gatehouse.exits import PASS
from gatehouse.github.job import access_here, default_branch, event_here
from gatehouse.github.keyless import keyless

if TYPE_CHECKING:
    from gatehouse.github.going_on import Obstacle


@click.group("github", context_settings=HELP)
def group() -> None:
    """Commands of the workflows; settings of a GitHub repository."""


group.add_command(keyless)


@group.command()
@click.option("--runner", required=True, metavar="TEXT", help="Description of the runner.")
@command
def announce(runner: str) -> int:
    """Set the pending status: what is running, and where. For gates.yml."""
    from gatehouse.github.client import connect
    from gatehouse.github.publish import announce as announce_run
    from gatehouse.policy import load_policy

    repository = connect()
    event, bases = event_here(repository), load_policy().bases
    announce_run(repository, connect("STATUS_TOKEN"), event, runner, bases)
    return PASS


_WORK = click.argument("work", type=click.Path(path_type=Path, exists=False))


@group.command()
@_WORK
@click.option("--megabytes", default=500, show_default=True, type=click.IntRange(1),
              help="Largest size of a candidate.")  # fmt: skip
@command
def fetch(work: Path, megabytes: int) -> int:
    """Fetch a pull request's candidate and its base into WORK, a new folder. For gates.yml.

    Run in a checkout of the default branch, as `measure` and `judge` are: code and policy are the
    base's, and the candidate is read as data. The exit code is 0 whatever was found.
    """
    from gatehouse.github.client import connect
    from gatehouse.github.fetch_step import fetch_run
    from gatehouse.trusted.handover import Place

    repository = connect()
    found = fetch_run(repository, event_here(repository), Place(Path(), work), megabytes)
    # One line: the runner interprets lines that begin with ::, and the text may be untrusted.
    why = (
        ""
        if found.stopped is None
        else f"nothing to measure: {' '.join(found.stopped.why.split())}"
    )
    click.echo(why or f"fetched: {len(found.files)} files of {found.head}")
    return PASS


@group.command()
@_WORK
@command
def measure(work: Path) -> int:
    """Measure what `fetch` left in WORK. For gates.yml, in a step without token and key.

    Each file of the candidate is opened in a process apart: as another user and without network,
    where the machine allows it.
    """
    from gatehouse.trusted.handover import Place
    from gatehouse.trusted.measuring import measure_run

    measure_run(Place(Path(), work))
    return PASS


@group.command()
@_WORK
@click.argument("folder", type=click.Path(path_type=Path, exists=False))
@click.option("--fetched", required=True, metavar="SHA256", help="Of WORK/fetched.json.")
@click.option("--measured", required=True, metavar="SHA256", help="Of WORK/measured.json.")
@command
def judge(work: Path, folder: Path, fetched: str, measured: str) -> int:
    """Judge what `measure` found in WORK, and write the answer to FOLDER. For gates.yml.

    The exit code is 0 whatever the verdict; `publish` tells it.
    """
    from gatehouse.github.client import connect
    from gatehouse.github.judge_step import judge_run
    from gatehouse.trusted.handover import Place

    place, repository = Place(Path(), work), connect()
    judged = judge_run(repository, event_here(repository), place, folder, fetched, measured)
    # One line: the runner interprets lines that begin with ::, and the text may be untrusted.
    click.echo(f"{judged.overall.state}: {judged.overall.description}")
    return PASS


@group.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--author", default="github-actions[bot]", show_default=True,
              help="Login that our token writes as.")  # fmt: skip
@command
def comment(folder: Path, author: str) -> int:
    """Write FOLDER's comment on the pull request; later runs edit it."""
    from gatehouse.github.client import connect
    from gatehouse.github.comment import comment as comment_on
    from gatehouse.github.find_target import find_target
    from gatehouse.trusted.judgement import COMMENT, JUDGED, Judgement

    repository = connect()
    event = event_here(repository)
    target = find_target(repository, event)
    if target is None or target.pull is None or not (folder / COMMENT).exists():
        click.echo("nothing to say on a pull request")
        return PASS
    quiet = Judgement.read(folder / JUDGED).quiet
    by = comment_on(repository, target.pull, target.head, folder / COMMENT, author, quiet=quiet)
    click.echo(f"commented on #{target.pull}, by {by}" if by else "the policy asks for no comment")
    return PASS


_OUTPUTS = click.option(
    "--outputs", required=True, metavar="FILE", type=click.Path(path_type=Path, exists=False),
    help="Written if a later job has something to do: outputs for a step of a workflow.",
)  # fmt: skip


@group.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--stored", is_flag=True,
              help="Take the answer of an earlier run of Gates, into FOLDER.")  # fmt: skip
@click.option("--comment", required=True, metavar="FILE",
              type=click.Path(path_type=Path, exists=False),
              help="Written where the run was recorded: the comment with its picture.")  # fmt: skip
@_OUTPUTS
@command
def publish(folder: Path, outputs: Path, comment: Path, stored: bool) -> int:
    """Set the statuses that FOLDER asks for, and record the run on its branch."""
    from gatehouse.github.annotate import annotate
    from gatehouse.github.publish import publish as publish_run
    from gatehouse.github.settled_comment import settled_comment
    from gatehouse.policy import load_policy
    from gatehouse.typed import write_text

    access = access_here()
    event, bases = event_here(access.contents), load_policy().bases
    settled = publish_run(access, event, folder, bases, stored=stored)
    if settled is None:
        return PASS
    if settled.recorded or not stored:  # otherwise they are already stored
        annotate(access.contents, settled.recorded or settled.judged.head, settled.judged.notes)
    again, recorded = settled.again, settled.recorded
    if again and recorded and settled.pull and settled.going_on is None:
        head = settled.judged.head
        write_text(comment, settled_comment(again, settled.pull, head, recorded, recorded=True))
        write_text(outputs, f"recorded={settled.pull}\n")
    if settled.going_on is not None and settled.pull is not None:
        settled.going_on.write(outputs, settled.pull)
    return PASS


@group.command()
@click.argument("folder", type=click.Path(path_type=Path, exists=False))
@click.option("--work", required=True, type=click.Path(path_type=Path, exists=False),
              help="A new folder for the gates' answer.")  # fmt: skip
@_OUTPUTS
@command
def accept(folder: Path, work: Path, outputs: Path) -> int:
    """Judge the newest answer again with the current comments. For accept.yml.

    Nothing is measured. What the gates' comment then says is left in FOLDER.
    """
    from gatehouse.github.accept import accept as accept_words
    from gatehouse.github.accept import read_comment_event
    from gatehouse.github.client import setting
    from gatehouse.policy import load_policy

    event = read_comment_event(Path(setting("GITHUB_EVENT_PATH")))
    bases = load_policy().bases
    answer = accept_words(access_here(), event, folder, work, bases)
    if answer.going_on is not None:
        answer.going_on.write(outputs, event.issue.number)
    # One line: the runner interprets lines that begin with ::, and the text may be untrusted.
    click.echo(f"said: {' '.join(answer.text.split())}")
    return PASS


@group.command("go-on")
@click.argument("number", type=click.IntRange(1))
@click.option("--obstacle", type=click.Choice(["", "workflows", "owned", "refused"]), default="",
              help="Why the change can't be continued automatically; empty if it can.")  # fmt: skip
@click.option("--author", default="github-actions[bot]", show_default=True,
              help="Login that our token writes as.")  # fmt: skip
@command
def go_on(number: int, obstacle: Obstacle | Literal[""], author: str) -> int:
    """Open the pull request that continues pull request NUMBER, and link to it, once."""
    from gatehouse.github.client import connect
    from gatehouse.github.opening import open_continued

    click.echo(open_continued(connect(), number, obstacle or None, author))
    return PASS


@group.command()
@click.argument("number", type=click.IntRange(1))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--edit", is_flag=True, help="Only edit an existing comment.")
@click.option("--author", default="github-actions[bot]", show_default=True,
              help="Login that our token writes as.")  # fmt: skip
@command
def say(number: int, file: Path, edit: bool, author: str) -> int:
    """Write FILE as the gates' comment on pull request NUMBER."""
    from gatehouse.github.client import connect
    from gatehouse.github.comment import comment as comment_on

    repository = connect()
    head = repository.get_pull(number).head.sha
    by = comment_on(repository, number, head, file, author, quiet=edit)
    click.echo(f"commented on #{number}, by {by}" if by else "there is no comment to edit")
    return PASS


@group.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--work", required=True, type=click.Path(path_type=Path, exists=False),
              help="A new folder for the candidate.")  # fmt: skip
@click.option("--megabytes", default=500, show_default=True, type=click.IntRange(1),
              help="Largest size of a candidate.")  # fmt: skip
@command
def keep(folder: Path, work: Path, megabytes: int) -> int:
    """Push the judged data and models in FOLDER to the DVC remote. For gates.yml.

    Run in a checkout of the default branch, whose .dvc/config names the remote.
    """
    from gatehouse.github.client import connect
    from gatehouse.github.keep import keep as keep_judged

    repository = connect()
    event = event_here(repository)
    click.echo(keep_judged(repository, event, folder, work, Path(), megabytes))
    return PASS


@group.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--retrain-data", default="", metavar="PATH|URL",
              help="Data source of a retraining; without it, no retraining starts.")  # fmt: skip
@click.option("--author", default="github-actions[bot]", show_default=True,
              help="Login that our token writes as.")  # fmt: skip
@command
def alarm(folder: Path, retrain_data: str, author: str) -> int:
    """Update the one issue about production from FOLDER, a copy of reports/monitor.

    Opened or edited while production fails, closed when it passes. Where the policy says so, a
    retraining is started, once for each model. For monitor.yml.
    """
    from datetime import UTC, datetime

    from gatehouse.github.alarm import tell
    from gatehouse.github.client import connect
    from gatehouse.github.monitor_result import read_monitor_result
    from gatehouse.policy import load_policy

    look = read_monitor_result(folder, datetime.now(UTC))
    click.echo(tell(connect(), look, load_policy(), retrain_data.strip(), author))
    return PASS


@group.command()
@click.option("--megabytes", default=500, show_default=True, type=click.IntRange(1),
              help="Largest size of a candidate.")  # fmt: skip
@command
def take(megabytes: int) -> int:
    """Fetch the data and models in dvc.lock from an earlier run's candidate.

    Use it if DVC has no remote, or none that may be read: nothing is trained again.
    """
    from gatehouse.github.client import connect
    from gatehouse.github.kept import take_kept

    click.echo(take_kept(connect(), Path(), megabytes))
    return PASS


@group.command()
@click.argument("records", type=click.Path(path_type=Path, exists=True, file_okay=False))
@command
def start(records: Path) -> int:
    """Write the dvc.lock that this run starts from into RECORDS; for pipeline.yml.

    Run in a checkout of the default branch. Prints, as outputs of a step, the earlier run whose
    candidate is taken, if there is one: then nothing needs to run.
    """
    from gatehouse.github.client import connect, setting
    from gatehouse.github.ended import PIPELINE
    from gatehouse.github.start import start_run

    number, default = int(setting("GITHUB_RUN_ID")), default_branch(Path(PIPELINE).name)
    click.echo(f"earlier={start_run(connect(), number, records, Path(), default)}")
    return PASS


@group.command("commit")
@click.argument("commit")
@click.argument("folder", type=click.Path(path_type=Path, exists=False))
@command
def name_commit(commit: str, folder: Path) -> int:
    """Check the COMMIT that a maintainer named; for commit.yml.

    Run in a checkout of the default branch. COMMIT must be the full hash of the newest commit of an
    open pull request. Writes the dvc.lock that its run starts from into FOLDER, and prints who made
    the commit, as Markdown.
    """
    from gatehouse.github.client import connect, setting
    from gatehouse.github.named_commit import prepare_named

    number, default = int(setting("GITHUB_RUN_ID")), default_branch("commit.yml")
    click.echo(prepare_named(connect(), number, commit, folder, Path(), default), nl=False)
    return PASS


@group.command()
@command
def key() -> int:
    """Print the name of this run's candidate: a digest of its content."""
    from gatehouse.trusted.candidate_key import candidate_key

    click.echo(candidate_key(Path()))
    return PASS


@group.command()
@command
def owners() -> int:
    """Make .github/CODEOWNERS from .github/ownership.txt."""
    from gatehouse.codeowners import OWNERS_FILE, write_codeowners
    from gatehouse.ownership import load

    changed = write_codeowners(load())
    click.echo(f"{OWNERS_FILE}: {'made anew; commit it' if changed else 'unchanged'}")
    return PASS


@group.command()
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--owner", "owners", multiple=True, metavar="@USER|@ORG/TEAM",
              help="Write these code owners first; may be repeated.")  # fmt: skip
@click.option("--gpu-label", "gpu_labels", multiple=True, metavar="LABEL",
              help="Label of the runner that trains; may be repeated.")  # fmt: skip
@click.option("--app-id", type=int, help="The GitHub App that sets the required status.")
@click.option("--merge-queue", is_flag=True, help="Merge by GitHub's merge queue.")
@click.option("--dry-run", is_flag=True, help="Print every call without making it.")
@command
def settings(
    repo: str,
    owners: tuple[str, ...],
    gpu_labels: tuple[str, ...],
    app_id: int | None,
    merge_queue: bool,
    dry_run: bool,
) -> int:
    """Protect a repository on GitHub: ruleset, permissions, environment, variables.

    Calls GitHub's API by `gh`, as the user that is logged in there. A second run changes nothing.
    """
    from gatehouse.github.settings import apply_settings

    return apply_settings(
        repo,
        owners=owners,
        gpu_labels=gpu_labels,
        app_id=app_id,
        merge_queue=merge_queue,
        dry_run=dry_run,
    )
