"""`gatehouse split`: change how rows are split."""

from __future__ import annotations

from datetime import datetime

import click

from gatehouse.command import HELP, command
from gatehouse.exits import PASS


@click.group("split", context_settings=HELP)
def group() -> None:
    """Change how rows are split."""


@group.command("advance")
@click.option(
    "--to",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DATE",
    help="First day of the new test split; by default, one length of valid later.",
)
@command
def advance_command(to: datetime | None) -> int:
    """Propose later dates for train, valid and test in contract.yaml.

    Both cuts of a split by time move by as many days. An owner must accept the change: its exam is
    the base's test rows from the new date on.
    """
    from gatehouse.advance import advance

    for line in advance(None if to is None else to.date()):
        click.echo(line)
    return PASS
