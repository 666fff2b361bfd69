"""`gatehouse monitor` and `gatehouse compare`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import click

from gatehouse.command import command
from gatehouse.exits import FAIL, PASS


class SpanType(click.ParamType[timedelta]):
    """A time span: 30m, 24h, 7d, 4w."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from gatehouse.policy import parse_span

        try:
            return parse_span(value)
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


class MomentType(click.ParamType[datetime]):
    """A UTC time: 2026-11-21 or 2026-11-21T10:00."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            moment = datetime.fromisoformat(str(value))
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is not a time: write 2026-11-21 or 2026-11-21T10:00", param, ctx)


LOG = click.option(
    "--log",
    required=True,
    metavar="PATH|URL",
    help="Inference log: a file, a folder or a pattern; any fsspec URL.",
)
LABELS = click.option(
    "--labels",
    metavar="PATH|URL",
    help="True labels: request_id, index, target, protected attributes.",
)
WINDOW = click.option("--window", type=SpanType(), help="Length of a window, such as 24h or 7d.")
UNTIL = click.option(
    "--until", type=MomentType(), help="End of the newest window (UTC); default: now."
)
MODEL = click.option(
    "--model", metavar="DIGEST", help="Judge this model; default: the one served last."
)


@click.command()
@LOG
@LABELS
@WINDOW
@UNTIL
@MODEL
@command
def monitor(
    log: str,
    labels: str | None,
    window: timedelta | None,
    until: datetime | None,
    model: str | None,
) -> int:
    """Judge production by the inference log.

    The rules of policy.yaml decide, as on a pull request: drift, and with --labels accuracy and
    fairness. Writes evidence, verdict and report to reports/monitor/.
    """
    from gatehouse.monitor.record import REPORT
    from gatehouse.monitor.run import clear, look, write
    from gatehouse.report.terminal import print_verdict
    from gatehouse.verdict import Outcome

    clear()
    found = look(log, labels, window=window, until=until, model=model)
    write(found)
    counts = found.record.counts
    click.echo(f"{counts.read:,} records read, {counts.broken:,} broken lines")
    print_verdict(found.verdict, report=str(REPORT), gates=found.evidence)
    return PASS if found.verdict.outcome is Outcome.PASS else FAIL


@click.command()
@LOG
@LABELS
@WINDOW
@UNTIL
@click.option(
    "--candidate", metavar="DIGEST", help="Compare this model; default: the shadow or canary."
)
@command
def compare(
    log: str,
    labels: str | None,
    window: timedelta | None,
    until: datetime | None,
    candidate: str | None,
) -> int:
    """Compare a shadow or canary with the served model.

    A shadow answered the same rows, so differences are paired. With --labels the accuracy and
    fairness rules of policy.yaml decide, the served model being the base; without, the answers
    are described and nothing is judged. Writes reports/compare/.
    """
    from gatehouse.monitor.compare import compare as compare_models
    from gatehouse.monitor.compare_report import REPORT, clear, write
    from gatehouse.report.terminal import print_verdict
    from gatehouse.verdict import Outcome

    clear()
    found = compare_models(log, labels, window=window, until=until, candidate=candidate)
    write(found)
    click.echo(f"{found.kind} {found.candidate.model} next to {found.served.model}")
    for measured in found.described:
        click.echo(f"{measured.name}: {measured.value:.4g} (n = {measured.n:,})")
    if found.verdict is None:
        click.echo(f"Nothing is judged without --labels. Report: {REPORT}")
        return PASS
    print_verdict(found.verdict, report=str(REPORT), gates=found.evidence)
    return PASS if found.verdict.outcome is Outcome.PASS else FAIL
