"""Parses DVC's records as data: `dvc.lock`, the `.dvc` file of a table, a folder's manifest.

DVC's own readers follow what a record says: `wdir`, `files`, `frozen`, `remote`, imports. Here such
keys are errors, a path must be in a list of places, and a digest is only an address. Records that
this schema accepts are valid for DVC too; a test checks this with 300 records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, field_validator, model_validator

from gatehouse.errors import GatehouseError
from gatehouse.objects.allowed_places import Kind, clash, output_fault, tracked_fault, unsafe
from gatehouse.typed import Frozen, parse_json, plain_yaml, validate

LOCK_BYTES = 1_000_000
MANIFEST_BYTES = 32_000_000
MEMBERS = 100_000
"""Maximum number of files in a folder."""
_STAGES = 200
_ENTRIES = 2_000
_TEXT = 10_000

_DIGEST = re.compile(r"[0-9a-f]{32}")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ANEW = "write the record again with DVC 3 (make run; dvc add)"

Size = Annotated[StrictInt, Field(ge=0, lt=2**63)]
Text = Annotated[StrictStr, Field(max_length=_TEXT)]


@dataclass(frozen=True)
class Output:
    """Files that a record names.

    Attributes:
        path: relative to the folder of the record's project.
        md5: address of the file, or of the folder's manifest.
        kind: file or folder.
        size: total size of the files in bytes, if the record states it.
        files: number of files in a folder, if the record states it.
    """

    path: str
    md5: str
    kind: Kind
    size: int | None = None
    files: int | None = None

    @property
    def recorded(self) -> str:
        """The digest as DVC writes it."""
        return self.md5 + (".dir" if self.kind == "folder" else "")


@dataclass(frozen=True)
class Member:
    """A file in a folder: its path relative to the folder, and its address."""

    path: str
    md5: str


class _Strict(Frozen):
    """Model whose errors name unknown keys with their values."""

    @model_validator(mode="before")
    @classmethod
    def _known(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            for key, value in data.items():
                if key not in known:
                    raise ValueError(
                        f"has the key {_shown(key)} with the value {_shown(value)}, and a record "
                        f"may only have {', '.join(sorted(known))}; take it out, or {_ANEW}"
                    )
        return data


class _Entry(_Strict):
    path: Text
    hash: Literal["md5"] | None = None
    md5: Text | None = None
    size: Size | None = None
    nfiles: Size | None = None
    isexec: StrictBool | None = None


class _Dependency(_Entry):
    """A stage's dependency; it is compared, but never fetched."""

    @field_validator("path")
    @classmethod
    def _path(cls, path: str) -> str:
        if _SCHEME.match(path) or _CONTROL.search(path):
            raise ValueError(f"{_shown(path)} is not a file of the repository; {_ANEW}")
        return path


class _Output(_Entry):
    md5: Text

    @field_validator("md5")
    @classmethod
    def _digest(cls, md5: str) -> str:
        if not _DIGEST.fullmatch(md5.removesuffix(".dir")):
            raise ValueError(f"{_shown(md5)} is not an MD5 in 32 lower-case hex digits; {_ANEW}")
        return md5

    @model_validator(mode="after")
    def _of_dvc_3(self) -> Self:
        if self.hash is None:
            raise ValueError(
                f"{_shown(self.path)} has no `hash: md5`, as DVC 2 wrote it, which names other "
                f"bytes; {_ANEW}"
            )
        return self

    @property
    def kind(self) -> Kind:
        return "folder" if self.md5.endswith(".dir") else "file"

    def output(self, path: str) -> Output:
        md5 = self.md5.removesuffix(".dir")
        return Output(path, md5, self.kind, self.size, self.nfiles)


class _StageOutput(_Output):
    @model_validator(mode="after")
    def _place(self) -> Self:
        if why := output_fault(self.path, self.kind):
            raise ValueError(f"the path {_shown(self.path)} {why}; change it in dvc.yaml")
        return self


class _Stage(_Strict):
    cmd: Text | list[Text]
    deps: list[_Dependency] = Field(default_factory=list, max_length=_ENTRIES)
    params: dict[Text, dict[Text, Any]] = Field(default_factory=dict)
    outs: list[_StageOutput] = Field(default_factory=list, max_length=_ENTRIES)


class _Lock(_Strict):
    schema_: Literal["2.0"] = Field(alias="schema")
    stages: dict[Text, _Stage] = Field(default_factory=dict, max_length=_STAGES)


class _Tracked(_Strict):
    outs: Annotated[list[_Output], Field(min_length=1, max_length=1)]


