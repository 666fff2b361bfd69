"""The drill's tables in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from gatehouse.drill.trial import Trial


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("drill", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)


def print_trials(trials: Sequence[Trial]) -> None:
    """Print one line per defect: the gate that should catch it, caught or not, seconds."""
    table = Table(title="Drill", title_justify="left")
    table.add_column("defect")
    table.add_column("gate")
    table.add_column("caught")
    table.add_column("s", justify="right")
    table.add_column("what the verdict says")
    for trial in trials:
        table.add_row(
            trial.defect.name, str(trial.defect.gate or "none"), _caught(trial),
            f"{trial.seconds:.1f}", escape(_shorten(trial.reason)),
        )  # fmt: skip
    console = Console()
    console.print(table)
    planted = [trial for trial in trials if trial.defect.gate and not trial.skipped]
    controls = [trial for trial in trials if not trial.defect.gate and not trial.skipped]
    console.print(
        f"{sum(t.good for t in planted)} of {len(planted)} defects caught by their own gate and "
        f"no other, {sum(t.good for t in controls)} of {len(controls)} clean controls green"
    )
    for trial in trials:
        if trial.skipped:
            console.print(f"not tried: {trial.defect.name}: {escape(trial.reason)}")


def print_rates(trials: Sequence[Trial]) -> None:
    """Print detection and false-alarm rates over all runs, with Wilson score intervals (95 %)."""
    from scipy.stats import binomtest

    table = Table(
        title="Rates over all runs, with 95 % Wilson score intervals", title_justify="left"
    )
    table.add_column("defect or control")
    table.add_column("rate")
    table.add_column("of")
    names = dict.fromkeys(trial.defect.name for trial in trials)
    for name in names:
        tried = [t for t in trials if t.defect.name == name and not t.skipped]
        if not tried:
            continue
        control = tried[0].defect.gate is None
        hits = sum(not t.good if control else t.good for t in tried)
        interval = binomtest(hits, len(tried)).proportion_ci(0.95, method="wilson")
        kind = "false alarms" if control else "detected"
        table.add_row(
            name,
            f"{kind} {hits / len(tried):.0%} [{interval.low:.0%}, {interval.high:.0%}]",
            str(len(tried)),
        )
    Console().print(table)


def _caught(trial: Trial) -> str:
    if trial.skipped:
        return "no place here"
    if trial.strays:
        return "[red]also " + ", ".join(trial.strays) + "[/red]"
    if trial.defect.gate is None:
        return "[green]green[/green]" if trial.caught else "[red]false alarm[/red]"
    return "[green]yes[/green]" if trial.caught else "[red]no[/red]"


def _shorten(text: str) -> str:
    return text if len(text) <= 160 else text[:157] + "..."
