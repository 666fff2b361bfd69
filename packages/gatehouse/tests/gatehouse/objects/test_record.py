"""Attacks the schema of records: DVC's own keys, paths in every spelling, other readers' YAML."""

from __future__ import annotations

import re

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.objects.record import Output, read_lock, read_tracked

MD5 = "0a" * 16
LOCK = f"""\
schema: '2.0'
stages:
  prepare:
    cmd: python -m pipeline.prepare
    deps:
    - path: ../../src/pipeline/prepare.py
      hash: md5
      md5: {MD5}
      size: 12
    params:
      params.yaml:
        split:
          test: 0.2
    outs:
    - path: data/prepared
      hash: md5
      md5: {MD5}.dir
      size: 30
      nfiles: 3
    - path: models/model.onnx
      hash: md5
      md5: {MD5}
      size: 7
"""
TABLE = f"outs:\n- md5: {MD5}\n  size: 4\n  hash: md5\n  path: rows.csv\n"


def test_what_dvc_writes_is_read() -> None:
    """Attacks a schema so strict that an honest record is none."""
    assert read_lock(LOCK, "dvc.lock") == {
        "data/prepared": Output("data/prepared", MD5, "folder", 30, 3),
        "models/model.onnx": Output("models/model.onnx", MD5, "file", 7),
    }
    table = read_tracked(TABLE, "data/own/rows.csv.dvc")
    assert table == Output("data/own/rows.csv", MD5, "file", 4)
    assert read_lock("schema: '2.0'\n", "dvc.lock") == {}


def refused(text: str, message: str) -> None:
    with pytest.raises(GatehouseError, match=rf"^dvc\.lock(:\d+)?: {message}"):
        read_lock(text, "dvc.lock")


OUT = "    - path: models/model.onnx\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("wdir", ".."),
        ("files", "[{relpath: ../../src/x.py, md5: " + MD5 + "}]"),
        ("frozen", "true"),
        ("remote", "evil"),
        ("cloud", "{evil: {etag: x, version_id: y}}"),
        ("version_id", "x"),
        ("etag", "x"),
        ("checksum", "x"),
        ("repo", "{url: 'http://127.0.0.1:9', rev_lock: x}"),
        ("url", "http://127.0.0.1:9"),
        ("fs_config", "{url: 's3://x'}"),
        ("dataset", "{name: x}"),
        ("persist", "true"),
        ("cache", "false"),
        ("push", "false"),
        ("live", "{}"),
        ("desc", "x"),
        ("Path", "x"),
    ],
)
def test_keys_that_dvc_follows_are_errors(key: str, value: str) -> None:
    """Attacks each level of the lock with each key; the error names key, value and fix."""
    told = rf".*has the key '{key}' with the value .*take it out, or"
    refused(LOCK.replace(OUT, f"{OUT}      {key}: {value}\n"), r"stages\.prepare\.outs\.1: " + told)
    refused(LOCK.replace("    cmd:", f"    {key}: {value}\n    cmd:"), r"stages\.prepare: " + told)
    refused(LOCK.replace("stages:", f"{key}: {value}\nstages:"), told)
    dependency = LOCK.replace("      size: 12\n", f"      {key}: {value}\n")
    refused(dependency, r"stages\.prepare\.deps\.0: " + told)
    with pytest.raises(GatehouseError, match=rf"rows\.csv\.dvc:\d+: outs\.0: {told}"):
        read_tracked(f"{TABLE}  {key}: {value}\n", "data/own/rows.csv.dvc")
    with pytest.raises(GatehouseError, match=rf"rows\.csv\.dvc: {told}"):
        read_tracked(f"{TABLE}{key}: {value}\n", "data/own/rows.csv.dvc")


