"""The base: data, model, policy and contract of the commit that a change would merge into.

The files are taken from Git and DVC into `.gatehouse/base/`; the work tree is not touched.
`reports/base.json` records the base that the evidence is compared with, and the measuring stages
depend on it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from gatehouse.contract import CONTRACT_FILE, Contract, parse_contract
from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Asked, GateName
from gatehouse.first_run import other_question
from gatehouse.git import commit_of, file_at, git
from gatehouse.objects.fetch import MEGABYTES, LostError, fetch
from gatehouse.objects.record import read_lock
from gatehouse.objects.remote import open_store
from gatehouse.policy import (
    POLICY_FILE,
    Measure,
    OwnGate,
    Policy,
    Sealed,
    load_policy,
    parse_policy,
)
from gatehouse.privacy.erased import ERASED, Erased
from gatehouse.recorded import RECORDED, check_recorded, recorded_for
from gatehouse.seal import sealed_digest
from gatehouse.table import RAW
from gatehouse.typed import Document, Frozen
from gatehouse.workspace import MODEL, MODEL_FP32, Workspace

BASE_FILE = Path("reports/base.json")
STORE = Path(".gatehouse/base")
LOCK = Path("dvc.lock")
TAKEN = (RAW, MODEL_FP32, MODEL)
"""Files taken from a base; its prepared rows are made from the raw ones."""


class Outputs(Frozen):
    """The files to compare with, as a commit's `dvc.lock` records them, and its contract."""

    contract: str = Field(description="digest of the base's contract")
    outs: dict[str, str] = Field(description="DVC's MD5 of each output, by path")
    files: dict[str, str] | None = Field(
        default=None,
        description="SHA-256 of each file, as the gates recorded them there; null: none recorded",
    )

    @property
    def address(self) -> dict[str, object]:
        """Return the values that identify these files, whether or not the gates recorded them."""
        return {"contract": self.contract, "outs": self.outs}


def folder_of(outputs: Outputs | None) -> Path:
    """Return the folder of a commit's files; its name is a digest of their identity."""
    named = json.dumps(outputs and outputs.address, sort_keys=True)
    return STORE / hashlib.sha256(named.encode()).hexdigest()[:16]


Counted = Literal["touched_exam_rows", "exam_growth"]
COUNTED: tuple[Counted, ...] = get_args(Counted)
"""Measurements that count from the rows last accepted by an owner, not from the base's rows."""


class Judged(Frozen):
    """How many candidates the base's branch recorded on one exam."""

    exam: str = Field(description="digest of the exam")
    candidates: int = Field(ge=1, description="different models, since the exam last changed")


class BaseRecord(Document):
    """What the evidence is compared with; null means nothing."""

    version: Literal[1] = 1
    outputs: Outputs | None = None
    measure: Measure | None = Field(
        default=None, description="the base's settings of measuring, which then count"
    )
    gates: dict[GateName, OwnGate] = Field(
        default_factory=dict, description="gates of the base's own, which then count"
    )

    since: dict[Counted, Outputs] = Field(
        default_factory=dict,
        description="from which earlier commit's rows a measurement counts, if not from the base's",
    )

    released: Outputs | None = Field(
        default=None,
        description="the best released model of the base's branch; null where it is the base's",
    )

    judged: Judged | None = Field(
        default=None, description="candidates that were judged on the exam before; null: unknown"
    )

    sealed: Sealed | None = Field(
        default=None, description="the base's sealed exam, which only the gates can read"
    )

    asked: Asked | None = Field(default=None, description="what it was asked before")

    erased: Erased | None = Field(
        default=None, description="the base's list of rows that were erased on request"
    )

    reviewed: bool = Field(
        default=False, description="must an owner review the change, whatever is measured?"
    )

    @property
    def folder(self) -> Path:
        """Return the folder of the base's files; its name is a digest of their identity."""
        return folder_of(self.outputs)


@dataclass(frozen=True)
class Base:
    """A commit to compare with.

    Attributes:
        ref: the requested name.
        commit: the commit that `ref` resolves to.
        record: the commit's outputs; its `outputs` are None if the pipeline never ran there.
        policy: None if the commit has no policy.
        contract: None if the commit has no contract.
        params: the text of the commit's `params.yaml`, or None.
        policy_text: the text of the commit's `policy.yaml`, or None.
    """

    ref: str
    commit: str
    record: BaseRecord
    policy: Policy | None
    contract: Contract | None
    params: str | None
    policy_text: str | None = None

    @property
    def name(self) -> str:
        return f"{self.ref} ({self.commit[:12]})"


