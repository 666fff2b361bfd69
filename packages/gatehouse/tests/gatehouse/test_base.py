"""The base: taken from Git and DVC, or a clear error; never at the work tree's cost."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.base import (
    STORE,
    TAKEN,
    BaseRecord,
    dealt,
    fetch_recorded_base,
    find_base,
    locked_outputs,
    read_record,
    recorded_base,
    take_base,
    write_record,
)
from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.lock import relock
from gatehouse.recorded import RECORDED, Recorded
from gatehouse.workspace import MODEL_FP32
from tests.gatehouse.repository import Repository

# Wang, Feng, Lai and Yu, Collisions for Hash Functions MD4, MD5, HAVAL-128 and RIPEMD, 2004:
# https://eprint.iacr.org/2004/199
TWINS = tuple(
    f"d131dd02c5e6eec4693d9a0698aff95c2fcab5{a}12467eab4004583eb8fb7f89"
    f"55ad340609f4b30283e4888325{b}415a085125e8f7cdc99fd91dbd{c}80373c5b"
    f"d8823e3156348f5bae6dacd436c919c6dd53e2{d}87da03fd02396306d248cda0"
    f"e99f33420f577ee8ce54b67080{e}0d1ec69821bcb6a8839396f965{f}ff72a70"
    for a, b, c, d, e, f in (
        ("87", "71", "f2", "b4", "a8", "2b6"),
        ("07", "f1", "72", "34", "28", "ab6"),
    )
)


def test_taking_a_base_gives_its_files_and_leaves_the_work_tree_as_it_was(
    repository: Repository,
) -> None:
    """Attacks a base that checks out, stashes or writes outside the ignored store."""
    expected = repository.workspace.present()
    (repository.root / "notes.txt").write_text("not committed")
    (repository.root / "data/prepared/test.parquet").write_bytes(b"the candidate's own")
    before = repository.state()
    base = find_base("main", repository.root)
    taken = take_base(base, repository.root)
    assert taken is not None
    found = dealt(taken).present()
    assert (found.data, found.model, found.model_fp32, found.contract) == (
        expected.data, expected.model, expected.model_fp32, expected.contract,
    )  # fmt: skip
    assert repository.state() == before
    assert (repository.root / "data/prepared/test.parquet").read_bytes() == b"the candidate's own"
    assert take_base(base, repository.root) == taken


def test_a_base_comes_from_a_remote_when_the_cache_is_empty(
    repository: Repository, tmp_path: Path
) -> None:
    """Attacks a base that only the machine that trained it can have."""
    repository.dvc("remote", "add", "-d", "store", str(tmp_path / "remote"))
    repository.commit("a remote")
    repository.dvc("push", "-q")
    shutil.rmtree(repository.root / ".dvc/cache")
    expected = repository.workspace.present()
    shutil.rmtree(repository.root / "data")
    taken = take_base(find_base("main", repository.root), repository.root)
    assert taken is not None
    assert dealt(taken).present().data == expected.data


def test_a_base_in_no_cache_is_an_error_that_leaves_nothing(repository: Repository) -> None:
    """Attacks half a base left behind, which the next run would take for a whole one."""
    shutil.rmtree(repository.root / ".dvc/cache")
    with pytest.raises(GatehouseError, match=r"(?s)no DVC cache or remote.*dvc push"):
        take_base(find_base("main", repository.root), repository.root)
    assert list((repository.root / STORE).iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_damaged_cache_is_no_base(repository: Repository, kind: str) -> None:
    """Attacks a base made worse in the cache or the remote, so that anything compares well."""
    cached = sorted(
        path
        for path in (repository.root / ".dvc/cache/files/md5").rglob("*")
        if path.is_file() and not path.name.endswith(".dir")
    )
    wanted = "models/model.int8.onnx" if kind == "file" else "data/raw/rows.parquet"
    content = (repository.root / wanted).read_bytes()
    (victim,) = [path for path in cached if path.read_bytes() == content]
    victim.chmod(0o644)
    victim.unlink()
    victim.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    victim.chmod(0o444)  # as DVC leaves its cache, and therefore trusts it
    with pytest.raises(GatehouseError, match=r"is not what dvc\.lock records"):
        take_base(find_base("main", repository.root), repository.root)
    assert list((repository.root / STORE).iterdir()) == []


def cached(repository: Repository, content: bytes) -> None:
    """Put an object into DVC's cache, in place of the one with its MD5."""
    digest = dvc_md5_of(content)
    path = repository.root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def test_a_file_of_the_same_md5_is_no_base(repository: Repository) -> None:
    """Attacks the base by a twin, in the remote or in an archive that any run may upload."""
    root, twins = repository.root, [bytes.fromhex(each) + b"the rest" for each in TWINS]
    judged, other = twins
    assert dvc_md5_of(judged) == dvc_md5_of(other)
    (root / MODEL_FP32).write_bytes(judged)
    cached(repository, judged)
    lock = root / "dvc.lock"
    lock.write_text(relock(lock.read_text(), root, [str(MODEL_FP32)]))
    outs = {path: found for path, found in locked_outputs(lock.read_text(), "lock").items()
            if path in [each.as_posix() for each in TAKEN]}  # fmt: skip
    files = {
        path.relative_to(root).as_posix(): file_digest(path)
        for out in outs
        for path in (root / out, *(root / out).rglob("*"))
        if path.is_file()
    }
    Recorded(outs=outs, files=files).write(root / RECORDED)
    repository.commit("recorded by the gates")
    base = find_base("main", root)
    taken = take_base(base, root)
    assert taken is not None
    assert (taken.root / MODEL_FP32).read_bytes() == judged

    (taken.root / MODEL_FP32).write_bytes(other)
    with pytest.raises(GatehouseError, match=r"model\.onnx: .*not what the gates judged"):
        take_base(base, root)
    shutil.rmtree(root / STORE)
    cached(repository, other)
    with pytest.raises(GatehouseError, match=r"model\.onnx: .*not what the gates judged"):
        take_base(base, root)


