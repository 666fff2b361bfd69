"""`gatehouse objects`: what DVC keeps, by digest, with no instruction of a record obeyed."""

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
              help="Take the files from there, where --to left them.")  # fmt: skip
@click.option(
    "--cache", is_flag=True, help="Fill DVC's cache too, so that a run takes them as made."
)
@click.option("--megabytes", default=50_000, show_default=True, type=click.IntRange(1),
              help="How much may be fetched.")  # fmt: skip
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

    Or only PATH, such as models/model.onnx or data/snapshots/new.parquet. What `dvc pull` does,
    for jobs that hold a key: records are read as data, only data/, models/ are written, and
    objects come from the DVC remote of this checkout, checked by their digests.

    Exit codes: 0 all is here; 1 something can't be had; 2 a record or the configuration is wrong.
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
              help="Where the files lie; by default where the records are.")  # fmt: skip
@command
def push(records: Path | None, source: Path | None) -> int:
    """Push data, models and rows to the DVC remote of this checkout, by their digests.

    Only files that are what dvc.lock and .dvc files record, and only objects that the remote lacks:
    none is written over. What `dvc push` does, for jobs that hold a key.

    Exit codes: 0 the remote has all that is here; 2 a file is not what its record says.
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
    """Print where the default DVC remote of this checkout is; nothing where it has none."""
    from gatehouse.objects.remote import open_store

    if found := open_store().remote:
        click.echo(found.url)
    return PASS
