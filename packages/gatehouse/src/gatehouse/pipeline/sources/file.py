"""Source `file`: one CSV or Parquet file, on this machine or at a URL that fsspec reads."""

from __future__ import annotations

import contextlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from gatehouse.errors import GatehouseError
from gatehouse.pipeline.sources.spec import SourceSpec
from gatehouse.places import PARAMS
from gatehouse.typed import Frozen

if TYPE_CHECKING:
    import pandas as pd

    from gatehouse.contract import Contract

OWN = Path("data/own")
"""Folder for your own files; `data.file.path` points into it before you name a file."""

FORMATS = (".parquet", ".csv", ".csv.gz")


class FileSettings(Frozen):
    """One CSV or Parquet file: at `url`, else at `path`, which DVC watches."""

    path: Path = Field(OWN, description="a file on this machine")
    url: str | None = Field(None, description="any URL that fsspec reads; DVC does not watch it")
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        None, description="what the file's bytes must be"
    )
    separator: Annotated[str, Field(pattern=r"^[ -!#-~\t]$")] = Field(
        ",", description="between the columns of a CSV: one ASCII character"
    )
    encoding: str = Field("utf-8", description="of a CSV's text: any that Python knows")
    decimal: Literal[".", ","] = Field(".", description="before the decimals of a CSV's numbers")
    missing: tuple[Annotated[str, Field(min_length=1)], ...] = Field(
        (),
        description='further texts that mean a missing value, such as "?", unless the contract '
        "lists them as a category; an empty cell, NA, NaN, NULL and None do always",
    )
    unlabelled: Literal["refuse", "drop"] = Field(
        "refuse",
        description="rows whose target has no value: drop leaves them out, and says how many; "
        "refuse leaves them to the data gate, which stops",
    )

    @property
    def format(self) -> str | None:
        """The ending in `FORMATS` that the file's name has, if any."""
        name = self.path.name if self.url is None else urlsplit(self.url).path
        return next((ending for ending in FORMATS if name.lower().endswith(ending)), None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if re.match(r"\w{2,}:/", self.path.as_posix()):
            raise ValueError("path is a file on this machine; write a URL into data.file.url")
        with contextlib.suppress(UnicodeError):  # in UTF-16, one byte may not be valid text
            try:
                b"a".decode(self.encoding)
            except LookupError:
                raise ValueError(
                    f"encoding: Python knows no text encoding '{self.encoding}'; write one such as "
                    "utf-8, cp1252, latin-1 or utf-16"
                ) from None
        if self.url is not None and "://" not in self.url:
            raise ValueError("url is one such as s3://bucket/rows.parquet; write a file into path")
        if self.url is not None and urlsplit(self.url).password is not None:
            raise ValueError(
                "url holds a password, and this file is in Git for good; give it to fsspec by the "
                "environment, such as AWS_SECRET_ACCESS_KEY"
            )
        return self


def _read(options: FileSettings, contract: Contract) -> tuple[pd.DataFrame, None]:
    from gatehouse.pipeline.file_source import load
    from gatehouse.remote import shown

    if options.url is not None:
        name = shown(options.url)
        print(
            f"ingest: {name} is not watched for changes; data.file.sha256 pins it", file=sys.stderr
        )
    return load(options, contract), None


def _fault(options: FileSettings) -> str | None:
    if options.format is not None:
        return None
    return "data.file.path or data.file.url must name one that ends with " + ", ".join(FORMATS)


def _check(options: FileSettings) -> None:
    if options.url is None and not options.path.is_file():
        raise GatehouseError(
            f"{options.path}: there is no such file; data.file.path in {PARAMS} names it "
            "(where DVC keeps it: dvc pull)"
        )


FILE = SourceSpec(
    name="file",
    label="one CSV or Parquet file, here or at a URL",
    settings=FileSettings,
    read=_read,
    credentials="the environment variables that fsspec reads for the URL",
    fault=_fault,
    check=_check,
)
