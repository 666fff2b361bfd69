"""`gatehouse init`."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatehouse.command import command
from gatehouse.errors import GatehouseError
from gatehouse.exits import PASS

if TYPE_CHECKING:
    from rich.table import Table

    from gatehouse.adopt.init import Adopted
    from gatehouse.adopt.plan import Planned
    from gatehouse.adopt.questions import Questions

_SEEDS, _MINUTES = 8, 5
_SHOWN = 60
"""Maximum number of columns in the table; if there are more, plain features are only counted."""


@click.command("init")
@click.argument("place", metavar="FILE|URL")
@click.option("--target", required=True, metavar="COLUMN", help="The column to predict.")
@click.option("--positive", metavar="VALUE",
              help="For a binary target, the value whose probability is predicted.")  # fmt: skip
@click.option("--protected", metavar="A,B",
              help="Columns to compare for fairness; the model does not read them.")  # fmt: skip
@click.option("--ignore", metavar="A,B",
              help="Columns that the model must not see.")  # fmt: skip
@click.option("--keep", metavar="A,B",
              help="Features that look like ids, running numbers, text or leaks.")  # fmt: skip
@click.option("--key", metavar="COLUMN", help="The column that identifies a row.")
@click.option("--weight", metavar="COLUMN",
              help="The column with each row's weight in training.")  # fmt: skip
@click.option("--task", type=click.Choice(["binary", "multiclass", "regression"]),
              help="The task, if integers could be classes or a number to predict.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Ask nothing: use the defaults, and print them.")
@click.option("--force", is_flag=True, help="Overwrite files with uncommitted changes.")
@command
def init_command(
    place: str,
    target: str,
    positive: str | None,
    protected: str | None,
    ignore: str | None,
    keep: str | None,
    key: str | None,
    weight: str | None,
    task: str | None,
    yes: bool,
    force: bool,
) -> int:
    """Set up this repository for your table, a file or a URL.


    The table is CSV (any separator and encoding) or Parquet. Reads all rows and writes
    contract.yaml (the columns), policy.yaml (floors from a measured baseline), params.yaml (the
    source of the rows) and model_card.yaml (a form). Replaces everything of the sample. Then
    `make run` trains and judges.
    The target decides the task: two values make it binary, a few texts or integers multiclass,
    other numbers regression. Free text, dates, constants and ids are left out, and listed. If
    something is unclear, the command asks on a terminal.

    For example: gatehouse init customers.csv --target churned --positive yes --protected sex
    """
    from gatehouse.adopt.init import Wanted, init
    from gatehouse.adopt.questions import Questions
    from gatehouse.contract import Task

    wanted = Wanted(
        place=place,
        target=target,
        positive=positive,
        protected=_names(protected),
        ignored=_names(ignore),
        kept=_names(keep),
        key=key,
        weight=weight,
        task=None if task is None else Task(task),
        force=force,
    )
    questions = Questions(interactive=not yes and sys.stdin.isatty())
    adopted = init(wanted, questions)
    if questions.interactive:
        _offer_noise(questions)
    _show(adopted)
    return PASS


def _offer_noise(questions: Questions) -> None:
    """Offer to measure how much training alone moves the metrics, in bounded time."""
    if not questions.yes(
        f"Measure training noise now? It trains up to {_SEEDS} times, for about {_MINUTES} "
        "minutes, and moves limits against the base beyond the noise",
        default=False,
        note="",
    ):
        return
    from gatehouse.noise.cli import run_noise

    try:
        run_noise(_SEEDS, minutes=_MINUTES, writes=True, limits=True)
    except GatehouseError as error:  # the files are written, and the noise can be measured later
        questions.tell(f"warning: training noise was not measured: {error}")


def _names(text: str | None) -> tuple[str, ...]:
    """Split names at commas; a name that contains one is quoted as in CSV."""
    import csv

    if not text:
        return ()
    names = next(csv.reader([text], skipinitialspace=True))
    return tuple(dict.fromkeys(name.strip() for name in names if name.strip()))


def _show(adopted: Adopted) -> None:
    from rich.console import Console
    from rich.text import Text

    from gatehouse.adopt.policy.words import models_text
    from gatehouse.report.escape import plain

    console = Console()
    target = adopted.plan.target
    console.print(_table(adopted))
    console.print(f"\n{adopted.rows:,} rows; task: {target.task}", highlight=False)
    for name, score in adopted.baseline.scores.items():
        guess = adopted.baseline.guess if name == "accuracy" else 0
        compared = f", always the most frequent class {guess:.3f}" if guess else ""
        console.print(f"  baseline {name}: {models_text(score)}{compared}", highlight=False)
    for warning in adopted.warnings:
        console.print(Text(f"warning: {plain(warning, 400)}", style="yellow"), soft_wrap=True)
    if adopted.copied:
        console.print(Text(plain(adopted.copied, 400)), soft_wrap=True)
    if adopted.removed:
        console.print(f"removed, as it was of other data: {', '.join(map(str, adopted.removed))}",
                      soft_wrap=True, highlight=False, markup=False)  # fmt: skip
    console.print("\nWritten: contract.yaml, policy.yaml, params.yaml, model_card.yaml. Next:\n")
    for line in next_steps(None if adopted.settings["url"] else Path(adopted.settings["path"])):
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def next_steps(path: Path | None) -> list[str]:
    """Return what to do next; `path` is that of a local table, or None for a URL."""
    from gatehouse.adopt.files import has_remote, is_tracked
    from gatehouse.pipeline.sources.file import OWN
    from gatehouse.places import SOURCE

    steps = [
        "Read contract.yaml and policy.yaml, and fix them. A column that the model must not see: "
        "the same command again with --force --ignore COLUMN",
        "Write model_card.yaml",
        "Train and judge:",
        "  make run",
    ]
    kept, rows = "contract.yaml policy.yaml params.yaml model_card.yaml dvc.lock reports", []
    if path is not None and not is_tracked(path):
        file = shlex.quote(path.as_posix())
        steps += [
            "Keep the rows, at a URL such as s3://bucket/rows or in a folder; clones that lie "
            "next to this one find ../storage:",
            f"  .venv/bin/dvc add {file}",
        ]
        if not has_remote():
            steps.append("  .venv/bin/dvc remote add --default storage ../storage")
        steps.append("  .venv/bin/dvc push")
        kept += f" {shlex.quote(path.as_posix() + '.dvc')} .dvc/config"
        if path.parent != OWN:  # DVC writes a .gitignore there
            kept += f" {shlex.quote((path.parent / '.gitignore').as_posix())}"
        rows = [
            "The rows stay out of Git: DVC keeps them, and Git a digest. A pull request's run on "
            "GitHub takes them from the DVC remote, which must be a URL then, and without one it "
            "stops at its first stage. Where everyone may have these rows: "
            f"git add --force {file} in place of DVC's commands, and git add without {file}.dvc"
        ]
        if path.parent != OWN:
            rows.append(
                f"GitHub's runs take only rows that DVC keeps in {OWN}: before you add {file} to "
                "DVC, move it there, and run this command on it again"
            )
    rows.append(
        "Measure how much training alone moves the metrics, by 8 trainings: "
        ".venv/bin/gatehouse noise --write --limits"
    )
    if Path(SOURCE).is_dir():
        rows.append(
            "Make this repository small, with Gatehouse as a locked package: "
            ".venv/bin/gatehouse template slim"
        )
    return [*steps, "Record it:", f"  git add {kept}", '  git commit -m "A model of our own rows"',
            *rows]  # fmt: skip


def _table(adopted: Adopted) -> Table:
    from rich.table import Table
    from rich.text import Text

    from gatehouse.report.escape import plain

    columns = adopted.plan.columns
    shown = columns if len(columns) <= _SHOWN else [c for c in columns if c.note or not _plain(c)]
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for title in ("column", "kind", "role", "missing", "note"):
        table.add_column(title, overflow="fold", justify="right" if title == "missing" else "left")
    for column in shown:
        profile = column.profile
        missing = f"{profile.missing / profile.rows:.1%}" if profile.missing else ""
        table.add_row(
            Text(plain(column.name, 60)), profile.kind.value, column.role or "left out", missing,
            Text(plain(column.note, 120), style="yellow" if column.warning else ""),
        )  # fmt: skip
    if len(shown) < len(columns):
        table.add_row(f"… and {len(columns) - len(shown)} more", "", "feature", "", "")
    return table


def _plain(column: Planned) -> bool:
    return column.role == "feature"
