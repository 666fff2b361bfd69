"""DVC remotes: folders, and S3 as a real one, by moto's server on this machine."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gatehouse.doctor import remote as doctor_remote
from gatehouse.doctor.finding import Finding, Level
from gatehouse.doctor.remote import check_remote


def configured(root: Path, url: str, **more: str) -> Path:
    """A folder with DVC set up, whose default remote is at `url`."""
    from dvc.repo import Repo

    root.mkdir()
    with Repo.init(str(root), no_scm=True):
        pass
    lines = [f"{key} = {value}" for key, value in {"url": url, **more}.items()]
    (root / ".dvc/config").write_text(
        "[core]\n    no_scm = True\n    remote = storage\n"
        "['remote \"storage\"']\n    " + "\n    ".join(lines) + "\n"
    )
    return root


def levels(root: Path, *, write: bool = False) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {level: [] for level in Level}
    for each in check_remote(root, write=write):
        found[each.level].append(each)
    return found


def test_no_remote_and_none_of_dvc_s(tmp_path: Path) -> None:
    """Attacks: a folder that is no DVC repository, and one without a remote."""
    (problem,) = levels(tmp_path)[Level.PROBLEM]
    assert "cannot be opened" in problem.text
    root = configured(tmp_path / "work", "/nowhere")
    (root / ".dvc/config").write_text("[core]\n    no_scm = True\n")
    (warning,) = levels(root)[Level.WARNING]
    assert "dvc remote add --default" in warning.fix


def test_a_folder(tmp_path: Path) -> None:
    """Attacks: a remote that can't be written, and a test file that stays behind."""
    storage = tmp_path / "storage"
    root = configured(tmp_path / "work", str(storage))
    assert "not there yet" in levels(root)[Level.WARNING][1].text
    storage.mkdir()
    found = levels(root, write=True)
    assert [each.text.split(": ")[1] for each in found[Level.FINE]] == [
        "can be read",
        "can be written",
    ]
    assert list(storage.iterdir()) == []
    storage.rmdir()
    storage.write_text("a file in its place")
    (problem,) = levels(root, write=True)[Level.PROBLEM]
    assert "could not be written" in problem.text or "does not answer" in problem.text


def test_secrets_in_git_are_told_and_not_printed(tmp_path: Path) -> None:
    """Attacks: a key in .dvc/config, which everyone can read, printed once more."""
    made_up = {
        "secret_access_key": "abc123hidden",  # pragma: allowlist secret
        "endpointurl": "http://me:abc123hidden@127.0.0.1:1/",  # pragma: allowlist secret
    }
    root = configured(tmp_path / "work", "s3://bucket/x", **made_up)
    found = [each for each in check_remote(root, write=False) if "lies in Git" in each.text]
    assert [each.text.split()[1] for each in found] == ["secret_access_key", "endpointurl"]
    told = "".join(each.text + each.fix for each in check_remote(root, write=False))
    assert "abc123hidden" not in told


def test_one_that_never_answers_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks: a doctor that hangs."""
    import threading

    from dvc_objects.fs.local import LocalFileSystem

    root, never = configured(tmp_path / "work", str(tmp_path / "storage")), threading.Event()
    exists = LocalFileSystem.exists

    def stuck(self: LocalFileSystem, path: str, **more: Any) -> bool:
        return never.wait(30) if path.endswith("storage") else bool(exists(self, path, **more))

    monkeypatch.setattr(doctor_remote, "SECONDS", 0.05)
    monkeypatch.setattr(LocalFileSystem, "exists", stuck)
    (problem,) = levels(root)[Level.PROBLEM]
    never.set()
    assert "does not answer (TimeoutError)" in problem.text


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _key(address: str, name: str, actions: list[str]) -> dict[str, str]:
    """The key of a new user of the stand-in, who may do `actions`."""
    import boto3  # type: ignore[import-untyped]

    setup: Any = boto3.Session("setup", "setup", region_name="us-east-1")
    iam = setup.client("iam", endpoint_url=address)
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName=name, PolicyDocument=document)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
    }


def test_s3_with_the_rights_that_a_key_has(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks: a key that may not read, one that may not write, and objects left behind."""
    import boto3
    import s3fs  # type: ignore[import-untyped]
    from moto.core.authorization import enable_iam_authentication
    from moto.moto_api._internal.models import moto_api_backend

    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    moto_api_backend.reset()
    s3 = boto3.Session("a", "a", region_name="us-east-1").client("s3", endpoint_url=address)
    s3.create_bucket(Bucket="models")
    s3.put_object(Bucket="models", Key="dvc/files/md5/00/11", Body=b"x")
    root = configured(tmp_path / "work", "s3://models/dvc", endpointurl=address)
    keys = {
        "nobody": _key(address, "nobody", ["s3:GetBucketLocation"]),
        "reader": _key(address, "reader", ["s3:GetObject", "s3:ListBucket"]),
        "writer": _key(address, "writer", ["s3:*"]),
    }
    told = {}
    with enable_iam_authentication():
        for name, key in keys.items():
            for variable, value in key.items():
                monkeypatch.setenv(variable, value)
            s3fs.S3FileSystem.clear_instance_cache()
            told[name] = [
                (each.level, each.text.partition("s3://models/dvc: ")[2])
                for each in check_remote(root, write=True)
            ]
    s3fs.S3FileSystem.clear_instance_cache()
    assert told["nobody"] == [(Level.PROBLEM, "may not be read")]
    assert told["reader"][0] == (Level.FINE, "can be read")
    assert told["reader"][1][0] is Level.PROBLEM
    assert told["writer"] == [(Level.FINE, "can be read"), (Level.FINE, "can be written")]
    objects = s3.list_objects_v2(Bucket="models")["Contents"]
    assert [each["Key"] for each in objects] == ["dvc/files/md5/00/11"]
