"""What `dvc pull` did, by digest: attacks where it writes, and what it takes for the real thing."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from gatehouse.digest import dvc_md5
from gatehouse.errors import GatehouseError
from gatehouse.objects.bring import bring, named
from gatehouse.objects.fetch import fetch
from gatehouse.objects.record import Member, Output, manifest_of
from gatehouse.objects.remote import open_store
from tests.gatehouse.conftest import Command
from tests.gatehouse.repository import Repository

OUTPUTS = ("data/raw", "models/model.onnx", "models/model.int8.onnx")


@pytest.fixture
def away(repository: Repository, tmp_path: Path) -> Repository:
    """A checkout whose outputs lie in its remote alone."""
    remote = tmp_path / "remote"
    (repository.root / ".dvc/config").write_text(
        f"[core]\n    remote = store\n['remote \"store\"']\n    url = {remote}\n"
    )
    repository.commit("a remote")
    shutil.move(repository.root / ".dvc/cache", remote)
    for folder in ("data", "models"):
        shutil.rmtree(repository.root / folder)
    return repository


def objects(away: Repository) -> Path:
    return away.root.parent / "remote/files/md5"


def plant(away: Repository, content: bytes, folder: bool = False) -> str:
    """An object in the remote; its MD5."""
    file = away.root.parent / "planted"
    file.write_bytes(content)
    md5 = dvc_md5(file)
    place = objects(away) / md5[:2] / (md5[2:] + (".dir" if folder else ""))
    place.parent.mkdir(parents=True, exist_ok=True)
    file.replace(place)
    return md5


def test_everything_comes_to_its_place(away: Repository, gatehouse: Command) -> None:
    """Attacks a command that brings less than `dvc pull` did, or that DVC takes for changed."""
    first = gatehouse("objects", "fetch", "--cache", cwd=away.root)
    assert (first.exit_code, first.output.split()) == (0, sorted(OUTPUTS)), first.output
    assert all((away.root / path).exists() for path in OUTPUTS)
    assert gatehouse("prepare", cwd=away.root).exit_code == 0  # these rows DVC does not keep
    assert "Data and pipelines are up to date" in away.dvc("status")
    assert away.git("status", "--porcelain") == ""
    shutil.rmtree(objects(away))
    again = gatehouse("objects", "fetch", cwd=away.root)
    assert (again.exit_code, again.output) == (0, first.output)
    assert not list((away.root / ".gatehouse").glob("fetch-*"))


def test_what_is_missing_leaves_the_rest(away: Repository, gatehouse: Command) -> None:
    """Attacks all for the want of one: exit code 1, and the others are in place."""
    model = next(out for out in named(away.root) if out.path == "models/model.onnx")
    (objects(away) / model.md5[:2] / model.md5[2:]).unlink()
    (away.root / "models").mkdir()
    (away.root / "models/model.onnx").write_bytes(b"an older one")
    done = gatehouse("objects", "fetch", cwd=away.root)
    assert done.exit_code == 1
    assert "missing: models/model.onnx: " in done.output
    assert (away.root / "data/raw/rows.parquet").exists()
    assert (away.root / "models/model.onnx").read_bytes() == b"an older one"


def test_damaged_objects_are_not_taken(away: Repository, gatehouse: Command) -> None:
    """Attacks the address: MD5 is held against the bytes, and the record's size too."""
    for path in objects(away).rglob("*"):
        if path.is_file():
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"!")
    done = gatehouse("objects", "fetch", cwd=away.root)
    assert done.exit_code == 1
    assert done.output.count("is not what dvc.lock records") == len(OUTPUTS)
    assert not any((away.root / path).exists() for path in OUTPUTS)


