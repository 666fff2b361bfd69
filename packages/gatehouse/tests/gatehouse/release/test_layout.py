"""Files of an image as a container sees them, or an error."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.release.layout import Layout
from tests.gatehouse.release.images import Files, layer, make_layout

MODEL = "app/models/model.onnx"
BASE: Files = [("app", None), ("app/models", None), (MODEL, b"judged")]


def image(folder: Path, *layers: Files) -> Layout:
    make_layout(folder / "image", [layer(files) for files in layers], {"a": "b"})
    return Layout(folder / "image")


def with_blob(folder: Path, manifest: bytes) -> Layout:
    """A layout whose manifest has these bytes."""
    blobs, name = folder / "blobs/sha256", hashlib.sha256(manifest).hexdigest()
    blobs.mkdir(parents=True)
    (blobs / name).write_bytes(manifest)
    index = {"manifests": [{"digest": f"sha256:{name}"}]}
    (folder / "index.json").write_text(json.dumps(index))
    return Layout(folder)


def test_the_topmost_layer_counts(tmp_path: Path) -> None:
    """A model in a later layer is what runs, so it is what is read; also where it stands twice."""
    other: Files = [(MODEL, b"first"), (f"./{MODEL}", b"last")]
    assert image(tmp_path / "1", BASE).file(MODEL) == b"judged"
    assert image(tmp_path / "2", BASE, [("etc/x", b"")]).file(MODEL) == b"judged"
    assert image(tmp_path / "3", BASE, other).file(MODEL) == b"last"


@pytest.mark.parametrize(
    "gone",
    [
        "app/models/.wh.model.onnx",
        "app/.wh.models",
        ".wh.app",
        "app/models/.wh..wh..opq",
        "./app/.wh..wh..opq",
    ],
)
def test_what_a_layer_takes_away_is_not_there(tmp_path: Path, gone: str) -> None:
    """The judged model below a whiteout is not what runs; with another one on top, that is."""
    with pytest.raises(GatehouseError, match="takes it away"):
        image(tmp_path / "1", BASE, [(gone, b"")]).file(MODEL)
    again: Files = [(gone, b""), (MODEL, b"new")]
    assert image(tmp_path / "2", BASE, again).file(MODEL) == b"new"


def test_other_whiteouts_do_not_matter(tmp_path: Path) -> None:
    """Names that only look alike hide nothing."""
    others: Files = [("app/models/.wh.model.onn", b""), ("etc/.wh..wh..opq", b"")]
    assert image(tmp_path, BASE, others).file(MODEL) == b"judged"


@pytest.mark.parametrize("name", [MODEL, "app/models", "app"])
def test_links_are_no_files(tmp_path: Path, name: str) -> None:
    """A link on the way would make a container read something else than is hashed here."""
    make_layout(tmp_path / "image", [layer(BASE), layer([], {name: "/etc"})])
    with pytest.raises(GatehouseError, match=r"is (not a plain file|no folder)"):
        Layout(tmp_path / "image").file(MODEL)


def test_changed_bytes_are_found(tmp_path: Path) -> None:
    """Each blob is what its name says, or the image is refused: manifest, config and layers."""
    for changed in range(3):
        layout = image(tmp_path / str(changed), BASE)
        names = [
            layout.digest,
            layout.manifest["config"]["digest"],
            layout.manifest["layers"][0]["digest"],
        ]
        path = layout.folder / "blobs/sha256" / names[changed][7:]
        path.write_bytes(path.read_bytes() + b" ")
        with pytest.raises(GatehouseError, match="the image was changed"):
            _ = (Layout(layout.folder).labels, Layout(layout.folder).file(MODEL))


@pytest.mark.parametrize(
    "index",
    [
        "",
        "[]",
        "{}",
        '{"manifests": []}',
        json.dumps({"manifests": [{"digest": "sha256:" + "0" * 64}] * 2}),
    ],
)
def test_what_is_no_layout_is_told(tmp_path: Path, index: str) -> None:
    """No index, a broken one, none or several images: an error that says what to do."""
    if index:
        (tmp_path / "index.json").write_text(index)
    with pytest.raises(GatehouseError, match="make image"):
        _ = Layout(tmp_path).digest


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "is not JSON"),
        (b"\xff", "is not JSON"),
        (b"[" * 100_000, "is not JSON"),
        (b"[]", "is not a JSON object"),
        (b'{"manifests": []}', "not that of one image"),
        (b'{"config": [], "layers": []}', "not that of one image"),
        (b'{"config": {"digest": 1}, "layers": []}', "not that of one image"),
        (b'{"config": {"digest": "x"}, "layers": [{}]}', "not that of one image"),
        (b'{"config": {"digest": "x"}, "layers": 1}', "not that of one image"),
        (b'{"config": {"digest": "x"}, "layers": []}', "not a SHA-256 digest"),
    ],
)
def test_what_another_program_left_is_told(tmp_path: Path, content: bytes, message: str) -> None:
    """Attacks a traceback: a manifest that is broken, or of several images, or of none."""
    with pytest.raises(GatehouseError, match=message):
        _ = with_blob(tmp_path, content).labels


@pytest.mark.parametrize("config", [b'{"config": [1]}', b'{"config": {"Labels": "a"}}', b"1"])
def test_a_strange_config_is_told(tmp_path: Path, config: bytes) -> None:
    """Attacks a traceback: labels that are no labels."""
    name = hashlib.sha256(config).hexdigest()
    manifest = json.dumps({"config": {"digest": f"sha256:{name}"}, "layers": []}).encode()
    layout = with_blob(tmp_path, manifest)
    (tmp_path / "blobs/sha256" / name).write_bytes(config)
    with pytest.raises(GatehouseError, match="not a JSON object"):
        _ = layout.labels


def test_digests_are_no_paths(tmp_path: Path) -> None:
    """A manifest can't make the reader open a file elsewhere."""
    index = {"manifests": [{"digest": "sha256:" + "../" * 21 + "a"}]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    with pytest.raises(GatehouseError, match="not a SHA-256 digest"):
        _ = Layout(tmp_path).manifest


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def test_all_files_of_a_folder_are_listed(tmp_path: Path) -> None:
    """As a container sees them: the topmost of each name, and none that a layer takes away."""
    lower: Files = [("app/code/a.py", b"old"), ("app/code/b.py", b"b"), ("app/code/c/d.py", b"d")]
    upper: Files = [("./app/code/a.py", b"new"), ("app/code/.wh.b.py", b""), ("app/codex", b"")]
    found = image(tmp_path / "1", BASE, lower, upper).digests("app/code")
    assert found == {"a.py": digest(b"new"), "c/d.py": digest(b"d")}
    opaque: Files = [("app/code/.wh..wh..opq", b""), ("app/code/e.py", b"e")]
    assert image(tmp_path / "2", lower, opaque).digests("app/code") == {"e.py": digest(b"e")}
    assert image(tmp_path / "3", lower, [("app/.wh.code", b"")]).digests("app/code") == {}


@pytest.mark.parametrize("name", ["app", "app/models", f"{MODEL}.py", "app/models/x/y"])
def test_a_link_hides_no_file(tmp_path: Path, name: str) -> None:
    """A link in the folder, or on the way to it, leads to files that nobody listed."""
    make_layout(tmp_path / "image", [layer(BASE), layer([], {name: "/etc"})])
    with pytest.raises(GatehouseError, match="neither a plain file nor a folder"):
        Layout(tmp_path / "image").digests("app/models")


def test_a_name_lies_where_it_says(tmp_path: Path) -> None:
    """A file that a container unpacks into the folder, by a name that begins elsewhere."""
    made = image(tmp_path, BASE, [("etc/../app/models/model.onnx", b"another")])
    for look in (made.file, made.digests):
        with pytest.raises(GatehouseError, match=r"has '\.\.' in its name"):
            look(MODEL)