PATHS = [
    "../src/sitecustomize.py", "models/../src/x.onnx", "/etc/x.onnx", "//host/x.onnx",
    "models\\..\\src\\x.onnx", "models\\x.onnx", "C:\\x.onnx", "C:/x.onnx", "C:x.onnx",
    "./models/x.onnx", "models/./x.onnx", "models//x.onnx", "models/x.onnx/", "", ".", "..", "~/x",
    "Models/model.onnx", "MODELS/x.onnx", "models/x.ONNX", "models/\uff58.onnx",
    "models/x\u0301.onnx", "models/\u202ex.onnx", "models/x.onnx ", " models/x.onnx",
    "models/x.onnx.", "models/a b.onnx",
    "models/.git/x.onnx", "models/.x.onnx", "models/git~1.onnx", ".dvc/config", ".git/config",
    "models/.dvc/config", "models/con.onnx", "models/NUL.onnx", "models/x.onnx:stream",
    "models/%2e%2e/x.onnx", "models/$(id).onnx", "${x}.onnx", "models/x\0.onnx", "models/x\n.onnx",
    "packages/x.onnx", "src/x.py", "docs/x.md", "data/x.parquet", "data/snapshots/x.parquet",
    "data/own/x.csv", "reports/site/x.html", "reports/x.html", "dvc.lock", "dvc.yaml", "Makefile",
    "models/a/b.onnx", "models/x.onnx/x.onnx", "reports/train", "reports/train/../../src/x",
    "models/" + "a" * 200 + ".onnx", "reports/train/" + "a/" * 40 + "x", "http://127.0.0.1:9/x",
    "s3://bucket/x", "remote://evil/x", "file:///etc/x",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS, ids=repr)
def test_paths_that_leave_their_place_are_errors(path: str) -> None:
    """Attacks the work tree by an output in a place of code, in every spelling."""
    escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in path)
    text = LOCK.replace("path: models/model.onnx", f'path: "{escaped}"')
    refused(text, r"(stages\.prepare\.outs\.1: the path |is not valid YAML)")
    folder = text.replace(f"md5: {MD5}\n      size: 7", f"md5: {MD5}.dir\n      size: 7")
    if not path.startswith("reports/train/"):
        refused(folder, r"(stages\.prepare\.outs\.1: the path |is not valid YAML)")
    with pytest.raises(GatehouseError, match=r"\.dvc"):
        read_tracked(TABLE, f"{path}.dvc")
    beside = TABLE.replace("path: rows.csv", f'path: "{escaped}"')
    with pytest.raises(GatehouseError, match=r"rows\.csv\.dvc"):
        read_tracked(beside, "data/own/rows.csv.dvc")


@pytest.mark.parametrize(
    "md5",
    ["1", "'1'", "null", "''", MD5.upper(), MD5 + "0", MD5[:-1], MD5 + ".DIR", MD5 + ".dir.dir",
     f"{MD5}.dir/../..", "../" + MD5[:29], f"'{MD5}\\n'", f'"{MD5}\\n"', "g" * 32, "[]", "{}",
     "true", "1e5", f"' {MD5}'", "\uff10" * 32],
)  # fmt: skip
def test_digests_that_are_none_are_errors(md5: str) -> None:
    """Attacks the address, from which a path in the remote is made."""
    refused(LOCK.replace(f"md5: {MD5}\n      size: 7", f"md5: {md5}"), r"stages\.prepare\.outs\.1")
    with pytest.raises(GatehouseError, match=r"rows\.csv\.dvc"):
        read_tracked(TABLE.replace(MD5, md5), "data/own/rows.csv.dvc")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("      hash: md5\n      md5: " + MD5 + "\n      size: 7", f"      md5: {MD5}", "as DVC 2"),
        ("      size: 7", "      size: -1", r"size: .*\(found -1\)"),
        ("      size: 7", "      size: 7.5", r"size: .*\(found 7\.5\)"),
        ("      size: 7", f"      size: {2**70}", "size: "),
        ("      size: 7", "      isexec: 1", "isexec: "),
        (
            "hash: md5\n      md5: " + MD5 + "\n      size: 7",
            f"hash: sha\n      md5: {MD5}",
            "hash",
        ),
        ("schema: '2.0'", "schema: '1.0'", "schema: "),
        ("schema: '2.0'", "schema: 2.0", "schema: "),
        ("schema: '2.0'\n", "", "schema: this key is missing"),
        ("    cmd: python -m pipeline.prepare\n", "", "cmd: this key is missing"),
        ("path: ../../src", "path: http://127.0.0.1:9", "is not a file of the repository"),
        ("path: ../../src", "path: http:/127.0.0.1:9", "is not a file of the repository"),
        ("path: ../../src", "path: remote://evil", "is not a file of the repository"),
        ("path: ../../src", '"path": "a\\0', "is not a file of the repository|not valid YAML"),
        ("models/model.onnx", "data/prepared", "is a folder, and is recorded as a file"),
        (MD5 + "\n      size: 7", MD5 + ".dir", "is a file, and is recorded as a folder"),
        ("cmd: python", "cmd: &a python", "has the anchor &a"),
        ("cmd: python", "cmd: *a", "has the alias|not valid YAML"),
        ("cmd: python", "cmd: !!str python", "has the tag"),
        ("cmd: python", "cmd: !x python", "has the tag"),
        ("  prepare:", "  <<: {}\n  prepare:", "merge key"),
        ("schema:", "%YAML 1.1\n---\nschema:", r"has a directive"),
        ("schema:", "%TAG ! tag:x,2000:\n---\nschema:", r"has a directive"),
        ("schema:", "a: 1\n---\nschema:", "is not valid YAML"),
        ("schema:", "schema: '2.0'\nschema:", "duplicate key"),
        ("    cmd:", "    cmd: x\n    cmd:", "duplicate key"),
        ("test: 0.2", "test: " + "[" * 40 + "]" * 40, "nests deeper than"),
        ("test: 0.2", "test: " + "x" * 1_000_001, "more than 1,000,000 bytes"),
    ],
)
def test_other_shapes_are_errors(old: str, new: str, message: str) -> None:
    """Attacks what two readers of YAML, or two versions of DVC, take differently."""
    assert old in LOCK
    refused(LOCK.replace(old, new, 1), f".*({message})")


