"""Files elsewhere, by fsspec: what errors may show of their URLs."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from gatehouse.errors import GatehouseError

_CHUNK = 2**20


def shown(url: str) -> str:
    """The URL without user, password and query, which may hold a signature; chained ones too."""
    return "::".join(map(_shown, url.split("::"))) if "://" in url else url


def check_url(url: str) -> str:
    """The URL of a command's argument as it may be shown.

    Raises:
        GatehouseError: it holds a password, or is no URL.
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
    # By hand: of a password with a mark of its own a parser takes only a part for one.
    place = rest.partition("/")[0]
    if "@" in place or re.search(r":(?!\d*$)", place):
        # A signature may have the mark as well; only where none stands before it is it the user's.
        before = re.split("[?#]", rest)[0]
        rest = (before if "@" in before else rest).rpartition("@")[2]
    return scheme + mark + re.split("[?#]", rest)[0]


def one_line(error: object) -> str:
    """An error's message without line ends, cut where it gets long."""
    return " ".join(str(error).split())[:300]


def without_row(error: object) -> str:
    """An error of a CSV reader without the row that it quotes, which may be a person's."""
    return re.sub(r"(Expected \d+ columns, got \d+): .*", r"\1", one_line(error))


def reason(error: Exception, *, hidden: bool) -> str:
    """Why it failed; of a URL that is not shown as it is (`hidden`) only the error's kind.

    A message may repeat what the URL holds of passwords and signatures.
    """
    return ("" if hidden else one_line(error)) or type(error).__name__


def cannot(name: str, doing: str, error: Exception, *, hidden: bool) -> GatehouseError:
    """The error for a remote file that can't be read; each kind of remote raises its own."""
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
    """Bring a file here, with a progress bar on a terminal.

    Args:
        url: any of fsspec.
        name: the URL as it may be shown.
        path: where to.

    Raises:
        GatehouseError: it can't be read whole.
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
