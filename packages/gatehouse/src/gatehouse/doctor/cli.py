"""`gatehouse doctor`."""

from __future__ import annotations

from pathlib import Path

import click

from gatehouse.command import command
from gatehouse.exits import FAIL, PASS


@click.command()
@click.option("--write", is_flag=True,
              help="Also write, read and delete a tiny file in the DVC remote.")  # fmt: skip
@click.option("--offline", is_flag=True, help="Do not ask GitHub.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@command
def doctor(write: bool, offline: bool, as_json: bool) -> int:
    """Check this machine and GitHub, and say how to fix problems.

    Tools, disk, .venv, Git, settings, the DVC remote, and GitHub as far as gh's login may see it.
    Changes nothing, and prints no secret. Exit codes: 0 no problem (warnings are none), 1 problems.
    """
    from gatehouse.doctor.examine import examine, lines
    from gatehouse.github.settings_api import Gh

    api = None if offline else Gh()
    answer = examine(Path(), api, lambda text: click.echo(text, err=True), write=write)
    if as_json:
        click.echo(answer.to_json(), nl=False)
    else:
        for line in lines(answer):
            click.echo(line)
    return PASS if answer.fine else FAIL