@pytest.mark.parametrize("link", ["data", "models", ".gatehouse", "data/raw"])
def test_a_link_on_the_way_is_refused(away: Repository, gatehouse: Command, link: str) -> None:
    """Attacks a folder that a merged commit made a link to somewhere that runs."""
    elsewhere = away.root / "src"
    elsewhere.mkdir()
    shutil.rmtree(away.root / link, ignore_errors=True)
    (away.root / link).parent.mkdir(exist_ok=True)
    (away.root / link).symlink_to(elsewhere, target_is_directory=True)
    done = gatehouse("objects", "fetch", cwd=away.root)
    assert done.exit_code == 2
    assert f"{link}: is a link" in done.output
    assert list(elsewhere.iterdir()) == []


def test_links_and_strangers_inside_a_folder_go(away: Repository, gatehouse: Command) -> None:
    """Attacks a folder with a link in it, through which a run would write."""
    assert gatehouse("objects", "fetch", cwd=away.root).exit_code == 0
    secret = away.root.parent / "secret"
    secret.write_text("kept")
    file = away.root / "data/raw/rows.parquet"
    content = file.read_bytes()
    file.unlink()
    copy = away.root.parent / "copy"
    copy.write_bytes(content)
    file.symlink_to(copy)
    (away.root / "data/raw/more").symlink_to(away.root.parent, target_is_directory=True)
    assert gatehouse("objects", "fetch", cwd=away.root).exit_code == 0
    assert file.is_file()
    assert not file.is_symlink()
    assert not (away.root / "data/raw/more").exists()
    assert secret.read_text() == "kept"


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_an_object_that_is_no_file_is_not_read(away: Repository, kind: str) -> None:
    """Attacks a remote that is a folder: a link into the machine, a pipe that nobody writes to."""
    model = next(out for out in named(away.root) if out.path == "models/model.onnx")
    place = objects(away) / model.md5[:2] / model.md5[2:]
    content = place.read_bytes()
    place.unlink()
    if kind == "link":
        (away.root.parent / "real").write_bytes(content)
        place.symlink_to(away.root.parent / "real")
    elif kind == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    done = bring([model], away.root, open_store(away.root))
    assert (done.here, len(done.lost)) == ([], 1)


def test_sizes_are_bounded(away: Repository, tmp_path: Path) -> None:
    """Attacks the disk: with a limit, with a size that is none, and with a folder that has more."""
    rows = next(out for out in named(away.root) if out.path == "data/raw")
    assert rows.size is not None
    assert rows.files is not None
    store = open_store(away.root)
    big = plant(away, b"\0" * 2_500_000)
    for size in (None, 2_500_000):
        with pytest.raises(GatehouseError, match=r"more than 2 MB; .*CANDIDATE_MB"):
            fetch([Output("models/a.onnx", big, "file", size)], tmp_path / f"a{size}", store, 2)
    with pytest.raises(GatehouseError, match=r"is not what dvc\.lock records"):
        fetch([Output("models/a.onnx", big, "file", 7)], tmp_path / "b", store)
    with pytest.raises(GatehouseError, match="and its record says 2,500,001"):
        fetch([Output("models/a.onnx", big, "file", 2_500_001)], tmp_path / "c", store)
    more = Output("data/raw", rows.md5, "folder", rows.size, rows.files + 1)
    with pytest.raises(GatehouseError, match="files, and its record says"):
        fetch([more], tmp_path / "d", store)
    # A small file, named a thousand times: each copy counts.
    member = plant(away, b"\0" * 10_000)
    members = tuple(Member(f"{i:04}.parquet", member) for i in range(1000))
    many = plant(away, manifest_of(members), folder=True)
    with pytest.raises(GatehouseError, match="more than 2 MB"):
        fetch([Output("data/raw", many, "folder")], tmp_path / "e", store, 2)


