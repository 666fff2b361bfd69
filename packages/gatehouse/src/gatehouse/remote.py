"""Remote files through fsspec, and how their URLs may be shown in errors."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from gatehouse.errors import GatehouseError

_CHUNK = 2**20


def shown(url: str) -> str:
    """Return the URL, or chained URLs, without user, password and query (signatures)."""
    return "::".join(map(_shown, url.split("::"))) if "://" in url else url


def check_url(url: str) -> str:
    """Return a command argument's URL as it may be shown.

    Raises:
        GatehouseError: it holds a password, or is not a URL.
    """
    try:
        name, password = shown(url), urlsplit(url).password
    except ValueError as error:
        raise GatehouseError(f"this is not a URL: {error}") from None
    if password is not None:
        raise GatehouseError(
            f"{name}: the URL holds a password, which others see in the list of processes; "
            "give it to fsspec by the environment, such as AWS_SECRET_ACCESS_KEY"
        )
    return name


def _shown(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    # Parsed by hand: a URL parser would see only part of a password that contains an @.
    place = rest.partition("/")[0]
    if "@" in place or re.search(r":(?!\d*$)", place):
        # A signature may contain an @ as well. Only an @ before any ? or # ends the user part.
        before = re.split("[?#]", rest)[0]
        rest = (before if "@" in before else rest).rpartition("@")[2]
    return scheme + mark + re.split("[?#]", rest)[0]


def one_line(error: object) -> str:
    """Return an error's message without line breaks, cut if it is long."""
    return " ".join(str(error).split())[:300]


def without_row(error: object) -> str:
    """Return a CSV reader's error without the row it quotes, which may be personal data."""
    return re.sub(r"(Expected \d+ columns, got \d+): .*", r"\1", one_line(error))


def reason(error: Exception, *, hidden: bool) -> str:
    """Return why something failed; only the error's type if the URL is hidden (`hidden`).

    A message may repeat passwords and signatures of the URL.
    """
    return ("" if hidden else one_line(error)) or type(error).__name__


def cannot(name: str, doing: str, error: Exception, *, hidden: bool) -> GatehouseError:
    """Return the error for an unreadable remote file; each remote raises its own classes."""
    if isinstance(error, ImportError):
        return GatehouseError(
            f"{name}: reading it needs a package that is not installed ({one_line(error)}); "
            "add it to requirements/gates.in, then `make lock`"
        )
    return GatehouseError(
        f"{name}: cannot be {doing} ({reason(error, hidden=hidden)}); check the URL, the network, "
        "and the credentials that fsspec finds"
    )


def download(url: str, name: str, path: Path) -> None:
    """Download a file, with a progress bar on a terminal.

    Args:
        url: any URL that fsspec supports.
        name: the URL as it may be shown.
        path: where to write the file.

    Raises:
        GatehouseError: the file can't be read completely.
    """
    import fsspec
    from tqdm import tqdm

    try:
        with fsspec.open(url, "rb") as source, path.open("wb") as target:
            size = getattr(source, "size", None)
            with tqdm(total=size, unit="B", unit_scale=True, desc="download", disable=None) as bar:
                while chunk := source.read(_CHUNK):
                    target.write(chunk)
                    bar.update(len(chunk))
    except Exception as error:
        raise cannot(name, "downloaded", error, hidden=url != name) from None
    if size is not None and path.stat().st_size < size:
        raise GatehouseError(
            f"{name}: the download stopped at {path.stat().st_size} of {size} bytes; try again"
        )
