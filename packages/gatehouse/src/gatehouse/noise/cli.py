"""`gatehouse noise`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import click

from gatehouse.command import command
from gatehouse.exits import PASS
from gatehouse.policy_noise import LEAST_SEEDS

if TYPE_CHECKING:
    from gatehouse.noise.measure import Spread
    from gatehouse.policy import Policy
    from gatehouse.policy_noise import Noise


@click.command()
@click.option("--seeds", type=click.IntRange(LEAST_SEEDS, 50), default=8, show_default=True,
              help="Number of trainings.")  # fmt: skip
@click.option("--rows", "resample", is_flag=True,
              help="Also train on as many bootstrapped train splits (twice the time).")  # fmt: skip
@click.option("--minutes", type=click.FloatRange(0, min_open=True),
              help=f"Stop in time, after {LEAST_SEEDS} seeds or more.")  # fmt: skip
@click.option("--write", "writes", is_flag=True, help="Write the section noise of policy.yaml.")
@click.option("--limits", is_flag=True,
              help="With --write: move comparison limits that lie inside the noise beyond it."
              )  # fmt: skip
@command
def noise(seeds: int, resample: bool, minutes: float | None, writes: bool, limits: bool) -> int:
    """Measure how much training alone moves the metrics.

    Trains the settings of params.yaml with several seeds on the train split (of the last `gatehouse
    run`, or made now), and scores each model on the valid split. Nothing else differs, so the
    spread is noise: a change that changes nothing can differ from the base by as much.
    With --write the spread goes into policy.yaml. The report then names differences from the base
    that are within it, and `gatehouse doctor` warns of comparison limits inside it. No verdict
    changes, and no gate trains. The change of policy.yaml is an owner's, like any other.

    For example: gatehouse noise --seeds 5 --write
    """
    run_noise(seeds, resample=resample, minutes=minutes, writes=writes, limits=limits)
    return PASS


def run_noise(
    seeds: int, *, resample: bool = False, minutes: float | None, writes: bool, limits: bool
) -> None:
    """Measure, show and, on request, write the noise; the arguments are the command's options.

    Raises:
        GatehouseError: there are no prepared rows, or a file or a model can't be used.
    """
    import datetime
    import os

    os.environ.setdefault("TQDM_DISABLE", "1")  # one bar for all trainings
    from gatehouse.noise.measure import params_digest
    from gatehouse.noise.write import noise_of
    from gatehouse.noise.write import write as write_noise
    from gatehouse.pipeline.settings import load_settings
    from gatehouse.policy import POLICY_FILE, load_policy
    from gatehouse.run import reproduce
    from gatehouse.workspace import Workspace

    settings, policy = load_settings(), load_policy()
    if not Workspace().prepared.exists():
        reproduce("prepare")  # a failure is shown, and the rows are then missing
    params = params_digest(settings.train)
    spread = measured(policy, seeds, resample=resample, minutes=minutes)
    found = noise_of(spread, policy, params, datetime.datetime.now(datetime.UTC).date())
    _show(spread, found)
    lines = write_noise(found, limits=limits) if writes else []
    for line in lines:
        click.echo(f"{POLICY_FILE}: {line}")
    now = load_policy() if writes else policy.model_copy(update={"noise": found})
    for name, limit, moves in now.inside_noise():
        click.echo(
            f"warning: {POLICY_FILE}: {name}: its limit {limit:g} lies inside training noise "
            f"(±{moves:.2g}); --write --limits moves it beyond",
            err=True,
        )
    if not writes:
        click.echo(f"next: --write, which puts this into {POLICY_FILE}")


def measured(policy: Policy, seeds: int, *, resample: bool, minutes: float | None) -> Spread:
    """Train and score, with a progress bar on a terminal."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from gatehouse.noise.measure import measure
    from gatehouse.pipeline.settings import load_settings
    from gatehouse.workspace import Workspace

    columns = (TextColumn("noise"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("noise", total=seeds * (1 + resample))
        return measure(
            Workspace(), load_settings(), policy, seeds, lambda: progress.advance(task),
            resample=resample, minutes=minutes,
        )  # fmt: skip


def _show(spread: Spread, noise: Noise) -> None:
    import numpy as np
    from rich.console import Console
    from rich.table import Table

    from gatehouse.noise.measure import deviation

    columns = ["metric", "mean", "sd of seeds", "two trainings differ by"]
    columns += ["sd of train rows"] if spread.resampled else []
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    everything = noise.model_copy(update={"deviation": spread.deviations()})
    for name, values in spread.seeds.items():
        moves = everything.moves(name)
        line = [name, f"{np.mean(values):.4g}", _digits(deviation(values)),
                "not defined" if moves is None else f"up to {_digits(moves)}"]  # fmt: skip
        line += [_digits(deviation(spread.resampled[name]))] if spread.resampled else []
        table.add_row(*line)
    Console().print(table)
    click.echo(f"{spread.trained} seeds, scored on {spread.rows:,} rows of the valid split")
    if not any(noise.deviation.values()):
        click.echo("these metrics are equal for all seeds: this trainer draws nothing at random")


def _digits(value: float) -> str:
    return f"{value:.2g}" if math.isfinite(value) else "not defined"