@pytest.mark.parametrize(
    "relpath",
    ["../../src/sitecustomize.py", "/etc/passwd", "a/../../b", "a\\..\\b", "C:x", "a//b", ".git/x",
     "a/.dvc/config", "a\0b", "a/", "", ".", "é.parquet", "con.parquet", "a.", "a b"],
)  # fmt: skip
def test_a_manifest_leads_nowhere(away: Repository, tmp_path: Path, relpath: str) -> None:
    """Attacks a folder whose manifest names files outside, in every spelling."""
    member = plant(away, b"pwned = True\n")
    md5 = plant(away, manifest_of((Member(relpath, member),)), folder=True)
    with pytest.raises(GatehouseError, match=r"the manifest of data/raw: .*rename the file"):
        fetch([Output("data/raw", md5, "folder")], tmp_path / "out", open_store(away.root))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}", b"[1]", b"\xff", b'[{"md5": "x", "relpath": "a"}]',
        b'[{"md5": "%s", "relpath": "a", "size": 1}]' % (b"a" * 32),
        b'[{"md5": "%s", "relpath": "a", "relpath": "b"}]' % (b"a" * 32),
        b'[{"relpath": "a", "md5": "%s"}]' % (b"a" * 32),
        b'[{"md5": "%s.dir", "relpath": "a"}]' % (b"a" * 32),
        b"[" * 100_000,
        manifest_of((Member("a", "a" * 32), Member("A", "b" * 32))),
        manifest_of((Member("a", "a" * 32), Member("a", "b" * 32))),
        manifest_of((Member("a", "a" * 32), Member("a/b", "b" * 32))),
    ],
    ids=lambda content: repr(content[:40]),
)  # fmt: skip
def test_a_manifest_that_is_none_is_told(away: Repository, tmp_path: Path, content: bytes) -> None:
    """Attacks the manifest's reader: other shapes, keys twice, names that are one somewhere."""
    md5 = plant(away, content, folder=True)
    with pytest.raises(GatehouseError, match="the manifest of data/raw"):
        fetch([Output("data/raw", md5, "folder")], tmp_path / "out", open_store(away.root))


def test_records_of_others_are_data(away: Repository, gatehouse: Command, tmp_path: Path) -> None:
    """Attacks the folder with a change's records: its configuration and code are not asked."""
    change = tmp_path / "change"
    (change / ".dvc").mkdir(parents=True)
    shutil.copy(away.root / "dvc.lock", change)
    (change / ".dvc/config").write_text("[core]\n    remote = evil\n")
    (change / "pipeline.py").write_text("raise SystemExit('ran')")
    out = tmp_path / "recorded"
    words = ("objects", "fetch", "--records", str(change), "--to", str(out))
    assert gatehouse(*words, cwd=away.root).exit_code == 0
    assert all((out / path).exists() for path in OUTPUTS)
    assert not (away.root / "data").exists()
    again = gatehouse(*words, cwd=away.root)
    assert (again.exit_code, "name a new folder" in again.output) == (2, True)
    shutil.rmtree(objects(away))
    (out / "models/model.onnx").write_bytes(b"changed on the way")
    taken = gatehouse("objects", "fetch", "--from", str(out), cwd=away.root)
    assert taken.exit_code == 1
    assert "missing: models/model.onnx: is not in" in taken.output
    assert (away.root / "data/raw/rows.parquet").exists()
    # A record that is a link, to something that must not be told.
    (change / "dvc.lock").unlink()
    (change / "dvc.lock").symlink_to("/etc/hostname")
    done = gatehouse("objects", "fetch", "--records", str(change), cwd=away.root)
    assert (done.exit_code, "dvc.lock: is not a plain file" in done.output) == (2, True)


