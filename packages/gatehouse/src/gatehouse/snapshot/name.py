"""The name of a downloaded file of rows, whose extension shows its format."""

from __future__ import annotations

from urllib.parse import urlsplit

from gatehouse.errors import GatehouseError

ENDINGS = (".parquet", ".csv", ".csv.gz")


def file_name(url: str, name: str) -> str:
    """Return rows.csv, or the same name with the URL's extension.

    Args:
        url: any URL that fsspec supports.
        name: the URL as it may be shown.

    Raises:
        GatehouseError: the URL has no supported extension.
    """
    path = urlsplit(url.split("::")[0]).path or urlsplit(url.split("::")[0]).netloc
    for ending in ENDINGS:
        if path.lower().endswith(ending):
            return f"rows{ending}"
    raise GatehouseError(f"{name}: its name must end with {', '.join(ENDINGS)}")
