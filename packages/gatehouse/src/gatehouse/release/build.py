"""From a judged commit to an OCI image on disk; equal inputs give an equal digest."""

from __future__ import annotations

import shutil
from pathlib import Path

from gatehouse.digest import file_digest
from gatehouse.errors import GatehouseError
from gatehouse.release.bento import build_bento
from gatehouse.release.builder import base_digest, build_layout, check_base
from gatehouse.release.judge_commit import JudgedCommit
from gatehouse.release.packages import install, licence_list, same_modes, write_sbom
from gatehouse.release.provenance import provenance_of
from gatehouse.release.result import (
    LABEL_COMMIT,
    LABEL_MACHINERY,
    LABEL_MODEL,
    LABEL_VERDICT,
    Release,
)
from gatehouse.release.settled_verdict import verdict_digest
from gatehouse.trusted.candidate import OUTPUTS
from gatehouse.typed import write_text
from gatehouse.workspace import EVIDENCE

BASE_IMAGE = (
    "docker.io/library/python:3.11-slim-bookworm"
    "@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b"
)


def build(judged: JudgedCommit, base_image: str, work: Path, release: Release) -> None:
    """Build the image of a commit that passed.

    Args:
        judged: the commit; it must pass.
        base_image: named by digest, or `oci:` and the folder of an OCI layout.
        work: a scratch folder.
        release: where to write image, SBOM, licences, verdict, provenance, data, models and
            evidence.

    Raises:
        GatehouseError: the commit does not pass, the base is not pinned, there is no builder, or
            the build failed.
    """
    check_base(base_image)
    model = file_digest(judged.model)
    if not judged.passes or judged.verdict.candidate.model != model:
        raise GatehouseError(f"the model of {judged.commit[:12]} did not pass, so it gets no image")
    context, part = work / "context", Release(work / "release")
    context.mkdir(parents=True)
    part.folder.mkdir()
    install(judged.folder, context / "site")
    build_bento(judged, context / "bento")
    same_modes(context)
    labels = {
        LABEL_COMMIT: judged.commit,
        LABEL_MODEL: model,
        LABEL_MACHINERY: judged.machinery,
        LABEL_VERDICT: verdict_digest(judged.verdict),
    }
    image = build_layout(context, base_image, labels, judged.time, part.image.folder)
    project = judged.folder / "pyproject.toml"
    write_sbom(context / "site", project, work / "environment", part.sbom, judged.time)
    write_text(part.licences, licence_list(part.sbom))
    judged.verdict.write(part.verdict)
    for path in (*OUTPUTS, EVIDENCE):
        (part.candidate / path).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (judged.folder / path).is_dir() else shutil.copyfile
        copy(judged.folder / path, part.candidate / path)
    write_text(part.provenance, provenance_of(judged, base_image, base_digest(base_image, image)))
    shutil.rmtree(release.folder, ignore_errors=True)
    release.folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(part.folder, release.folder)