def test_the_table_of_the_settings_comes_too(away: Repository, gatehouse: Command) -> None:
    """Attacks a run that lacks its rows; a stranger's record beside them is not read."""
    root = away.root
    rows = plant(away, b"PAR1")
    (root / "data/snapshots").mkdir(parents=True)
    record = f"outs:\n- md5: {rows}\n  size: 4\n  hash: md5\n  path: new.parquet\n"
    (root / "data/snapshots/new.parquet.dvc").write_text(record)
    (root / "data/snapshots/other.parquet.dvc").write_text("md5: 1\n")
    (root / "params.yaml").write_text(
        "data: {source: file, file: {path: data/snapshots/new.parquet}}\n"
    )
    done = gatehouse("objects", "fetch", cwd=root)
    assert (done.exit_code, done.output.split()[-1]) == (0, "data/snapshots/new.parquet")
    assert (root / "data/snapshots/new.parquet").read_bytes() == b"PAR1"
    told = gatehouse("objects", "fetch", "data/snapshots/other.parquet", cwd=root)
    assert told.exit_code == 2
    assert "data/snapshots/other.parquet.dvc: (top level): has the key 'md5' with the value 1" in (
        told.output
    )
    for name in ("nowhere", "../x", "data/snapshots/new.parquet/x", "a\0b"):
        assert gatehouse("objects", "fetch", name, cwd=root).exit_code == 2
    (root / "rows.csv.dvc").write_text(record.replace("new.parquet", "rows.csv"))
    (root / "params.yaml").write_text("data: {source: file, file: {path: rows.csv}}\n")
    told = gatehouse("objects", "fetch", cwd=root)
    assert told.exit_code == 2
    assert "rows.csv.dvc: lies elsewhere than in data/own and data/snapshots" in told.output


def test_pushing_adds_and_never_replaces(away: Repository, gatehouse: Command) -> None:
    """Attacks the remote: objects by their digests only, and none is written over."""
    assert gatehouse("objects", "fetch", cwd=away.root).exit_code == 0
    kept = {path: path.read_bytes() for path in objects(away).rglob("*") if path.is_file()}
    model = next(out for out in named(away.root) if out.path == "models/model.onnx")
    place = objects(away) / model.md5[:2] / model.md5[2:]
    for path in kept:
        path.unlink()
    place.write_bytes(b"there already")
    done = gatehouse("objects", "push", cwd=away.root)
    assert done.exit_code == 0
    counted = re.search(r"pushed (\d+) of (\d+) objects", done.output)
    assert counted is not None
    assert int(counted[2]) - int(counted[1]) == 1
    assert place.read_bytes() == b"there already"
    place.unlink()
    assert gatehouse("objects", "push", cwd=away.root).exit_code == 0
    made = {path for path in kept if path.exists()}
    recorded = {out.md5 for out in named(away.root)}
    assert recorded <= {path.parent.name + path.name.removesuffix(".dir") for path in made}
    assert all(path.read_bytes() == kept[path] for path in made)
    (away.root / "models/model.onnx").write_bytes(b"another")
    place.unlink()
    done = gatehouse("objects", "push", cwd=away.root)
    assert (done.exit_code, "is not what its record says" in done.output) == (2, True)
    assert not place.exists()


def test_without_a_remote(repository: Repository, gatehouse: Command) -> None:
    """What is in the cache comes, the rest is told; there is nothing to push to."""
    assert gatehouse("objects", "remote", cwd=repository.root).output == ""
    shutil.rmtree(repository.root / "models")
    assert gatehouse("objects", "fetch", cwd=repository.root).exit_code == 0
    shutil.rmtree(repository.root / ".dvc/cache")
    shutil.rmtree(repository.root / "models")
    done = gatehouse("objects", "fetch", cwd=repository.root)
    assert (done.exit_code, done.output.count("there is no remote")) == (1, 2)
    done = gatehouse("objects", "push", cwd=repository.root)
    assert (done.exit_code, "names no default remote" in done.output) == (2, True)


def test_no_code_of_a_change_is_loaded(away: Repository) -> None:
    """Attacks the process with the key: neither the pipeline nor DVC's repository is in it."""
    code = (
        "import sys; sys.argv = ['gatehouse', 'objects', 'fetch']\n"
        "from gatehouse.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0, end.code\n"
        "found = [name for name in sys.modules if name.split('.')[0] == 'pipeline']\n"
        "assert not found, found\n"
        "assert 'dvc.stage' not in sys.modules and 'dvc.repo.index' not in sys.modules\n"
    )
    away.run(sys.executable, "-c", code)
