"""The base: data, model, policy and contract of the commit that a change would merge into.

They are taken from Git and DVC into `.gatehouse/base/`; the work tree is not touched. What the
evidence compares with is recorded in `reports/base.json`, a dependency of the measuring stages.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from gatehouse.contract import CONTRACT_FILE, Contract, parse_contract
from gatehouse.digest import PREPARED
from gatehouse.errors import GatehouseError
from gatehouse.git import commit_of, file_at
from gatehouse.policy import POLICY_FILE, Policy, parse_policy
from gatehouse.typed import Document, Frozen, parse_yaml
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace

BASE_FILE = Path("reports/base.json")
STORE = Path(".gatehouse/base")
LOCK = Path("dvc.lock")
TAKEN = (PREPARED, MODEL_FP32, MODEL)


class Outputs(Frozen):
    """What a commit's `dvc.lock` says of the files to compare with, and its contract."""

    contract: str = Field(description="digest of the base's contract")
    outs: dict[str, str] = Field(description="DVC's MD5 of each output, by path")


class BaseRecord(Document):
    """What the evidence is compared with; null: nothing."""

    version: Literal[1] = 1
    outputs: Outputs | None = None

    @property
    def folder(self) -> Path:
        """Where the base's files lie, named by what they are."""
        return STORE / hashlib.sha256(self.to_json().encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Base:
    """A commit to compare with.

    Attributes:
        ref: the name that was asked for.
        commit: what it stands for.
        record: which outputs it has; its `outputs` are None where the pipeline never ran there.
        policy: None where that commit has none.
        contract: None where that commit has none.
        params: the text of that commit's `params.yaml`, or None.
    """

    ref: str
    commit: str
    record: BaseRecord
    policy: Policy | None
    contract: Contract | None
    params: str | None

    @property
    def name(self) -> str:
        return f"{self.ref} ({self.commit[:12]})"


def find_base(ref: str, root: Path = Path()) -> Base:
    """What Git says of the base `ref`; no data is fetched.

    Raises:
        GatehouseError: no such commit, or its policy, contract or lock is unreadable.
    """
    commit = commit_of(ref, root)
    policy = file_at(commit, POLICY_FILE, root)
    contract = file_at(commit, CONTRACT_FILE, root)
    parsed = parse_contract(contract, f"{ref}:{CONTRACT_FILE}") if contract else None
    return Base(
        ref=ref,
        commit=commit,
        record=_record(commit, ref, parsed, root),
        policy=parse_policy(policy, f"{ref}:{POLICY_FILE}") if policy else None,
        contract=parsed,
        params=file_at(commit, Path("params.yaml"), root),
    )


def _record(commit: str, ref: str, contract: Contract | None, root: Path) -> BaseRecord:
    text = file_at(commit, LOCK, root)
    if text is None or contract is None:
        return BaseRecord()
    lock = parse_yaml(text, f"{ref}:{LOCK}")
    outs: dict[str, str] = {}
    try:
        for stage in lock["stages"].values():
            for out in stage.get("outs", []):
                if out["path"] in {path.as_posix() for path in TAKEN}:
                    outs[str(out["path"])] = str(out["md5"])
    except (KeyError, TypeError, AttributeError):
        raise GatehouseError(f"{ref}:{LOCK}: is not a lock file that DVC wrote") from None
    if len(outs) < len(TAKEN):
        return BaseRecord()
    return BaseRecord(outputs=Outputs(contract=contract.digest, outs=outs))


def take_base(base: Base, root: Path = Path()) -> Workspace | None:
    """The base's files, fetched from DVC's cache or remote if they are not here yet.

    None where the pipeline never ran at that commit: there is nothing to compare with.

    Raises:
        GatehouseError: the files are in no cache and no remote.
    """
    if base.record.outputs is None:
        return None
    folder = root / base.record.folder
    if not folder.exists():
        _fetch(base, folder, root)
    return Workspace(folder)


def _fetch(base: Base, folder: Path, root: Path) -> None:
    from dvc.api import DVCFileSystem
    from dvc.exceptions import DvcException
    from dvc_data.index import DataIndexError

    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
    try:
        files = DVCFileSystem(str(root.resolve()), rev=base.commit)
        for path in TAKEN:
            target = part / path
            target.parent.mkdir(parents=True, exist_ok=True)
            files.get(path.as_posix(), str(target), recursive=True)
            if not target.exists():
                raise FileNotFoundError(path.as_posix())
        contract = file_at(base.commit, CONTRACT_FILE, root)
        assert contract is not None
        (part / CONTRACT_FILE).write_text(contract, encoding="utf-8")
        os.replace(part, folder)
    except (DvcException, DataIndexError, OSError) as error:
        raise GatehouseError(
            f"the data and model of {base.name} are in no DVC cache or remote that can be reached "
            f"({error}); push them from where they were made (dvc push), or name another base"
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_record(record: BaseRecord, root: Path = Path()) -> None:
    """Record what the evidence compares with; an unchanged record keeps its file untouched."""
    path = root / BASE_FILE
    if not path.exists() or path.read_text(encoding="utf-8") != record.to_json():
        record.write(path)


def recorded_base(root: Path = Path()) -> Workspace | None:
    """The base that `reports/base.json` names; None where it names none.

    Raises:
        GatehouseError: its files are not here.
    """
    if not (root / BASE_FILE).exists():
        return None
    record = BaseRecord.read(root / BASE_FILE)
    if record.outputs is None:
        return None
    folder = root / record.folder
    if not folder.exists():
        raise GatehouseError(
            f"{BASE_FILE}: the base it names is not here; run `make run BASE=<commit>` to take it"
        )
    return Workspace(folder)