def find_base(ref: str, root: Path = Path()) -> Base:
    """Read the base `ref` from Git, without fetching any data.

    Raises:
        GatehouseError: the commit does not exist, or its policy, contract or lock is unreadable.
    """
    commit = commit_of(ref, root)
    policy = file_at(commit, POLICY_FILE, root)
    contract = file_at(commit, CONTRACT_FILE, root)
    parsed = parse_contract(contract, f"{ref}:{CONTRACT_FILE}") if contract else None
    decides = parse_policy(policy, f"{ref}:{POLICY_FILE}") if policy else None
    outputs = _outputs(commit, ref, parsed, root)
    erased = file_at(commit, ERASED, root)
    return Base(
        ref=ref,
        commit=commit,
        record=BaseRecord(
            outputs=outputs,
            measure=decides.measure if decides else None,
            gates=decides.gates if decides else {},
            sealed=decides.sealed if decides else None,
            erased=Erased.parse(erased, f"{ref}:{ERASED}") if erased else None,
        ),
        policy=decides,
        contract=parsed,
        params=file_at(commit, Path("params.yaml"), root),
        policy_text=policy,
    )


def _outputs(commit: str, ref: str, contract: Contract | None, root: Path) -> Outputs | None:
    text = file_at(commit, LOCK, root)
    if text is None or contract is None:
        return None
    found = outputs_in(text, f"{ref}:{LOCK}", contract)
    files = recorded_for(file_at(commit, RECORDED, root), found.outs)
    return found.model_copy(update={"files": files})


def outputs_in(text: str, name: str, contract: Contract) -> Outputs:
    """Return the files to compare with from the text of a `dvc.lock`.

    Raises:
        GatehouseError: the lock does not record all of them.
    """
    outs = locked_outputs(text, name)
    taken = {path.as_posix(): outs.get(path.as_posix()) for path in TAKEN}
    found = {path: md5 for path, md5 in taken.items() if md5}
    if len(found) < len(TAKEN):
        lost = ", ".join(path for path in taken if path not in found)
        raise GatehouseError(
            f"{name}: does not record {lost}, so it cannot be compared with; "
            "run `make run` there, and commit dvc.lock"
        )
    return Outputs(contract=contract.digest, outs=found)


def locked_outputs(text: str, name: str) -> dict[str, str]:
    """Return DVC's MD5 of each output that a `dvc.lock` records, by path.

    Raises:
        GatehouseError: the text is not a lock file by the schema of `objects.record`.
    """
    return {path: output.recorded for path, output in read_lock(text, name).items()}


def take_base(base: Base, root: Path = Path(), megabytes: int = MEGABYTES) -> Workspace | None:
    """Fetch the base's files from DVC's cache or remote unless they are already here.

    The commit determines which objects are fetched, and the checkout at `root` where they are
    found. Nothing else is read from the commit, and DVC is not run on it.

    Args:
        base: the base, from `find_base`.
        root: the checkout.
        megabytes: size limit of the files.

    Returns:
        The base's files, or None if the pipeline never ran at that commit, so that there is nothing
        to compare with.

    Raises:
        GatehouseError: the files are in no cache and no remote, or differ from the lock's record.
    """
    if base.record.outputs is None:
        return None
    folder = root / base.record.folder
    if not folder.exists():
        _fetch(base, folder, root, megabytes)
    return checked_base(folder, base.record.outputs)


def checked_base(folder: Path, outputs: Outputs) -> Workspace:
    """Return the base's files in `folder` after checking every byte.

    An existing folder proves nothing about its content.

    Raises:
        GatehouseError: a file differs from the record in the base's `dvc.lock` and contract, or has
            the MD5 but not the SHA-256 of the file that the gates judged there.
    """
    workspace = Workspace(folder)
    for path, md5 in outputs.outs.items():
        if not (folder / path).exists() or dvc_md5(folder / path) != md5:
            raise GatehouseError(f"{folder / path}: is not the base's; remove {folder}")
    if outputs.files is not None:
        check_recorded(folder, outputs.outs, outputs.files)
    if workspace.contract.digest != outputs.contract:
        raise GatehouseError(f"{folder / CONTRACT_FILE}: is not the base's; remove {folder}")
    return workspace


