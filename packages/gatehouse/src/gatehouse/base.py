"""The base: data, model, policy and contract of the commit that a change would merge into.

They are taken from Git and DVC into `.gatehouse/base/`; the work tree is not touched. What the
evidence compares with is recorded in `reports/base.json`, a dependency of the measuring stages.
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
from gatehouse.evidence import GateName
from gatehouse.first_run import other_question
from gatehouse.git import commit_of, file_at, git
from gatehouse.objects.fetch import MEGABYTES, LostError, fetch
from gatehouse.objects.record import read_lock
from gatehouse.objects.remote import open_store
from gatehouse.policy import POLICY_FILE, Measure, OwnGate, Policy, load_policy, parse_policy
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
"""Files taken from a base; its prepared rows are dealt from the raw ones."""


class Outputs(Frozen):
    """What a commit's `dvc.lock` says of the files to compare with, and its contract."""

    contract: str = Field(description="digest of the base's contract")
    outs: dict[str, str] = Field(description="DVC's MD5 of each output, by path")
    files: dict[str, str] | None = Field(
        default=None,
        description="SHA-256 of each file, as the gates recorded them there; null: none recorded",
    )

    @property
    def address(self) -> dict[str, object]:
        """What names these files; it is the same whether or not the gates recorded them."""
        return {"contract": self.contract, "outs": self.outs}


def folder_of(outputs: Outputs | None) -> Path:
    """Where a commit's files lie, named by what they are."""
    named = json.dumps(outputs and outputs.address, sort_keys=True)
    return STORE / hashlib.sha256(named.encode()).hexdigest()[:16]


Counted = Literal["touched_exam_rows", "exam_growth"]
COUNTED: tuple[Counted, ...] = get_args(Counted)
"""Measurements that count from the rows of an owner's last word, and not from the base's."""


class BaseRecord(Document):
    """What the evidence is compared with; null: nothing."""

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

    erased: Erased | None = Field(
        default=None, description="the base's list of rows that were erased on request"
    )

    reviewed: bool = Field(
        default=False, description="must an owner review the change, whatever is measured?"
    )

    @property
    def folder(self) -> Path:
        """Where the base's files lie, named by what they are."""
        return folder_of(self.outputs)


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
        policy_text: the text of that commit's `policy.yaml`, or None.
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
    """What Git says of the base `ref`; no data is fetched.

    Raises:
        GatehouseError: no such commit, or its policy, contract or lock is unreadable.
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
    """What the text of a `dvc.lock` says of the files to compare with.

    Raises:
        GatehouseError: it does not record all of them.
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
    """DVC's MD5 of each output that a `dvc.lock` records, by path.

    Raises:
        GatehouseError: the text is no lock file by the schema of `objects.record`.
    """
    return {path: output.recorded for path, output in read_lock(text, name).items()}


def take_base(base: Base, root: Path = Path(), megabytes: int = MEGABYTES) -> Workspace | None:
    """The base's files, fetched from DVC's cache or remote if they are not here yet.

    None where the pipeline never ran at that commit: there is nothing to compare with. The commit
    says which objects, and the checkout at `root` where they are: nothing else of the commit is
    asked, and DVC is not run on it.

    Args:
        base: what Git says of it.
        root: the checkout.
        megabytes: that the files may have.

    Raises:
        GatehouseError: the files are in no cache and no remote, or are not what the lock records.
    """
    if base.record.outputs is None:
        return None
    folder = root / base.record.folder
    if not folder.exists():
        _fetch(base, folder, root, megabytes)
    return checked_base(folder, base.record.outputs)


def checked_base(folder: Path, outputs: Outputs) -> Workspace:
    """The base's files in `folder`, after a look at every byte: a folder there proves nothing.

    Raises:
        GatehouseError: a file is not what the base's `dvc.lock` and contract record, or has the
            MD5 of what the gates judged there, and another SHA-256.
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
    """Record what the evidence compares with; an unchanged record keeps its file untouched."""
    path = root / BASE_FILE
    if not path.is_file() or path.read_bytes() != record.to_json().encode():
        record.write(path)


def read_record(root: Path = Path()) -> BaseRecord:
    """What `reports/base.json` says; of a missing file, nothing to compare with."""
    return BaseRecord.read(root / BASE_FILE) if (root / BASE_FILE).exists() else BaseRecord()


def measuring_policy(root: Path = Path()) -> Policy:
    """The policy here, with the measuring settings and own gates of the recorded base.

    These then count; a gate that only the policy here names is measured as it says.
    """
    policy, record = load_policy(root / POLICY_FILE), read_record(root)
    if record.measure is None:
        return policy
    gates = policy.gates | record.gates
    return policy.model_copy(update={"measure": record.measure, "gates": gates})


def fetch_recorded_base(root: Path = Path()) -> Workspace | None:
    """The base that `reports/base.json` names, from the commit whose `dvc.lock` records it.

    None where it names none.

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
    """The base that `reports/base.json` names, its rows dealt.

    None where it names none, or what is in `root` asks another question.

    Raises:
        GatehouseError: its files are not here, are not the base's, or its rows can't be dealt.
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
    """The base, if what is in `root` can be compared with it; else that is a first run."""
    if base is None or other_question(base.contract, Workspace(root).contract):
        return None
    return base


def dealt(base: Workspace) -> Workspace:
    """A base with its prepared rows: dealt from its raw rows, by its contract, where they aren't.

    Raises:
        GatehouseError: the rows can't be dealt.
    """
    from gatehouse.prepare import prepare

    try:
        sealed_digest(base.prepared)
    except GatehouseError:
        prepare(base.contract, base.raw, base.prepared)
    return base
