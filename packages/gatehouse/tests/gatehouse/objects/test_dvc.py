"""What our schema accepts, handed to the real DVC in a sandbox: it writes nothing elsewhere."""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from gatehouse.errors import GatehouseError
from gatehouse.objects.allowed_places import FETCHED
from gatehouse.objects.bring import bring, named
from gatehouse.objects.record import Output, read_lock, read_manifest, read_tracked
from gatehouse.objects.remote import open_store

CONTENTS = (b"", b"one", b"two" * 100)


def md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


# Names as hostile as any that gets through: half of these are refused, and such examples dropped.
NAMES = st.one_of(
    st.sampled_from(["rows.parquet", "test.parquet", "_", "a.b", "x-", "..", ".git",
                     "sitecustomize.py", "a b", "con", "x\\y", "$(id)", "${x}", "a", "A", "~"]),
    st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,8}", fullmatch=True),
)  # fmt: skip
MEMBERS = st.lists(
    st.tuples(st.lists(NAMES, min_size=1, max_size=3).map("/".join), st.sampled_from(CONTENTS)),
    max_size=4,
)
SIZES = st.one_of(st.none(), st.integers(0, 1000))
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=10),
    st.sampled_from(["${x}", "$(touch ran)", "../../x", "null", "2026-01-01", "1e9"]),
)  # fmt: skip
VALUES = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
)
DEPS = st.sampled_from(
    ["../../../etc/passwd", "/etc/passwd", "~/x", "src/x.py", "data/raw", "-x", "a b", "..", "*"]
)
KEYS = st.sampled_from(
    ["wdir", "files", "frozen", "remote", "cloud", "persist", "fs_config", "desc"]
)
PLACES = st.one_of(
    st.sampled_from(["data/raw", "data/prepared", "data/cache", "src", "../out"]),
    NAMES.map(lambda name: f"models/{name}.onnx"),
    NAMES.map(lambda name: f"reports/train/{name}"),
    NAMES.map(lambda name: f"reports/evidence/{name}.json"),
)


class Sandbox:
    """A project without Git below a folder that is watched, with a remote that has the objects."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "work"
        (self.root / ".dvc").mkdir(parents=True)
        (self.root / "src").mkdir()
        (self.root / "src/own.py").write_text("own = True\n")
        (self.root / ".dvc/config").write_text(
            "[core]\n    no_scm = true\n    remote = store\n    analytics = false\n"
            f"['remote \"store\"']\n    url = {folder / 'remote'}\n"
        )
        for content in CONTENTS:
            self.store(content)

    def store(self, content: bytes, ending: str = "") -> str:
        md5 = md5_of(content)
        place = self.folder / "remote/files/md5" / md5[:2] / f"{md5[2:]}{ending}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        return md5

    def state(self) -> dict[str, str]:
        """All that lies below the folder but DVC's own caches: kind, mode and content."""
        found = {}
        for path in self.folder.rglob("*"):
            name = path.relative_to(self.folder).as_posix()
            if name.startswith(("remote/", "work/.dvc/cache", "work/.dvc/tmp", "site/")):
                continue
            if path.is_symlink():
                found[name] = "link"
            elif path.is_file():
                found[name] = f"{path.stat().st_mode:o} {md5_of(path.read_bytes())}"
        return found


@st.composite
def entries(draw: Any, sandbox: Sandbox) -> dict[str, Any]:
    """An output, of a file or a folder that the remote has."""
    path = draw(PLACES)
    entry: dict[str, Any] = {"path": path, "hash": "md5"}
    if path.startswith("data/") or draw(st.integers(0, 7)) == 0:
        members = draw(MEMBERS)
        listed = [{"md5": md5_of(content), "relpath": name} for name, content in members]
        listed.sort(key=lambda each: each["relpath"])
        entry["md5"] = sandbox.store(json.dumps(listed).encode(), ".dir") + ".dir"
        right = {"size": sum(len(content) for _, content in members), "nfiles": len(members)}
        entry |= right if draw(st.booleans()) else {"size": draw(SIZES), "nfiles": draw(SIZES)}
    else:
        content = draw(st.sampled_from(CONTENTS))
        entry["md5"] = md5_of(content)
        entry["size"] = len(content) if draw(st.booleans()) else draw(SIZES)
        if draw(st.integers(0, 4)) == 0:
            entry["isexec"] = draw(st.booleans())
    if draw(st.integers(0, 9)) == 0:
        entry[draw(KEYS)] = draw(VALUES)
    return {key: value for key, value in entry.items() if value is not None}


