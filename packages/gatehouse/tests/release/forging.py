"""Images that somebody made wrong on purpose."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from gatehouse.release.layout import Layout
from tests.gatehouse.release.images import Files, layer
from tests.release.chain import Chain


def with_layer(image: Layout, folder: Path, files: Files) -> Layout:
    """A copy of an image in `folder`, with one more layer on top."""
    shutil.copytree(image.folder, folder)

    def put(content: bytes) -> dict[str, Any]:
        name = hashlib.sha256(content).hexdigest()
        (folder / "blobs/sha256" / name).write_bytes(content)
        return {"digest": f"sha256:{name}", "size": len(content)}

    added = put(layer(files)) | {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"}
    manifest = image.manifest | {"layers": [*image.manifest["layers"], added]}
    index = json.loads((folder / "index.json").read_text())
    index["manifests"][0] |= put(json.dumps(manifest).encode())
    (folder / "index.json").write_text(json.dumps(index))
    return Layout(folder)


def push(chain: Chain, image: Layout, name: str) -> str:
    """Push an image and nothing else; its reference by digest."""
    repository = f"{chain.registry.host}/{name}"
    source, target = f"oci:{image.folder}:image", f"docker://{repository}:forged"
    chain.run("skopeo", "copy", "--quiet", "--preserve-digests", source, target)
    return f"{repository}@{image.digest}"


def sign(chain: Chain, reference: str) -> None:
    """Sign an image by the right key."""
    key = f"--key={chain.private}"
    chain.run("cosign", "sign", "--yes", "--tlog-upload=false", key, reference)


def attest(chain: Chain, reference: str, kind: str, predicate: Path) -> None:
    """Attach a statement that is signed by the right key."""
    words = ["--yes", "--tlog-upload=false", f"--key={chain.private}", "--type", kind]
    chain.run("cosign", "attest", *words, "--predicate", str(predicate), reference)
