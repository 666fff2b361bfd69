"""Source `adult`: the two published files of UCI Adult, pinned by SHA-256.

Becker, B. and Kohavi, R. (1996). Adult [Dataset]. UCI Machine Learning Repository.
https://doi.org/10.24432/C5XW20, CC BY 4.0.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urljoin

import pandas as pd

from gatehouse.errors import GatehouseError

BASE_URL = "https://archive.ics.uci.edu/ml/machine-learning-databases/adult/"
CACHE = Path("data/cache/adult")
FOLDER_VARIABLE = "GATEHOUSE_ADULT_DIR"

TRAIN_FILE = "adult.data"
TEST_FILE = "adult.test"
SHA256 = {
    TRAIN_FILE: "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
    TEST_FILE: "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
}

COLUMNS = [
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
]

_TIMEOUT_S = 30
_MOST_BYTES = 16 * 2**20
_CHUNK_BYTES = 64 * 2**10
_ELSEWHERE = f"set {FOLDER_VARIABLE} or data.adult.folder to a folder that holds the files"


def load(
    folder: Path | None, base_url: str = BASE_URL, cache: Path = CACHE
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of adult.data and of adult.test (the official test split).

    The files are read from the folder that the environment names, else from `folder`, else from
    `cache`, which is filled from `base_url`.

    Raises:
        GatehouseError: a file is missing, is not the published one, or cannot be downloaded.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    chosen = Path(named) if named else folder
    train, test = (
        _from_folder(chosen, name) if chosen else _from_network(base_url, cache, name)
        for name in (TRAIN_FILE, TEST_FILE)
    )
    return parse(train), parse(test, first_line=1)


def parse(path: Path, first_line: int = 0) -> pd.DataFrame:
    """Return the rows of a published file: `?` is missing; adult.test's labels lose their dot."""
    frame = pd.read_csv(
        path,
        names=COLUMNS,
        skiprows=first_line,
        skipinitialspace=True,
        na_values="?",
        keep_default_na=False,
    )
    frame["income"] = frame["income"].str.removesuffix(".")
    return frame


def _from_folder(folder: Path, name: str) -> Path:
    path = folder / name
    try:
        found = _sha256(path)
    except FileNotFoundError:
        raise GatehouseError(
            f"{path}: there is no such file; {FOLDER_VARIABLE} (or data.adult.folder) must name "
            f"a folder that holds {TRAIN_FILE} and {TEST_FILE}"
        ) from None
    except OSError as error:
        raise GatehouseError(f"{path}: cannot be read ({error.strerror})") from None
    if found != SHA256[name]:
        raise GatehouseError(
            f"{path}: is not the published file (SHA-256 {found}, expected {SHA256[name]}); "
            f"take it again from {BASE_URL}"
        )
    return path


def _from_network(base_url: str, cache: Path, name: str) -> Path:
    path = cache / name
    if path.is_file() and _sha256(path) == SHA256[name]:
        return path
    cache.mkdir(parents=True, exist_ok=True)
    part = cache / f"{name}.{os.getpid()}.part"
    url = urljoin(base_url, name)
    try:
        _download(url, part)
        found = _sha256(part)
        if found != SHA256[name]:
            raise GatehouseError(
                f"{url}: is not the published file (SHA-256 {found}, expected {SHA256[name]}); "
                f"nothing was kept. {_ELSEWHERE}"
            )
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _download(url: str, path: Path) -> None:
    from tqdm import tqdm

    try:
        with (
            # No user provides the address: it is UCI's, or a test's server on this machine.
            urllib.request.urlopen(url, timeout=_TIMEOUT_S) as response,  # noqa: S310
            path.open("wb") as stream,
        ):
            expected = int(response.headers.get("Content-Length") or 0)
            done = 0
            with tqdm(
                total=expected or None, unit="B", unit_scale=True, desc=path.name, disable=None
            ) as bar:
                while chunk := response.read(_CHUNK_BYTES):
                    done += len(chunk)
                    if done > _MOST_BYTES:
                        raise GatehouseError(
                            f"{url}: is larger than {_MOST_BYTES} bytes, so it is not the "
                            f"published file; nothing was kept. {_ELSEWHERE}"
                        )
                    stream.write(chunk)
                    bar.update(len(chunk))
    except urllib.error.HTTPError as error:
        error.close()
        raise GatehouseError(f"{url}: the site answers {error.code}; {_ELSEWHERE}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise GatehouseError(
            f"{url}: cannot be downloaded ({reason}); is there a network? Try again, or "
            f"{_ELSEWHERE}"
        ) from None
    if done < expected:  # read(amount) does not report a connection that closed early
        raise GatehouseError(
            f"{url}: the download stopped at {done} of {expected} bytes; nothing was kept. "
            f"Try again, or {_ELSEWHERE}"
        )


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