@st.composite
def locks(draw: Any, sandbox: Sandbox) -> dict[str, Any]:
    """A `dvc.lock`, mostly one that passes."""
    stages = {}
    for name in draw(st.lists(st.sampled_from(["ingest", "prepare", "train", "x0"]), unique=True)):
        outs = draw(st.lists(entries(sandbox), max_size=3, unique_by=lambda entry: entry["path"]))
        deps = [
            {"path": path, "hash": "md5", "md5": md5_of(b"")}
            for path in draw(st.lists(DEPS, max_size=2, unique=True))
        ]
        stages[name] = {"cmd": f"touch {sandbox.folder}/ran", "outs": outs, "deps": deps}
        if draw(st.integers(0, 3)) == 0:
            stages[name]["params"] = {"params.yaml": draw(st.dictionaries(st.text(), VALUES))}
        if draw(st.integers(0, 19)) == 0:
            stages[name][draw(KEYS)] = draw(VALUES)
    return {"schema": "2.0", "stages": stages}


def declared(lock: dict[str, Any]) -> dict[str, Any]:
    """A `dvc.yaml`, which has an owner, whose stages have the lock's outputs."""
    stages = {}
    for name, stage in lock["stages"].items():
        outs = [
            out["path"] if FETCHED.fullmatch(out["path"]) else {out["path"]: {"cache": False}}
            for out in stage["outs"]
        ]
        deps = [dep["path"] for dep in stage["deps"]]
        stages[name] = {"cmd": stage["cmd"], "outs": outs, "deps": deps}
    return {"stages": stages}


def accepted(sandbox: Sandbox, lock: str, tables: dict[str, str]) -> list[Output]:
    """What our readers make of it all.

    Raises:
        GatehouseError: one of them refuses.
    """
    outputs = [out for path, out in read_lock(lock, "dvc.lock").items() if FETCHED.fullmatch(path)]
    for output in outputs:
        if output.kind == "folder":
            md5 = output.md5
            place = sandbox.folder / f"remote/files/md5/{md5[:2]}/{md5[2:]}.dir"
            read_manifest(place.read_bytes(), output.path)
    return outputs + [read_tracked(text, name) for name, text in tables.items()]


def dvc_pull(root: Path) -> None:
    """As the command does it, in this process."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    # It may refuse more than we do.
    with contextlib.suppress(DvcException, OSError, ValueError), Repo(str(root)) as repo:
        repo.pull(force=True)


def check_example(data: st.DataObject, folder: Path) -> int:
    """One sandbox, named by what was drawn; how many files DVC brought there."""
    sandbox = Sandbox(folder)
    lock = data.draw(locks(sandbox))
    table = data.draw(NAMES)
    entry = {"md5": md5_of(b"one"), "hash": "md5", "path": f"{table}.csv"}
    tables = {}
    if data.draw(st.booleans()):
        place = data.draw(st.sampled_from(["data/own", "data/snapshots"]))
        tables[f"{place}/{table}.csv.dvc"] = json.dumps({"outs": [entry]})
    text = json.dumps(lock)
    try:
        outputs = accepted(sandbox, text, tables)
    except GatehouseError:
        reject()
    root = sandbox.root
    (root / "dvc.lock").write_text(text)
    (root / "dvc.yaml").write_text(json.dumps(declared(lock)))
    for name, content in tables.items():
        (root / name).parent.mkdir(parents=True)
        (root / name).write_text(content)
    before = sandbox.state()
    dvc_pull(root)
    after = sandbox.state()
    ours = {f"work/{output.path}" for output in outputs}
    for name, kind in after.items():
        inside = any(name == path or name.startswith(f"{path}/") for path in ours)
        assert (inside and kind != "link") or before.get(name) == kind, name
    assert before.keys() <= after.keys()
    assert not (folder / "ran").exists()
    # Where both bring an output, it is the same, byte for byte.
    again = folder / "again"
    again.mkdir()
    for path in bring(outputs, again, open_store(root)).here:
        files = [root / path, *(root / path).rglob("*")]
        for file in (file for file in files if file.is_file()):
            assert (again / file.relative_to(root)).read_bytes() == file.read_bytes()
    return len(after) - len(before)


@pytest.mark.slow
def test_dvc_stays_in_its_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks the schema by all that it lets through: paths, folders, sizes, odd values."""
    brought = []
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))

    @settings(max_examples=300, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        folder = Path(tempfile.mkdtemp(dir=tmp_path))
        try:
            brought.append(check_example(data, folder))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    check()
    assert len(brought) >= 300
    assert sum(map(bool, brought)) >= 100, "DVC refuses nearly all of it, so that little is shown"


def test_named_records_are_the_accepted_ones(tmp_path: Path) -> None:
    """Attacks the property above: what it holds DVC to is what the command takes."""
    sandbox = Sandbox(tmp_path)
    md5 = md5_of(b"one")
    out = {"path": "models/model.onnx", "hash": "md5", "md5": md5, "size": 3}
    lock = {"schema": "2.0", "stages": {"train": {"cmd": "x", "outs": [out], "deps": []}}}
    (sandbox.root / "dvc.lock").write_text(json.dumps(lock))
    assert named(sandbox.root) == accepted(sandbox, json.dumps(lock), {})
