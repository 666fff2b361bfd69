"""Attacks a trusted job with DVC's own instructions, as a commit or a merged file can bring them.

Each was seen to work: a command ran, or a file was written over, in a process with a key.
"""

from __future__ import annotations

import re
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

import gatehouse
from gatehouse.base import dealt, find_base, take_base
from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from tests.gatehouse.repository import Repository

EVIL = "pwned = True\n"


@pytest.fixture
def stored(repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository whose objects lie in a remote only, with a payload beside them."""
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    remote = tmp_path / "remote"
    (repository.root / ".dvc/config").write_text(
        f"[core]\n    remote = store\n['remote \"store\"']\n    url = {remote}\n"
    )
    repository.commit("a remote")
    shutil.move(repository.root / ".dvc/cache", remote)  # as `dvc push` does, sooner
    payload = tmp_path / "payload.py"
    payload.write_text(EVIL)
    md5 = dvc_md5(payload)
    place = remote / "files/md5" / md5[:2] / md5[2:]
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(payload, place)
    return repository


def payload_md5(stored: Repository) -> str:
    return dvc_md5(stored.root.parent / "payload.py")


def on_a_branch(stored: Repository, change: Callable[[], object]) -> str:
    """The tip of a branch with the change; the checkout is main's again."""
    stored.git("checkout", "-q", "-b", "evil")
    change()
    tip = stored.commit("evil")
    stored.git("checkout", "-q", "main")
    return tip


def command(stored: Repository) -> tuple[Path, Path]:
    """An AWS configuration that runs a command, and the file that the command would make."""
    ran = stored.root.parent / "ran"
    script = stored.root.parent / "credentials.sh"
    script.write_text(
        f"#!/bin/sh\ntouch {ran}\n"
        'echo \'{"Version": 1, "AccessKeyId": "a", "SecretAccessKey": "b"}\'\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script, ran


def s3_remote(stored: Repository, aws: str) -> str:
    return (
        "[core]\n    remote = evil\n['remote \"evil\"']\n    url = s3://bucket/evil\n"
        f"    endpointurl = http://127.0.0.1:9\n    configpath = {aws}\n"
        f"    profile = evil\n"
    )


def test_the_configuration_of_the_base_is_not_read(stored: Repository) -> None:
    """Attacks the judge with a branch whose `.dvc/config` names a command that gives its keys."""
    script, ran = command(stored)

    def change() -> None:
        aws = stored.root / "reports/train/aws"
        aws.parent.mkdir(parents=True, exist_ok=True)
        aws.write_text(f"[profile evil]\ncredential_process = {script}\n")
        (stored.root / ".dvc/config").write_text(s3_remote(stored, str(aws)))

    on_a_branch(stored, change)
    # As the candidate's archive brings it, before the base is fetched.
    aws = stored.root / "reports/train/aws"
    aws.parent.mkdir(parents=True, exist_ok=True)
    aws.write_text(f"[profile evil]\ncredential_process = {script}\n")
    taken = take_base(find_base("evil", stored.root), stored.root)
    assert taken is not None
    assert dealt(taken).present().data == stored.workspace.present().data
    assert not ran.exists()


OTHER = "[core]\n    remote = other\n['remote \"other\"']\n    url = {url}\n"
SETTINGS = {
    "another remote": OTHER.format(url="{evil}"),
    "a remote by HTTP": OTHER.format(url="http://127.0.0.1:9/x") + "    auth = custom\n",
    "a remote by SSH": OTHER.format(url="ssh://127.0.0.1:9/x") + "    keyfile = {script}\n",
    "a remote in Git": OTHER.format(url="git+ext::sh -c {script}"),
    "a chain of remotes": OTHER.format(url="remote://evil/x")
    + "['remote \"evil\"']\n    url = {evil}\n",
    "another cache": "[cache]\n    dir = {evil}\n    type = symlink\n",
    "another cache of the site": "[core]\n    site_cache_dir = {evil}\n",
    "hooks of Hydra": "[hydra]\n    enabled = true\n    plugins_path = {evil}\n",
    "a data base": '[db "evil"]\n    url = sqlite:///{evil}/x\n',
    "no DVC at all": "\x00[",
}


@pytest.mark.parametrize("file", [".dvc/config", ".dvc/config.local"])
@pytest.mark.parametrize("name", SETTINGS)
def test_no_setting_of_the_base_is_followed(stored: Repository, name: str, file: str) -> None:
    """Attacks the judge with other remotes, caches and plugins in the base's configuration."""
    script, ran = command(stored)
    evil = stored.root.parent / "evil"
    evil.mkdir()

    def change() -> None:
        (stored.root / file).write_text(SETTINGS[name].format(evil=evil, script=script))
        stored.git("add", "--force", file)

    on_a_branch(stored, change)
    taken = take_base(find_base("evil", stored.root), stored.root)
    assert taken is not None
    assert dealt(taken).present().data == stored.workspace.present().data
    assert not ran.exists()
    assert not list(evil.iterdir())


def test_a_repository_in_a_free_folder_is_not_read(stored: Repository) -> None:
    """Attacks the judge with `data/.dvc/config`, which DVC obeys for what lies below `data`."""
    script, ran = command(stored)

    def change() -> None:
        for folder in ("data", "models"):
            own = stored.root / folder / ".dvc"
            own.mkdir(parents=True)
            (own / "aws").write_text(f"[profile evil]\ncredential_process = {script}\n")
            (own / "config").write_text(s3_remote(stored, str(own / "aws")))
            stored.git("add", "--force", str(own))

    on_a_branch(stored, change)
    stored.git("merge", "-q", "--no-edit", "evil")  # and where it was merged
    for ref in ("evil", "main"):
        taken = take_base(find_base(ref, stored.root), stored.root)
        assert taken is not None
        shutil.rmtree(taken.root)
    assert not ran.exists()


FOREIGN = {
    "wdir": "wdir: ..\nouts:\n- path: src/sitecustomize.py\n  hash: md5\n  md5: {md5}\n",
    "frozen": (
        "frozen: true\ndeps:\n- path: http://127.0.0.1:9/x.py\n  md5: {md5}\n"
        "outs:\n- path: ../src/sitecustomize.py\n  hash: md5\n  md5: {md5}\n"
    ),
    "an import": (
        "deps:\n- path: x.py\n  repo:\n    url: http://127.0.0.1:9/x\n    rev_lock: '1'\n"
        "outs:\n- path: x.py\n  hash: md5\n  md5: {md5}\n"
    ),
    "unreadable": "md5: 1\n",
    "no YAML": "outs: [\n",
    "no text": "\x00\x01",
}


@pytest.mark.parametrize("folder", ["data", "docs", "models", "reports", "src/pipeline", "."])
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_stranger_s_file_stops_nobody_and_writes_nothing(
    stored: Repository, kind: str, folder: str
) -> None:
    """Attacks everybody's base with one `.dvc` file that was merged somewhere else."""
    file = stored.root / folder / "stranger.dvc"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(FOREIGN[kind].format(md5=payload_md5(stored)))
    stored.git("add", "--force", str(file))
    stored.commit("a stranger's")
    taken = take_base(find_base("main", stored.root), stored.root)
    assert taken is not None
    assert not (stored.root / "src/sitecustomize.py").exists()


@pytest.mark.parametrize(
    "more",
    [
        "files:\n      - relpath: ../../src/sitecustomize.py\n        md5: {md5}\n        size: 13",
        "files:\n      - relpath: rows.parquet\n        md5: {md5}\n        size: 13",
        "cloud:\n        evil:\n          etag: x\n          version_id: y",
        "remote: evil",
        "wdir: ..",
        "version_id: x",
        "etag: x",
        "checksum: x",
        "fs_config: {{url: 's3://bucket'}}",
        "persist: true",
        "push: false",
        "dataset: {{name: x, type: dvc, url: 'http://127.0.0.1:9'}}",
    ],
)
def test_a_lock_with_foreign_keys_is_no_base(stored: Repository, more: str) -> None:
    """Attacks the base with keys that DVC follows, such as `files`, which has paths of its own."""
    lock = stored.root / "dvc.lock"
    text = lock.read_text()
    at = text.index("path: data/prepared\n", text.index("outs:"))
    added = more.format(md5=payload_md5(stored))
    lock.write_text(text[:at] + f"{added}\n      " + text[at:])
    stored.commit("a lock")
    key = more.split(":")[0]
    with pytest.raises(
        GatehouseError, match=rf"main:dvc\.lock:\d+: .*the key '{key}'.*take it out"
    ):
        find_base("main", stored.root)
    assert not (stored.root / "src/sitecustomize.py").exists()


@pytest.mark.parametrize("key", ["configpath", "credentialpath", "ssl_verify"])
def test_a_remote_is_configured_by_no_free_file(stored: Repository, key: str) -> None:
    """Attacks an honest `.dvc/config` whose AWS file lies where any change may write over it."""
    script, ran = command(stored)
    aws = stored.root / "reports/aws"
    aws.write_text(f"[profile evil]\ncredential_process = {script}\n")
    text = s3_remote(stored, str(aws)).replace("configpath", key)
    (stored.root / ".dvc/config").write_text(text)
    stored.commit("a remote")
    with pytest.raises(GatehouseError, match=rf"\.dvc/config: remote evil: {key}: .*into \.dvc"):
        take_base(find_base("main", stored.root), stored.root)
    assert not ran.exists()


@pytest.mark.parametrize("name", ["config", "config.local"])
def test_a_configuration_that_is_a_link_is_refused(stored: Repository, name: str) -> None:
    """Attacks `.dvc/config` by a link into a free folder, which needs no owner ever after."""
    (stored.root / "reports/dvc").write_text(s3_remote(stored, "/nowhere"))
    file = stored.root / ".dvc" / name
    file.unlink(missing_ok=True)
    file.symlink_to("../reports/dvc")
    with pytest.raises(GatehouseError, match=rf"\.dvc/{name}: reports/dvc is in the checkout"):
        take_base(find_base("main", stored.root), stored.root)
    shutil.move(stored.root / ".dvc", stored.root / "reports/own")
    (stored.root / ".dvc").symlink_to("reports/own")
    with pytest.raises(GatehouseError, match=r"\.dvc: is a link"):
        take_base(find_base("HEAD", stored.root), stored.root)


def test_a_remote_of_versions_is_refused(stored: Repository) -> None:
    """Attacks objects that are named by a record's version, which no digest checks."""
    for key in ("version_aware", "worktree"):
        text = s3_remote(stored, "/nowhere") + f"    {key} = true\n"
        (stored.root / ".dvc/config").write_text(text)
        with pytest.raises(GatehouseError, match=rf"remote evil: {key} is true.*dvc push"):
            take_base(find_base("main", stored.root), stored.root)


def test_dvc_is_opened_on_nothing_but_the_checkout() -> None:
    """Attacks a module that opens DVC on a revision again, or loads its repository beside a key."""
    root = Path(gatehouse.__file__).parent
    opened = {
        file.relative_to(root).as_posix()
        for file in root.rglob("*.py")
        if re.search(r"\bdvc\.(repo|api|stage|fs\.dvc)\b|DVCFileSystem", file.read_text("utf-8"))
    }
    assert opened == {
        "doctor/remote.py",  # the remote of a desk's own checkout
        "quiet_dvc.py",  # DVC's own command in a checkout, as `gatehouse run` starts it
    }
