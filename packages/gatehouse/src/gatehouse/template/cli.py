"""`gatehouse template`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.command import HELP, command
from gatehouse.exits import FAIL, PASS
from gatehouse.places import LIBRARY_LOCK

if TYPE_CHECKING:
    from gatehouse.template.merge import Merged, Update

_URL = click.option("--url", help="The template's URL; by default the recorded one, or `upstream`.")
_TO = click.option("--to", metavar="TAG|COMMIT", help="A version other than the newest release.")
_FROM = click.option("--from", "since", metavar="TAG|COMMIT",
                     help="The repository's current version, if it is not found.")  # fmt: skip


@click.group("template", context_settings=HELP)
def group() -> None:
    """Make this repository small, or update it to a newer Gatehouse."""


@group.command()
@_URL
@_TO
@_FROM
@click.option("--patch", is_flag=True, help="Also show every changed line.")
@command
def diff(url: str | None, to: str | None, since: str | None, patch: bool) -> int:
    """Show what an update would bring, and change nothing."""
    from gatehouse.template.merge import preview
    from gatehouse.template.report import changelog, folders, patch_of, stat

    update = _found(url, to, since)
    if not update.needed:
        return PASS
    _announce("merging in a scratch copy")
    with preview(update, Path()) as (place, merged):
        for line in folders(place, update.head):
            click.echo(line)
        lines = changelog(update, Path())
        click.echo("\nFrom the changelog:" if lines else "\nThe changelog says nothing new.")
        for line in lines:
            click.echo(line)
        click.echo()
        click.echo(stat(place, update.head))
        _notes(merged, "Would be in conflict:")
        if patch:
            click.echo(patch_of(place, update.head))
    return PASS


@group.command()
@_URL
@_TO
@_FROM
@click.option(
    "--branch", metavar="NAME", help="Name of the new branch; default: gatehouse-VERSION."
)
@command
def update(url: str | None, to: str | None, since: str | None, branch: str | None) -> int:
    """Merge a newer version on a new branch, and commit it.

    Your contract, policy, settings and model card stay yours, with new keys added. Where both
    changed the same lines of other files, git's ordinary conflicts are left (exit code 1).
    """
    from gatehouse.git import git
    from gatehouse.template.merge import update_branch

    found = _found(url, to, since)
    if not found.needed:
        return PASS
    name = branch or f"gatehouse-{found.new.name}"
    before = git("rev-parse", "--abbrev-ref", "HEAD").strip()
    _announce("merging")
    merged = update_branch(found, name, Path())
    _notes(merged, "In conflict, for you to resolve:")
    undo = f"git checkout {before if before != 'HEAD' else found.head} && git branch -D {name}"
    lock = "`make lock`, `git commit -a`, then " if merged.locks else ""
    goes_on = f"next: {lock}`make run`, and commit what it writes; `gatehouse doctor`; push {name}"
    if merged.conflicts:
        click.echo("next: resolve them, `git add` them, `git cherry-pick --continue`")
        click.echo(goes_on.replace("next:", "then:") + ", and open a pull request")
        click.echo(f"undo: git cherry-pick --abort && {undo}")
        return FAIL
    click.echo(f"merged and committed on the branch {name}")
    click.echo(goes_on + ", and open a pull request")
    click.echo(f"undo: {undo}")
    return PASS


@group.command()
@command
def slim() -> int:
    """Make a fork small: the library becomes a locked wheel in vendor/, in one commit.

    Its source, tests and docs go, and so do the examples. Needs no network.
    """
    from gatehouse.template.slim import README
    from gatehouse.template.slim import slim as make_slim

    done = make_slim(Path())
    for path, size in done.removed.items():
        click.echo(f"removed  {path}: {size.files:,} files, {size.lines:,} lines")
    click.echo(f"added    {done.wheel}, locked in {LIBRARY_LOCK}")
    if done.readme:
        click.echo(f"written  {README}")
    click.echo(
        f"left     {done.left.files:,} files, {done.left.lines:,} lines; locks are not counted"
    )
    click.echo("next: make setup; undo: git reset --keep HEAD~1 && make setup")
    return PASS


def _found(url: str | None, to: str | None, since: str | None) -> Update:
    from gatehouse.template.merge import find_update

    _announce("fetching the template")
    found = find_update(url, to, since, Path())
    how = f" ({found.old.found})" if found.old.found else ""
    if found.needed:
        click.echo(f"Gatehouse {found.old.name}{how} -> {found.new.name}\n")
    else:
        click.echo(f"Gatehouse {found.old.name}{how}: nothing newer to merge")
    return found


def _notes(merged: Merged, headline: str) -> None:
    if merged.notes:
        click.echo("\nSettled, yours first:")
    for note in merged.notes:
        click.echo(f"  {note}")
    if merged.conflicts:
        click.echo(f"\n{headline}")
    for path in merged.conflicts:
        click.echo(f"  {path}")
    click.echo()


def _announce(doing: str) -> None:
    click.echo(f"... {doing}", err=True)