@pytest.mark.parametrize("text", ["", "[]", '{"outs": 1}', '{"outs": {}, "files": {}}'])
def test_a_record_of_other_files_stops_nobody(repository: Repository, text: str) -> None:
    """A fork's merged change leaves an old record, and a free folder may hold anything."""
    (repository.root / RECORDED).write_text(text)
    repository.commit("an old record, or none")
    base = find_base("main", repository.root)
    assert base.record.outputs is not None
    assert base.record.outputs.files is None
    assert take_base(base, repository.root) is not None


def dvc_md5_of(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_a_commit_without_a_run_is_no_base_and_no_error(repository: Repository) -> None:
    """Attacks a first pull request that can't pass since nothing came before it."""
    base = find_base("sources", repository.root)
    assert base.policy is not None
    assert base.record == BaseRecord(measure=base.policy.measure)
    assert take_base(base, repository.root) is None


@pytest.mark.parametrize("path", ["data/raw", "models/model.onnx", "models/model.int8.onnx"])
def test_half_a_run_is_an_error_and_not_no_base(repository: Repository, path: str) -> None:
    """Attacks a lock cut down to nothing to compare with, which any model would pass."""
    lock = repository.root / "dvc.lock"
    text = lock.read_text()
    assert text.count(f"path: {path}\n") >= 1
    lock.write_text(text.replace(f"path: {path}\n", "path: reports/train/other\n"))
    repository.commit()
    with pytest.raises(
        GatehouseError, match=rf"main:dvc\.lock: does not record {path}, .*make run"
    ):
        find_base("main", repository.root)
    lock.write_text('schema: "2.0"\nstages: {}\n')
    repository.commit()
    with pytest.raises(GatehouseError, match="does not record data/raw, models"):
        find_base("main", repository.root)


def test_the_folder_is_named_by_what_lies_in_it(repository: Repository) -> None:
    """Attacks a copy fetched again for a policy that changed, and one taken for another's."""
    first = find_base("main", repository.root)
    policy = repository.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("seed: 0", "seed: 1"))
    repository.commit()
    second = find_base("main", repository.root)
    assert first.record.measure is not None
    assert second.record.measure is not None
    assert (first.record.measure.seed, second.record.measure.seed) == (0, 1)
    assert first.record.folder == second.record.folder
    write_record(first.record, repository.root)
    assert read_record(repository.root).folder == first.record.folder
    contract = repository.root / "contract.yaml"
    contract.write_text(contract.read_text().replace("[0, 120]", "[0, 121]"))
    repository.commit()
    assert find_base("main", repository.root).record.folder != first.record.folder


