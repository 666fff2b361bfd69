"""`gatehouse forget`: erase logged rows."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gatehouse.command import command
from gatehouse.errors import GatehouseError
from gatehouse.exits import ERROR, PASS

if TYPE_CHECKING:
    from gatehouse.privacy.forget import Found
    from gatehouse.privacy.wanted import Wanted


@click.command("forget")
@click.option("--log", metavar="PATH", help="File of the log, or folder with files.")
@click.option("--rows", is_flag=True,
              help="List the rows of --key in data/raw as erased, in erased.json.")  # fmt: skip
@click.option(
    "--key", metavar="KEY", help="Key of the rows; - asks for it, or reads standard input."
)
@click.option("--secret-file", type=click.Path(path_type=Path), metavar="FILE",
              help="The service's secret for the log's pseudonyms.")  # fmt: skip
@click.option("--request-id", "request_ids", multiple=True, metavar="ID",
              help="Rows of this request; may be repeated.")  # fmt: skip
@click.option("--older-than", metavar="SPAN", help="Rows older than this: 90d, 12h, 8w.")
@click.option("--dry-run", is_flag=True, help="Only count.")
@click.option("--yes", is_flag=True, help="Erase without asking.")
@command
def forget_command(
    log: str | None,
    rows: bool,
    key: str | None,
    secret_file: Path | None,
    request_ids: tuple[str, ...],
    older_than: str | None,
    dry_run: bool,
    yes: bool,
) -> int:
    """Erase rows from the inference log by key, request or age.


    Erases rows that match any of these options, also in rotated, compressed (.gz, .bz2, .xz, .zst)
    and Parquet files, and in lines that the monitor set aside. The service can keep writing. Files
    with other names are skipped and listed, with exit code 2. Pass a key with --key -, because
    other processes can read a command line.
    --rows removes no row from the data. It writes keyed hashes of a person's rows into erased.json,
    so a later change may remove these rows without touching the exam.
    """
    if rows:
        return _list_rows(log, key, secret_file, request_ids, older_than, dry=dry_run)
    if log is None:
        raise GatehouseError("name the place: --log PATH, or --rows for the training data")
    wanted = _wanted(key, secret_file, request_ids, older_than)
    if not dry_run and not yes:
        if not sys.stdin.isatty():
            raise GatehouseError("no terminal to ask; add --yes, or count with --dry-run")
        found = _run(log, wanted, dry=True)
        code = _tell(found, "would be erased")
        if not found.rows:
            return code
        click.confirm("Erase them for good?", abort=True)
    found = _run(log, wanted, dry=dry_run)
    return _tell(found, "would be erased" if dry_run else "erased")


def _list_rows(*others: object, dry: bool) -> int:
    """List a person's rows in data/raw as erased; of the other options, only the key is allowed."""
    from gatehouse.contract import load_contract
    from gatehouse.privacy.erased import ERASED, Erased, entries_of
    from gatehouse.table import RAW

    log, key, *rest = others
    if not isinstance(key, str) or log or any(rest):
        raise GatehouseError("--rows takes only --key; erase from the log in a separate call")
    erased = Erased.at(ERASED)
    found = entries_of(RAW, load_contract(), _read_key() if key == "-" else key, erased)
    grown = erased.with_rows(found)
    if found and not dry:
        grown.write(ERASED)
    done = "would be listed" if dry else "listed"
    new = len(grown.rows) - len(erased.rows)
    click.echo(f"{ERASED}: {len(found):,} rows of this key in {RAW}, {new:,} newly {done}")
    return PASS


def _wanted(
    key: str | None,
    secret_file: Path | None,
    request_ids: tuple[str, ...],
    older_than: str | None,
) -> Wanted:
    from gatehouse.policy import parse_span
    from gatehouse.privacy.pseudonym import pseudonym, read_secret
    from gatehouse.privacy.wanted import Wanted

    if key is None and not request_ids and older_than is None:
        raise GatehouseError("name what to erase: --key, --request-id or --older-than")
    if (key is None) != (secret_file is None):
        raise GatehouseError(
            "--key and --secret-file go together: the log holds pseudonyms, which only the "
            "service's secret makes from a key"
        )
    pseudonyms, before = frozenset[str](), None
    if older_than is not None:
        try:
            span: timedelta = parse_span(older_than)
            before = datetime.now(UTC) - span
        except (ValueError, OverflowError):
            raise GatehouseError("--older-than is not a time span; write 12h, 90d or 8w") from None
    if key is not None and secret_file is not None:
        secret = read_secret(secret_file)
        pseudonyms = frozenset({pseudonym(secret, _read_key() if key == "-" else key)})
    if not all(name.strip() for name in request_ids):
        raise GatehouseError("--request-id is empty; write the request's X-Request-ID")
    return Wanted(pseudonyms, frozenset(request_ids), before)


def _read_key() -> str:
    """Read the key from a hidden prompt or from a pipe."""
    if sys.stdin.isatty():
        return str(click.prompt("Key", hide_input=True))
    key = sys.stdin.readline().rstrip("\r\n")
    if not key:
        raise GatehouseError("--key -: there is no key on standard input")
    return key


def _run(log: str, wanted: Wanted, *, dry: bool) -> Found:
    from tqdm import tqdm

    from gatehouse.privacy.forget import forget

    bar: Any = tqdm(unit="B", unit_scale=True, disable=None, leave=False, desc="forget")
    with bar:
        return forget(log, wanted, dry=dry, advance=bar.update)


def _tell(found: Found, done: str) -> int:
    for name, count in found.rows.items():
        click.echo(f"{name}: {count:,} rows")
    total = sum(found.rows.values())
    if total:
        click.echo(f"{total:,} rows in {len(found.rows):,} of {found.files:,} files {done}")
    else:
        click.echo(f"nothing matched in {found.files:,} files")
    if found.undated:
        click.echo(f"{found.undated:,} broken lines have no time, and stay")
    for problem in found.failed:
        click.echo(f"error: {problem}", err=True)
    if found.failed:
        click.echo(
            f"error: {len(found.failed):,} files were not fully processed and may still hold rows; "
            "fix the problems above, and run this again",
            err=True,
        )
        return ERROR
    return PASS
