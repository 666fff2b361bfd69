"""Fuzz for longer than the tests do: `python -m tests.fuzz.run --examples 1000`."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter

import click

from tests.fuzz.campaign import campaign, table
from tests.fuzz.targets import cheap_targets, measured_targets
from tests.fuzz.whole import whole_targets
from tests.fuzz.worker import Worker


@click.command()
@click.option("--examples", default=1000, show_default=True, help="Inputs of a quick target.")
@click.option("--measured", default=300, show_default=True, help="Inputs of a measured target.")
@click.option("--whole", default=0, show_default=True, help="Candidates measured by all gates.")
@click.option("--seed", default=0, show_default=True, help="Another seed, other inputs.")
def main(examples: int, measured: int, whole: int, seed: int) -> None:
    """Mutate what a candidate brings, and print what became of it as a table."""
    counts: dict[str, Counter[str]] = {}
    with tempfile.TemporaryDirectory() as name, Worker() as worker:
        folder = Path(name)
        plan = [(target, examples) for target in cheap_targets(folder / "cheap")]
        plan += [(target, measured) for target in measured_targets(folder / "measured", worker)]
        plan += [(target, whole) for target in whole_targets(folder / "whole") if whole]
        for target, number in plan:
            start = perf_counter()
            counts[target.name] = campaign(target, number, seed)
            click.echo(f"{target.name}: {perf_counter() - start:.0f} s", err=True)
    click.echo(table(counts))


if __name__ == "__main__":
    main()
