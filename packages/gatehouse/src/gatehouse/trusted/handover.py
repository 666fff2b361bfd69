"""Files that the steps of the judging job pass to each other: typed files in one work folder.

The step with a key and a token writes `fetched.json`, and the step without either writes
`measured.json`. The workflow keeps the SHA-256 of both, out of reach of the processes that open the
candidate, and the judging step refuses any other bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.evidence import GateName, evidence_path
from gatehouse.model import Metadata
from gatehouse.trusted.candidate import digests
from gatehouse.trusted.isolation import Level
from gatehouse.trusted.merge_target import MergeTarget
from gatehouse.typed import Document, Frozen
from gatehouse.workspace import EVIDENCE


class Stopped(Frozen):
    """Why there is nothing to measure."""

    kind: Literal["gone", "elsewhere", "draft", "error"] = Field(
        description="no open pull request; a base without gates; a draft; something is wrong"
    )
    why: str


class Fetched(Document):
    """Result of the fetching step."""

    version: Literal[1] = 1
    head: str = Field(pattern="^[0-9a-f]{40}$", description="the commit to judge")
    stopped: Stopped | None = Field(default=None, description="null where there is a candidate")
    target: MergeTarget | None = Field(default=None, description="where the commit would be merged")
    base: str | None = Field(default=None, pattern="^[0-9a-f]{40}$", description="the base's tip")
    run: str | None = Field(default=None, description="address of the run of Pipeline")
    pipeline: int | None = Field(default=None, description="the same, by GitHub's number")
    attempt: int | None = Field(default=None, description="its newest attempt")
    archive: str | None = Field(default=None, description="the candidate's artifact")
    artifact: int | None = Field(default=None, description="the same, by GitHub's number")
    origin: str | None = Field(
        default=None, description="why data and model count as from no run; null where they do"
    )
    changed: tuple[str, ...] = Field(default=(), description="files that the pull request changes")
    whole: bool = Field(default=True, description="are these all of them?")
    failed: str | None = Field(default=None, description="why the run of the workflow is no pass")
    files: dict[str, str] = Field(
        default_factory=dict, description="SHA-256 of each file of the candidate, by its path"
    )
    draws: str = Field(
        default="", description="what the gates' random draws follow from; it tells no secret"
    )


class Measured(Document):
    """Result of the measuring step, besides the evidence in the candidate's folder."""

    version: Literal[1] = 1
    stopped: str | None = Field(default=None, description="why nothing was measured")
    isolation: Level = Field(
        default=Level.NONE, description="what separated the processes that opened the candidate"
    )
    unmeasured: dict[GateName, str] = Field(
        default_factory=dict, description="why a gate has no evidence"
    )
    graph: Metadata | None = Field(default=None, description="what the graph says of itself")
    graph_problem: str | None = Field(default=None, description="why that cannot be read")
    made: dict[str, str] = Field(
        default_factory=dict,
        description="SHA-256 of each file that was added: evidence and dealt rows, by its path",
    )


@dataclass(frozen=True)
class Place:
    """Locations of the trusted checkout and of the folder that the steps share."""

    root: Path
    work: Path

    @property
    def candidate(self) -> Path:
        return self.work / "candidate"

    @property
    def fetched_file(self) -> Path:
        return self.work / "fetched.json"

    @property
    def measured_file(self) -> Path:
        return self.work / "measured.json"

    def fetched(self, digest: str | None = None) -> Fetched:
        """Read `fetched.json`; `digest` is the SHA-256 that the file must have, in hex.

        Raises:
            GatehouseError: the file is missing, has another digest or is broken.
        """
        _check(self.fetched_file, digest)
        return Fetched.read(self.fetched_file)

    def measured(self, digest: str | None = None) -> Measured:
        """Read `measured.json`; see `fetched`."""
        _check(self.measured_file, digest)
        return Measured.read(self.measured_file)


def evidence_digests(folder: Path, gates: Iterable[str]) -> dict[str, str]:
    """Return the SHA-256 of the evidence of `gates` in the candidate's `folder`, by path."""
    paths = [evidence_path(EVIDENCE, gate) for gate in gates]
    return {path.as_posix(): file_digest(folder / path) for path in paths
            if (folder / path).exists()}  # fmt: skip


def check_files(folder: Path, fetched: Fetched, measured: Measured) -> None:
    """Check, file by file, that the candidate is the one that was fetched and measured.

    Raises:
        GatehouseError: a file was added, changed or removed since then.
    """
    known, here = fetched.files | measured.made, digests(folder)
    for name in sorted(known.keys() | here.keys()):
        if known.get(name) != here.get(name):
            raise GatehouseError(
                f"the candidate's {name} was changed while it was measured; run Gates again"
            )


def _check(path: Path, digest: str | None) -> None:
    if digest is None:
        return
    found = file_digest(path).removeprefix("sha256:")
    if found != digest:
        raise GatehouseError(
            f"{path.name} is not what its step wrote: its SHA-256 is {found[:12]}, and was "
            f"{digest[:12]}; run Gates again"
        )
