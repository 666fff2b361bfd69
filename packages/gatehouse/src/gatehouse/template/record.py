"""The template version of a repository, recorded in a small file in Git."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator

from gatehouse.errors import GatehouseError
from gatehouse.git import file_at
from gatehouse.remote import shown
from gatehouse.typed import Frozen, parse_yaml, read_text, validate

RECORD = Path(".gatehouse.yaml")
_ABOUT = "# Which Gatehouse this repository is on. `gatehouse template update` writes it.\n"


class Record(Frozen):
    """The version that was merged last.

    It is a file rather than a trailer of the commit, because a file survives a squash merge.
    """

    version: Literal[1] = 1
    url: str | None = Field(
        None, description="where the template is fetched from; none where only a path was named"
    )
    commit: Annotated[str, Field(pattern="^[0-9a-f]{40,64}$")]
    name: str = Field(description="its tag, for people")

    @field_validator("url")
    @classmethod
    def _check(cls, url: str | None) -> str | None:
        return None if url is None else checked_url(url)

    def to_yaml(self) -> str:
        values = self.model_dump(exclude_none=True)
        return _ABOUT + "".join(f"{key}: {_quoted(value)}\n" for key, value in values.items())

    @classmethod
    def at(cls, commit: str, root: Path) -> Self | None:
        """Return the record in a commit, or None if it has none.

        Raises:
            GatehouseError: the file is not a record.
        """
        text = file_at(commit, RECORD, root)
        return None if text is None else validate(cls, parse_yaml(text, RECORD), RECORD)

    @classmethod
    def beside(cls, root: Path) -> Self | None:
        """Return the record in a folder, or None if it has none.

        Raises:
            GatehouseError: the file is not a record.
        """
        path = root / RECORD
        if not path.is_file():
            return None
        return validate(cls, parse_yaml(read_text(path), RECORD), RECORD)


def checked_url(url: str) -> str:
    """Return the URL, unless Git would store a secret with it.

    Raises:
        ValueError: it contains a password or a token, or is an option of git.
    """
    if url.startswith("-"):
        raise ValueError("the template's URL begins with a dash; write an address that git fetches")
    if re.match(r"\w+::", url):
        raise ValueError("the template's URL names a program of git's; write an address or a path")
    user = re.match(r"https?://[^/]*@|\w+://[^/@]*:[^/@]*@", url)
    if user or ("://" in url and "?" in url):
        raise ValueError(
            f"the template's URL ({shown(url)}) holds a user, password or token, and it is kept in "
            "Git; leave that to git's credential helper"
        )
    return url


def is_local(url: str) -> bool:
    """Return whether it is a path on this machine, useless to others (`host:path` is not)."""
    return url.startswith("file:") or not re.match(r"[\w+.-]+://|[^/]+:", url)


def url_of(given: str | None, record: Record | None, root: Path) -> str:
    """Return the template's URL: as given, as recorded, or the remote `upstream`.

    Raises:
        GatehouseError: none of these is set, or the URL contains a secret.
    """
    from gatehouse.git import git

    url = given or (record and record.url)
    if not url:
        try:
            url = git("remote", "get-url", "upstream", root=root).strip()
        except GatehouseError:
            raise GatehouseError(
                f"nothing says where the template is: {RECORD} names no URL, and there is no "
                "remote `upstream`; say it with --url, which is "
                "recorded unless it is a path of this machine"
            ) from None
    try:
        return checked_url(url)
    except ValueError as error:
        raise GatehouseError(str(error)) from None


def _quoted(value: object) -> str:
    text = str(value)
    return text if re.fullmatch(r"[\w./:@~+-]*\w", text) else "'" + text.replace("'", "''") + "'"