class _Member(_Strict):
    relpath: Text
    md5: Text

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if not _DIGEST.fullmatch(self.md5):
            raise ValueError(f"{_shown(self.md5)} is not an MD5 in 32 lower-case hex digits")
        if why := unsafe(self.relpath):
            raise ValueError(f"the path {_shown(self.relpath)} {why}; rename the file")
        return self


class _Manifest(_Strict):
    files: Annotated[list[_Member], Field(max_length=MEMBERS)]


def read_lock(text: str, name: str) -> dict[str, Output]:
    """Return the outputs that the text of a `dvc.lock` records, by path.

    Args:
        text: text of the file.
        name: name of the file, for errors.

    Raises:
        GatehouseError: it is not a lock file, has a key, path or digest that is not allowed, or
            names an output twice.
    """
    if len(text.encode(errors="surrogatepass")) > LOCK_BYTES:
        raise GatehouseError(f"{name}: has more than {LOCK_BYTES:,} bytes; {_ANEW}")
    data = plain_yaml(text, name)
    if not isinstance(data, dict):
        raise GatehouseError(f"{name}: is not a lock file that DVC wrote; {_ANEW}")
    outs: dict[str, Output] = {}
    for out in _outs(validate(_Lock, data, name)):
        if out.path in outs:
            raise GatehouseError(f"{name}: names the output {out.path} twice; {_ANEW}")
        outs[out.path] = out.output(out.path)
    if why := clash(outs):
        raise GatehouseError(f"{name}: {why}; change it in dvc.yaml")
    return outs


def _outs(lock: _Lock) -> Iterator[_StageOutput]:
    for stage in lock.stages.values():
        yield from stage.outs


def read_tracked(text: str, name: str) -> Output:
    """Return the table that the text of a `.dvc` file tracks.

    Args:
        text: text of the file.
        name: its path from the project's folder, for example data/own/rows.csv.dvc.

    Raises:
        GatehouseError: as for `read_lock`, or it tracks anything but the file next to it.
    """
    path = name.removesuffix(".dvc")
    if path == name or (why := tracked_fault(path)):
        raise GatehouseError(
            f"{name}: {why if path != name else 'is no .dvc file'}; move the file of rows there, "
            "and dvc add it again"
        )
    if len(text.encode(errors="surrogatepass")) > LOCK_BYTES:
        raise GatehouseError(f"{name}: has more than {LOCK_BYTES:,} bytes; {_ANEW}")
    data = plain_yaml(text, name)
    if not isinstance(data, dict):
        raise GatehouseError(f"{name}: is not a file that `dvc add` wrote; {_ANEW}")
    (out,) = validate(_Tracked, data, name).outs
    beside = PurePosixPath(path).name
    if out.path != beside or out.kind != "file":
        raise GatehouseError(
            f"{name}: outs.0.path: {_shown(out.path)} is not the file {beside} next to it; {_ANEW}"
        )
    return out.output(path)


def read_manifest(content: bytes, name: str) -> tuple[Member, ...]:
    """Return the files of a folder, by its manifest.

    Args:
        content: content of the object, whose MD5 was checked.
        name: name of the folder, for errors.

    Raises:
        GatehouseError: it is not a manifest as DVC 3 writes it, or names a path outside the folder.
    """
    title = f"the manifest of {name}"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise GatehouseError(f"{title}: is not UTF-8 text; push the folder again") from None
    listed = parse_json(text, title)
    if not isinstance(listed, list):
        raise GatehouseError(f"{title}: is not a list of files; push the folder again")
    manifest = validate(_Manifest, {"files": listed}, title)
    members = tuple(Member(each.relpath, each.md5) for each in manifest.files)
    paths = [member.path for member in members]
    if len(set(paths)) < len(paths):
        raise GatehouseError(f"{title}: names a file twice; push the folder again")
    if why := clash(paths):
        raise GatehouseError(f"{title}: {why}; rename one, and push the folder again")
    if content != manifest_of(members):
        raise GatehouseError(f"{title}: is not laid out as DVC does it; push the folder again")
    return members


def manifest_of(members: tuple[Member, ...]) -> bytes:
    """Return the manifest of a folder as DVC writes it; its MD5 is the folder's address."""
    listed = sorted(
        ({"md5": each.md5, "relpath": each.path} for each in members), key=lambda it: it["relpath"]
    )
    return json.dumps(listed, sort_keys=True).encode()


def _shown(value: Any) -> str:
    text = repr(value if not isinstance(value, dict | list) else json.dumps(value, default=str))
    return text if len(text) <= 100 else text[:97] + "..."
