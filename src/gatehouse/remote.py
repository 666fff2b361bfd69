"""Files elsewhere, by fsspec: what may be told of their URLs, and of what went wrong."""

from __future__ import annotations

import re

from gatehouse.errors import GatehouseError


def shown(url: str) -> str:
    """The URL without user, password and query, which may hold a signature; chained ones too."""
    return "::".join(map(_shown, url.split("::"))) if "://" in url else url


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


def needs_package(name: str, error: ImportError) -> GatehouseError:
    """What to say where fsspec knows the protocol, and its package is not here."""
    return GatehouseError(
        f"{name}: reading it needs a package that is not installed ({one_line(error)}); "
        "add it to requirements/run.in, then `make lock`"
    )
