"""`gatehouse objects`: DVC's objects by digest, without following instructions in records."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.command import HELP, command
from gatehouse.exits import FAIL, PASS


@click.group("objects", context_settings=HELP)
def group() -> None:
    """Fetch and push data and models by digest (docs/security.md)."""


@group.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1)
@click.option("--records", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False),
              help="Read dvc.lock and .dvc files there, as data; by default here.")  # fmt: skip
@click.option("--to", metavar="FOLDER", type=click.Path(path_type=Path),
              help="Write into this new folder, and not into the work tree.")  # fmt: skip
@click.option("--from", "source", metavar="FOLDER", type=click.Path(path_type=Path, exists=True),
              help="Take the files from this folder, which --to filled.")  # fmt: skip
@click.option(
    "--cache", is_flag=True, help="Also fill DVC's cache, so that a run does not make them again."
)
@click.option("--megabytes", default=50_000, show_default=True, type=click.IntRange(1),
              help="Largest total size to fetch.")  # fmt: skip
@command
def fetch(
    paths: tuple[str, ...],
    records: Path | None,
    to: Path | None,
    source: Path | None,
    cache: bool,
    megabytes: int,
) -> int:
    """Fetch data and models that dvc.lock names, and the rows that params.yaml reads.

    With PATH, such as models/model.onnx or data/snapshots/new.parquet, only these. It does the work
    of `dvc pull` for jobs that hold a key: it reads records as data, writes only to data/ and
    models/, and checks the digest of each object from the DVC remote of this checkout.

    Exit codes: 0 everything was fetched; 1 something is not available; 2 a record or the
    configuration is wrong.
    """
    from gatehouse.objects.bring import bring, bring_apart, named, take
    from gatehouse.objects.remote import open_store

    outputs = named(records or Path(), paths)
    store = open_store()
    if source is not None:
        done = take(outputs, source, Path(), store)
    elif to is not None:
        done = bring_apart(outputs, to, store, megabytes)
    else:
        done = bring(outputs, Path(), store, megabytes=megabytes, cache=cache)
    for path in done.here:
        click.echo(path)
    for why in done.lost:
        click.echo(f"missing: {why}", err=True)
    if not outputs:
        click.echo("no record names anything to fetch", err=True)
    return FAIL if done.lost else PASS


@group.command()
@click.option("--records", metavar="FOLDER", type=click.Path(path_type=Path, file_okay=False),
              help="Read dvc.lock and .dvc files there, as data; by default here.")  # fmt: skip
@click.option("--from", "source", metavar="FOLDER", type=click.Path(path_type=Path, exists=True),
              help="Folder of the files; by default that of the records.")  # fmt: skip
@command
def push(records: Path | None, source: Path | None) -> int:
    """Push data, models and rows to the DVC remote of this checkout, by their digests.

    It does the work of `dvc push` for jobs that hold a key. It pushes only files that match their
    record in dvc.lock or a .dvc file, and only objects that the remote lacks. It overwrites none.

    Exit codes: 0 the remote has all objects; 2 a file does not match its record.
    """
    from gatehouse.objects.bring import named
    from gatehouse.objects.push import push as push_objects
    from gatehouse.objects.remote import open_store

    records = records or Path()
    pushed, there = push_objects(named(records), source or records, open_store())
    click.echo(f"pushed {pushed:,} of {pushed + there:,} objects; the remote has the others")
    return PASS


@group.command()
@command
def remote() -> int:
    """Print the URL of the checkout's default DVC remote, or nothing if it has none."""
    from gatehouse.objects.remote import open_store

    if found := open_store().remote:
        click.echo(found.url)
    return PASS
