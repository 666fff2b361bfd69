"""The base from a DVC remote on S3, spoken to as a real one: moto's server on this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from gatehouse.base import STORE, Base, dealt, find_base, take_base
from gatehouse.errors import GatehouseError
from gatehouse.objects.bring import named
from gatehouse.objects.push import push
from gatehouse.objects.remote import open_store
from tests.gatehouse.repository import Repository
from tests.gatehouse.s3 import forget_clients, new_key, session

pytestmark = pytest.mark.slow

BUCKET = "models"
PREFIX = "dvc"
UNREACHABLE = r"no DVC cache or remote that can be reached \(.+\); push .*\(dvc push\)"


@dataclass(frozen=True)
class Remote:
    """A repository whose DVC remote is a folder of a bucket; what was pushed lies only there.

    Attributes:
        repository: HEAD (`main`) records a run.
        s3: a client of the bucket that may all.
        reader: keys that may only read, as the environment has them.
    """

    repository: Repository
    s3: Any
    reader: dict[str, str]

    def base(self) -> Base:
        return find_base("main", self.repository.root)

    def names(self) -> list[str]:
        """The keys of what the bucket holds."""
        return [each["Key"] for each in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]

    def name_of(self, content: bytes) -> str:
        """The one object with this content."""
        (found,) = [key for key in self.names() if self._read(key) == content]
        return found

    def _read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return content

    def refused(self, match: str) -> None:
        """Taking the base is an error in words, with the fix, and leaves nothing."""
        forget_clients()
        with pytest.raises(GatehouseError, match=match):
            take_base(self.base(), self.repository.root)
        assert list((self.repository.root / STORE).iterdir()) == []


@pytest.fixture
def remote(s3: str, repository: Repository, monkeypatch: pytest.MonkeyPatch) -> Iterator[Remote]:
    from moto.core.authorization import enable_iam_authentication

    writer = new_key(s3, "pipeline", ["s3:*"])
    reader = new_key(s3, "gates", ["s3:GetObject", "s3:ListBucket"])
    client = session().client("s3", endpoint_url=s3, **{k.lower(): v for k, v in writer.items()})
    client.create_bucket(Bucket=BUCKET)
    for name, value in writer.items():
        monkeypatch.setenv(name, value)
    with enable_iam_authentication():
        repository.dvc("remote", "add", "--default", "storage", f"s3://{BUCKET}/{PREFIX}")
        repository.dvc("remote", "modify", "storage", "endpointurl", s3)
        repository.commit("A remote")
        repository.dvc("push", "--quiet")
        shutil.rmtree(repository.root / ".dvc/cache")
        yield Remote(repository, client, reader)


def test_a_base_comes_back_with_a_key_that_only_reads(
    remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a remote that only ever was a folder, and a judge who would need to write to it."""
    expected = remote.repository.workspace.present()
    for folder in ("data", "models"):
        shutil.rmtree(remote.repository.root / folder)
    for name, value in remote.reader.items():
        monkeypatch.setenv(name, value)
    assert all(name.startswith(f"{PREFIX}/files/md5/") for name in remote.names())
    forget_clients()
    taken = take_base(remote.base(), remote.repository.root)
    assert taken is not None
    found = dealt(taken).present()
    assert (found.data, found.model, found.model_fp32) == (
        expected.data, expected.model, expected.model_fp32,
    )  # fmt: skip


def test_wrong_keys_are_told(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a traceback of a cloud's library, and a base taken as absent for want of a key."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    remote.refused(UNREACHABLE)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    remote.refused(UNREACHABLE)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    remote.refused(UNREACHABLE)


def test_a_bucket_that_is_gone_is_told(remote: Remote) -> None:
    """Attacks an error that leaves the user without the next step."""
    for name in remote.names():
        remote.s3.delete_object(Bucket=BUCKET, Key=name)
    remote.s3.delete_bucket(Bucket=BUCKET)
    remote.refused(UNREACHABLE)


def test_a_tampered_object_is_no_base(remote: Remote) -> None:
    """Attacks a base made worse in the bucket, so that any candidate compares well with it."""
    for path in ("models/model.int8.onnx", "data/raw/rows.parquet"):
        content = (remote.repository.root / path).read_bytes()
        key = remote.name_of(content)
        for other in (content[:-1] + bytes([content[-1] ^ 1]), content[:-1], b""):
            remote.s3.put_object(Bucket=BUCKET, Key=key, Body=other)
            remote.refused("is not what dvc.lock records")
        remote.s3.delete_object(Bucket=BUCKET, Key=key)
        remote.refused(UNREACHABLE)
        remote.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
    assert take_base(remote.base(), remote.repository.root) is not None


def test_pushing_takes_a_key_that_writes(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks the way back: objects by their digests, and a reading key is told that it only reads.

    What the remote has already is not written over, also where it is something else.
    """
    root = remote.repository.root
    outputs, store = named(root), open_store(root)
    names = remote.names()
    assert push(outputs, root, store)[0] == 0
    key = remote.name_of((root / "models/model.onnx").read_bytes())
    for name in names:
        remote.s3.delete_object(Bucket=BUCKET, Key=name)
    remote.s3.put_object(Bucket=BUCKET, Key=key, Body=b"there already")
    forget_clients()
    pushed, there = push(outputs, root, open_store(root))
    assert (pushed, there) == (len(names) - 1, 1)
    assert sorted(remote.names()) == sorted(names)
    assert remote.name_of(b"there already") == key
    remote.s3.delete_object(Bucket=BUCKET, Key=key)
    for name, value in remote.reader.items():
        monkeypatch.setenv(name, value)
    forget_clients()
    with pytest.raises(GatehouseError, match=r"does not take objects .*the right to write"):
        push(outputs, root, open_store(root))
    assert key not in remote.names()