def test_counts_are_bounded() -> None:
    """Attacks the reader's memory and time."""
    stage = "  s{}:\n    cmd: x\n"
    refused("schema: '2.0'\nstages:\n" + "".join(stage.format(i) for i in range(201)), "stages: ")
    dep = f"    - path: x\n      md5: {MD5}\n"
    refused(
        "schema: '2.0'\nstages:\n  a:\n    cmd: x\n    deps:\n" + dep * 2001, r"stages\.a\.deps: "
    )


@pytest.mark.parametrize("path", ["models/model.onnx", "data/prepared", "models/MODEL.onnx"])
def test_two_outputs_of_one_place_are_errors(path: str) -> None:
    """Attacks the choice between two, also where case does not count."""
    kind = ".dir" if path == "data/prepared" else ""
    out = f"    - path: {path}\n      hash: md5\n      md5: {MD5}{kind}\n"
    refused(
        f"{LOCK}  again:\n    cmd: x\n    outs:\n{out}",
        f".*({re.escape(path)} twice|are one where case does not count)",
    )


def test_an_output_in_another_is_an_error() -> None:
    """Attacks a folder by a file in it, which would stand there before the folder does."""
    outs = "".join(
        f"    - path: reports/train/{name}\n      hash: md5\n      md5: {MD5}\n"
        for name in ("a", "a/b")
    )
    refused(LOCK + outs, "reports/train/a/b is in reports/train/a")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (TABLE, "data/own/other.csv.dvc"),
        (TABLE, "data/own/rows.csv"),
        (TABLE, "rows.csv.dvc"),
        (TABLE, "docs/rows.csv.dvc"),
        (TABLE, "data/own/deep/rows.csv.dvc"),
        (TABLE, "data/own/../rows.csv.dvc"),
        (TABLE.replace("rows.csv", "rows.py"), "data/own/rows.py.dvc"),
        (TABLE.replace(MD5, MD5 + ".dir"), "data/own/rows.csv.dvc"),
        (TABLE + TABLE.removeprefix("outs:\n"), "data/own/rows.csv.dvc"),
        ("outs: []\n", "data/own/rows.csv.dvc"),
        ("{}", "data/own/rows.csv.dvc"),
        ("md5: 1\n", "data/own/rows.csv.dvc"),
        ("[", "data/own/rows.csv.dvc"),
        ("", "data/own/rows.csv.dvc"),
        (TABLE.replace("path: rows.csv", "path: ../own/rows.csv"), "data/own/rows.csv.dvc"),
    ],
)
def test_a_dvc_file_stands_for_the_rows_beside_it(text: str, name: str) -> None:
    """Attacks the `.dvc` file: another path, folder, kind or number of outputs than its own."""
    with pytest.raises(GatehouseError, match=re.escape(name)):
        read_tracked(text, name)