@pytest.mark.parametrize(
    "path", ["models/model.int8.onnx", "models/model.onnx", "data/raw/rows.parquet"]
)
def test_a_copy_is_looked_at_every_time(repository: Repository, path: str) -> None:
    """Attacks a copy that was right when it was fetched; taken away, it is fetched again."""
    base = find_base("main", repository.root)
    taken = take_base(base, repository.root)
    assert taken is not None
    write_record(base.record, repository.root)
    file = taken.root / path
    file.chmod(0o644)
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(GatehouseError, match=f"is not the base's; remove {taken.root}"):
        take_base(base, repository.root)
    with pytest.raises(GatehouseError, match="is not the base's"):
        recorded_base(repository.root)
    shutil.rmtree(taken.root)
    assert take_base(base, repository.root) == taken
    assert recorded_base(repository.root) == taken


def test_rows_that_are_not_as_dealt_are_dealt_anew(repository: Repository) -> None:
    """Attacks the base's exam where it lies: a test split made easy, with a note that is old."""
    base = find_base("main", repository.root)
    write_record(base.record, repository.root)
    take_base(base, repository.root)
    taken = recorded_base(repository.root)
    assert taken is not None
    expected = taken.split("test")
    expected.iloc[:5].to_parquet(taken.prepared / "test.parquet", index=False)
    again = recorded_base(repository.root)
    assert again is not None
    assert again.split("test").equals(expected)


@pytest.mark.parametrize("change", ["target", "classes", "identity"])
def test_another_question_is_a_first_run(repository: Repository, change: str) -> None:
    """Attacks a change that turns what is predicted, and is then compared with what it is not."""
    base = find_base("main", repository.root)
    write_record(base.record, repository.root)
    take_base(base, repository.root)
    contract = repository.root / "contract.yaml"
    old, new = {
        "target": ("  rich:", "  wealthy:"),
        "classes": ('positive: "yes"', 'positive: "no"'),
        "identity": ("identity: [age, job]", "identity: [sex]"),
    }[change]
    text = contract.read_text()
    contract.write_text(text.replace(old, new))
    assert contract.read_text() != text
    assert recorded_base(repository.root) is None


@pytest.mark.parametrize(
    "ref", ["nowhere", "", "-x", "--output=/dev/null", "main..main", "main:policy.yaml", "\n"]
)
def test_a_name_that_is_no_commit_is_told(repository: Repository, ref: str) -> None:
    """Attacks names that git would take for an option, a range, a file or nothing."""
    with pytest.raises(GatehouseError, match="is not a commit here"):
        find_base(ref, repository.root)


def test_outside_a_repository_git_says_so(tmp_path: Path) -> None:
    """Attacks 'fetch it first' where there is nothing to fetch into."""
    with pytest.raises(GatehouseError, match="not a git repository"):
        find_base("main", tmp_path)


def _lock(change: Callable[[dict[str, object]], object]) -> Callable[[str], str]:
    def changed(text: str) -> str:
        from gatehouse.typed import parse_yaml

        data = json.loads(json.dumps(parse_yaml(text, "dvc.lock")))
        change(data["stages"])
        return json.dumps(data)

    return changed


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _: "", id="empty"),
        pytest.param(lambda _: "5", id="number"),
        pytest.param(lambda _: "stages: []", id="list"),
        pytest.param(lambda _: "stages: {a: {outs: [7]}}", id="out is a number"),
        pytest.param(lambda _: "stages: {a: {outs: [{path: x}]}}", id="no digest"),
        pytest.param(lambda _: "stages: {a: {outs: null}}", id="null"),
        pytest.param(lambda text: text[: text.index("models/model.onnx")], id="cut short"),
        pytest.param(
            _lock(lambda stages: stages.update(again=stages["model"])), id="an output twice"
        ),
    ],
)
def test_a_forged_lock_is_an_error_in_words(
    repository: Repository, forge: Callable[[str], str]
) -> None:
    """Attacks locks that DVC never wrote: none may raise a traceback or choose the base."""
    path = repository.root / "dvc.lock"
    path.write_text(forge(path.read_text()))
    repository.commit()
    with pytest.raises(GatehouseError, match=r"main:dvc\.lock"):
        find_base("main", repository.root)


