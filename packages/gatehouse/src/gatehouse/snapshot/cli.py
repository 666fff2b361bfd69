"""`gatehouse data`: new data for the pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.command import HELP, command
from gatehouse.exits import FAIL, PASS

if TYPE_CHECKING:
    from gatehouse.snapshot.add import Added


@click.group("data", context_settings=HELP)
def group() -> None:
    """Add new data, by Git and DVC (docs/data.md)."""


@group.command()
@click.argument("place", metavar="PATH|URL")
@click.option("--append", is_flag=True, help="Add the rows to the present data.")
@click.option("--name", metavar="NAME", help="Name of the snapshot; default: date and digest.")
@command
def add(place: str, append: bool, name: str | None) -> int:
    """Make a snapshot of a CSV or Parquet file, and use it as the pipeline's data.

    If rows break the contract critically, they are reported and nothing changes. Otherwise they
    are written to data/snapshots, tracked by DVC, and named in params.yaml.
    """
    from gatehouse.snapshot.add import add as add_rows
    from gatehouse.snapshot.check import RejectedError, print_broken

    try:
        added = add_rows(place, name=name, append=append)
    except RejectedError as rejected:
        print_broken(rejected.broken)
        click.echo(
            f"refused: {rejected}; fix the rows, or contract.yaml if the rows are right. "
            "Nothing was changed",
            err=True,
        )
        return FAIL
    for line in _summary(added):
        click.echo(line)
    return PASS


@group.command()
@click.argument("url", metavar="URL")
@click.argument("folder", type=click.Path(path_type=Path))
@command
def download(url: str, folder: Path) -> int:
    """Download a file of rows into the new FOLDER for `data add`, without reading it.

    For jobs in which only one step may have the key to the rows.
    """
    from gatehouse.remote import check_url, download
    from gatehouse.snapshot.name import file_name

    name = check_url(url)
    path = folder / file_name(url, name)
    folder.mkdir(parents=True)
    download(url, name, path)
    click.echo(path)
    return PASS


def _summary(added: Added) -> list[str]:
    from gatehouse.report.escape import plain

    before = "" if added.before is None else f" (before: {added.before:,})"
    here = ", is here already" if added.known else ""
    lines = [f"{added.path}: {added.rows:,} rows{before}{here}"]
    if added.joined is not None:
        lines.append(f"  {added.joined.repeated:,} of the new rows were already present")
        if added.joined.replaced:
            lines.append(f"  {added.joined.replaced:,} rows were replaced by key")
    lines += [f"  warning: {plain(warning)}" for warning in added.warnings]
    lines += [f"params.yaml: {change}" for change in added.settings]
    if not added.settings:
        return [*lines, "params.yaml: already set; nothing to do"]
    return [
        *lines,
        "Next, on a branch:",
        f"  git add {added.tracked_by} params.yaml",
        "  .venv/bin/dvc push   # where there is a DVC remote: others take the rows from there",
        "  git commit, and open a pull request: it shows the drift against main",
    ]
