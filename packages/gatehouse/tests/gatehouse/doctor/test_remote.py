"""DVC remotes: folders, and S3 as a real one, by moto's server on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatehouse.doctor import remote as doctor_remote
from gatehouse.doctor.finding import Finding, Level
from gatehouse.doctor.remote import check_remote
from tests.gatehouse.s3 import forget_clients, new_key, session


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
        "unheard_of": "abc123hidden",
        "endpointurl": "http://me:abc123hidden@127.0.0.1:1/",  # pragma: allowlist secret
    }
    root = configured(tmp_path / "work", "s3://bucket/x", **made_up)
    found = [each for each in check_remote(root, write=False) if "is in Git" in each.text]
    assert [each.text.split()[1] for each in found] == list(made_up)
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


def test_s3_with_the_rights_that_a_key_has(
    s3: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks: a key that may not read, one that may not write, and objects left behind."""
    from moto.core.authorization import enable_iam_authentication

    client = session().client("s3", endpoint_url=s3)
    client.create_bucket(Bucket="models")
    client.put_object(Bucket="models", Key="dvc/files/md5/00/11", Body=b"x")
    root = configured(tmp_path / "work", "s3://models/dvc", endpointurl=s3)
    keys = {
        "nobody": new_key(s3, "nobody", ["s3:GetBucketLocation"]),
        "reader": new_key(s3, "reader", ["s3:GetObject", "s3:ListBucket"]),
        "writer": new_key(s3, "writer", ["s3:*"]),
    }
    told = {}
    with enable_iam_authentication():
        for name, key in keys.items():
            for variable, value in key.items():
                monkeypatch.setenv(variable, value)
            forget_clients()
            told[name] = [
                (each.level, each.text.partition("s3://models/dvc: ")[2])
                for each in check_remote(root, write=True)
            ]
    assert told["nobody"] == [(Level.PROBLEM, "may not be read")]
    assert told["reader"][0] == (Level.FINE, "can be read")
    assert told["reader"][1][0] is Level.PROBLEM
    assert told["writer"] == [(Level.FINE, "can be read"), (Level.FINE, "can be written")]
    objects = client.list_objects_v2(Bucket="models")["Contents"]
    assert [each["Key"] for each in objects] == ["dvc/files/md5/00/11"]