def test_a_lock_that_names_files_elsewhere_is_no_base(repository: Repository) -> None:
    """Attacks a lock whose outputs point out of the repository: none of it is taken."""
    path = repository.root / "dvc.lock"
    out = f"    outs:\n    - path: ../../outside\n      hash: md5\n      md5: {'a' * 32}\n"
    more = f"stages:\n  more:\n    cmd: 'true'\n{out}"
    path.write_text(path.read_text().replace("stages:\n", more))
    repository.commit()
    with pytest.raises(GatehouseError, match=r"main:dvc\.lock:\d+: .*'\.\./\.\./outside'"):
        find_base("main", repository.root)


def test_an_unreadable_policy_of_the_base_is_not_taken_for_none(repository: Repository) -> None:
    """Attacks falling back to the pull request's own policy when the base's is broken."""
    (repository.root / "policy.yaml").write_bytes(b"\xff\xfe broken")
    repository.commit()
    with pytest.raises(GatehouseError, match=r"policy\.yaml"):
        find_base("main", repository.root)


def test_a_repository_within_a_larger_one_finds_its_own_files(
    repository: Repository, tmp_path: Path
) -> None:
    """Attacks reading policy.yaml of the top folder (or none) for a project in a subfolder."""
    top = tmp_path / "top"
    shutil.copytree(repository.root, top / "project", ignore=shutil.ignore_patterns(".git"))
    outer = Repository(top)
    outer.git("init", "-q", "-b", "main")
    outer.git("config", "user.name", "Tester")
    outer.git("config", "user.email", "tester@example.org")
    outer.commit()
    base = find_base("main", top / "project")
    assert base.policy is not None
    assert base.record.outputs is not None
    taken = take_base(base, top / "project")
    assert taken is not None
    assert dealt(taken).present().data == repository.workspace.present().data


def test_a_hook_of_another_repository_does_not_lead_git_astray(
    repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks GIT_DIR, which git sets for its hooks: it would name another repository's main."""
    other = tmp_path / "other"
    other.mkdir()
    Repository(other).git("init", "-q")
    expected = find_base("main", repository.root).commit
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert find_base("main", repository.root).commit == expected


def test_the_record_of_the_base_is_rewritten_only_when_it_changes(repository: Repository) -> None:
    """Attacks a record touched by every run, which would measure everything again."""
    write_record(BaseRecord(), repository.root)
    path = repository.root / "reports/base.json"
    before = path.stat()
    write_record(BaseRecord(), repository.root)
    after = path.stat()
    assert (before.st_mtime_ns, before.st_ino) == (after.st_mtime_ns, after.st_ino)
    path.write_bytes(b"\xff\xff")
    write_record(BaseRecord(), repository.root)
    assert BaseRecord.read(path) == BaseRecord()
    assert recorded_base(repository.root) is None


def test_a_recorded_base_that_is_not_here_is_an_error(repository: Repository) -> None:
    """Attacks judging without the base that the evidence names."""
    write_record(find_base("main", repository.root).record, repository.root)
    with pytest.raises(GatehouseError, match="is not here"):
        recorded_base(repository.root)


def test_a_recorded_base_comes_from_the_commit_that_made_it(repository: Repository) -> None:
    """Attacks a fresh clone: what was compared with is had again, and nothing is taken for it."""
    base = find_base("HEAD", repository.root)
    write_record(base.record, repository.root)
    repository.commit("compared with the one before")
    taken = fetch_recorded_base(repository.root)
    assert taken is not None
    assert recorded_base(repository.root) == taken
    assert taken.split("train").equals(repository.workspace.split("train"))
    assert base.record.outputs is not None
    strange = base.record.outputs.model_copy(update={"contract": "sha256:0"})
    write_record(base.record.model_copy(update={"outputs": strange}), repository.root)
    with pytest.raises(GatehouseError, match="no commit here records the base"):
        fetch_recorded_base(repository.root)
    write_record(BaseRecord(), repository.root)
    assert fetch_recorded_base(repository.root) is None
