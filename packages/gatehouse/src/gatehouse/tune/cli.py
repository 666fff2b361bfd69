"""`gatehouse tune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from gatehouse.command import command
from gatehouse.exits import PASS

if TYPE_CHECKING:
    import optuna

    from gatehouse.tune.result import Winner
    from gatehouse.tune.study import Plan


@click.command()
@click.option("--trials", type=click.IntRange(1), help="Number of trials; by default tune.trials.")
@click.option(
    "--workers",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Processes that train at once on this machine.",
)
@click.option(
    "--storage",
    metavar="URL",
    help="Database that workers share, such as postgresql+psycopg://host/tuning. Put a URL with a "
    "password into GATEHOUSE_TUNE_STORAGE. By default a file in .gatehouse/tune/.",
)
@click.option("--dry-run", is_flag=True, help="Don't change params.yaml.")
@command  # fmt: skip
def tune(trials: int | None, workers: int, storage: str | None, dry_run: bool) -> int:
    """Search for better training settings; write the best.


    The best go into params.yaml. Trains inside cross-validation on the train and valid splits of
    the last `gatehouse run`: the test split stays unseen, so the gates judge the winner on rows
    that had no part in choosing it. What is tried, how often and by which metric is in params.yaml
    under `tune`.
    The next call continues an interrupted one. Workers on other machines can join with the same
    --storage, repository and data.
    """
    import os

    os.environ.setdefault("TQDM_DISABLE", "1")  # no progress bar for each of hundreds of trainings
    from gatehouse.errors import GatehouseError
    from gatehouse.params import set_values
    from gatehouse.places import PARAMS
    from gatehouse.remote import shown
    from gatehouse.tune.result import winner_of, write_page
    from gatehouse.tune.study import STORAGE_VARIABLE, plan_of
    from gatehouse.workspace import Workspace

    if storage is not None and storage != shown(storage):
        raise GatehouseError(
            "--storage: a user, a password or a query in it is seen in the list of processes; put "
            f"the URL into {STORAGE_VARIABLE}"
        )
    plan = plan_of(Workspace(), storage, trials)
    study = _search(plan, workers)
    winner = winner_of(study, plan)
    click.echo(f"tune: {write_page(study, plan)} shows history and importances")
    click.echo(_summary(winner, plan))
    changes = {f"train.{key}": value for key, value in winner.settings.items()}
    if dry_run or winner.is_present:
        return PASS
    for line in set_values(changes):
        click.echo(f"{PARAMS}: {line}")
    click.echo("next: make run, which judges it on the test split")
    return PASS


def _search(plan: Plan, workers: int) -> optuna.Study:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    from gatehouse.tune.result import completed
    from gatehouse.tune.study import finished, search

    columns = (
        TextColumn("tune"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[best]}"),
    )  # fmt: skip
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("tune", total=plan.trials, best="")

        def report(study: optuna.Study) -> None:
            done = completed(study)
            best = f"best {plan.metric.name} {study.best_value:.4f}" if done else ""
            progress.update(task, completed=finished(study), best=best)

        return search(plan, workers, report)


def _summary(winner: Winner, plan: Plan) -> str:
    text = f"tune: trial {winner.number} is the best, {plan.metric.name} {winner.value:.5f}"
    text += f" over {plan.folds} folds"
    if winner.is_present:
        return f"{text}: the settings that params.yaml has"
    if winner.gain is None or winner.interval is None:
        return text
    low, high = winner.interval.low, winner.interval.high
    text += f"; {winner.gain:+.5f} [{low:+.5f}, {high:+.5f}] against the present settings"
    if low <= 0 <= high:
        text += ", which may be noise; the gates will show"
    return text
