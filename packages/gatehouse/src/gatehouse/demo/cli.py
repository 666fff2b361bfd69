"""`gatehouse demo`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import click

from gatehouse.command import command
from gatehouse.exits import PASS


@click.command()
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A new folder to play in; by default a temporary one. It is kept.",
)
@click.option(
    "--image", metavar="BASE", help="Serve the new model from an image on this base, with podman."
)
@command
def demo(folder: Path | None, image: str | None) -> int:
    """Play the whole loop in a scratch copy, in under five minutes.

    Train, serve over HTTP, send traffic, move it, see the monitor's alarm, train on the new data,
    judge that, serve the new model, and see the monitor green again. Nothing outside the scratch
    folder is touched, and nothing leaves this machine. The data is the sample that Gatehouse comes
    with: a repository with data of its own is refused.
    """
    from gatehouse.demo.story import Story, check_sample, scratch
    from gatehouse.errors import GatehouseError

    check_sample(Path())
    place = folder or Path(tempfile.mkdtemp(prefix="gatehouse-demo-"))
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise GatehouseError(f"{folder}: is not empty; name a new folder")
    place.mkdir(parents=True, exist_ok=True)
    Story(scratch(Path(), place.resolve()), image).tell()
    return PASS
