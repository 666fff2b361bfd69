"""What a downloaded file of rows is called, so that its kind is known by its ending."""

from __future__ import annotations

from urllib.parse import urlsplit

from gatehouse.errors import GatehouseError

ENDINGS = (".parquet", ".csv", ".csv.gz")


def file_name(url: str, name: str) -> str:
    """rows.csv, or with whichever ending the URL has.

    Args:
        url: any of fsspec.
        name: the URL as it may be shown.

    Raises:
        GatehouseError: it has none of those that rows have.
    """
    path = urlsplit(url.split("::")[0]).path or urlsplit(url.split("::")[0]).netloc
    for ending in ENDINGS:
        if path.lower().endswith(ending):
            return f"rows{ending}"
    raise GatehouseError(f"{name}: its name must end with {', '.join(ENDINGS)}")