def _fetch(base: Base, folder: Path, root: Path, megabytes: int) -> None:
    lock, contract = file_at(base.commit, LOCK, root), file_at(base.commit, CONTRACT_FILE, root)
    assert lock is not None and contract is not None, "else there are no outputs"
    outs = read_lock(lock, f"{base.ref}:{LOCK}")
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix="part-", dir=folder.parent))
    try:
        wanted = [outs[path.as_posix()] for path in TAKEN]
        fetch(wanted, part, open_store(root), megabytes)
        (part / CONTRACT_FILE).write_text(contract, encoding="utf-8")
        part.replace(folder)
    except LostError as error:
        raise GatehouseError(
            f"the data and model of {base.name} are in no DVC cache or remote that can be reached "
            f"({error}); push them from where they were made (dvc push), or name another base"
        ) from None
    except GatehouseError as error:
        raise GatehouseError(f"of {base.name}: {error}") from None
    except OSError as error:
        if folder.exists():
            return  # another process took the same base meanwhile
        raise GatehouseError(f"{folder}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_record(record: BaseRecord, root: Path = Path()) -> None:
    """Record what the evidence is compared with; an unchanged record leaves its file untouched."""
    path = root / BASE_FILE
    if not path.is_file() or path.read_bytes() != record.to_json().encode():
        record.write(path)


def read_record(root: Path = Path()) -> BaseRecord:
    """Read `reports/base.json`; if it is missing, there is nothing to compare with."""
    return BaseRecord.read(root / BASE_FILE) if (root / BASE_FILE).exists() else BaseRecord()


def measuring_policy(root: Path = Path()) -> Policy:
    """Return the policy here, with the measuring settings and own gates of the recorded base.

    The base's settings take precedence. A gate that only the policy here names keeps the settings
    from that policy.
    """
    policy, record = load_policy(root / POLICY_FILE), read_record(root)
    if record.measure is None:
        return policy
    gates = policy.gates | record.gates
    return policy.model_copy(update={"measure": record.measure, "gates": gates})


def fetch_recorded_base(root: Path = Path()) -> Workspace | None:
    """Fetch the base that `reports/base.json` names, from the commit whose `dvc.lock` records it.

    Returns:
        The base, or None if the file names none.

    Raises:
        GatehouseError: no commit here records it, or its files are in no cache and no remote.
    """
    record = read_record(root)
    if record.outputs is None:
        return None
    for commit in git("log", "--format=%H", "--", str(LOCK), root=root).split():
        base = find_base(commit, root)
        if base.record.folder == record.folder:
            return take_base(base, root)
    raise GatehouseError(
        f"{BASE_FILE}: no commit here records the base it names; fetch the whole history "
        "(git fetch --unshallow)"
    )


def recorded_base(root: Path = Path()) -> Workspace | None:
    """Return the base that `reports/base.json` names, with its prepared rows.

    Returns:
        The base, or None if the file names none or the data in `root` answer another question.

    Raises:
        GatehouseError: its files are missing or differ from the base's, or its rows can't be split.
    """
    record = read_record(root)
    if record.outputs is None:
        return None
    folder = root / record.folder
    if not folder.exists():
        raise GatehouseError(
            f"{BASE_FILE}: the base it names is not here; run `make run BASE=<commit>` to take it"
        )
    base = comparable(checked_base(folder, record.outputs), root)
    return None if base is None else dealt(base)


def comparable(base: Workspace | None, root: Path) -> Workspace | None:
    """Return the base if the data in `root` can be compared with it, else None: a first run."""
    if base is None or other_question(base.contract, Workspace(root).contract):
        return None
    return base


def dealt(base: Workspace) -> Workspace:
    """Return a base with its prepared rows, splitting its raw rows by its contract if needed.

    Raises:
        GatehouseError: the rows can't be split.
    """
    from gatehouse.prepare import prepare

    try:
        sealed_digest(base.prepared)
    except GatehouseError:
        prepare(base.contract, base.raw, base.prepared)
    return base
