"""Check that an image is the judged one and who signed it, before pushing and in a registry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.release.layout import Layout
from gatehouse.release.promote import Image
from gatehouse.release.provenance import built_from
from gatehouse.release.registry import pull
from gatehouse.release.result import BENTO, LABEL_COMMIT, LABEL_MODEL, LABEL_VERDICT, Release
from gatehouse.release.settled_verdict import verdict_digest
from gatehouse.release.signing import PROVENANCE, SBOM, VERDICT, RefusedError, Verifier
from gatehouse.typed import read_text, validate
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL
from gatehouse.workspace import VERDICT as VERDICT_FILE

Statements = dict[str, list[Any]]
"""The statements attested for an image: predicates by type."""


def verify_image(
    image: Image, verifier: Verifier, folder: Path, say: Callable[[str], object]
) -> Statements:
    """Check signature, attestations and verdict of an image, and the model inside it.

    Args:
        image: in a registry, by digest.
        verifier: the required signer.
        folder: a new folder for the pulled image.
        say: called with each check that passed.

    Raises:
        RefusedError: a check failed.
        GatehouseError: a check could not be made.
    """
    verifier.check_signature(image)
    say("signed, under this name and digest")
    found: Statements = {VERDICT: verifier.attested(image, VERDICT)}
    verdict = _passing(found[VERDICT], str(image))
    say(f"attested verdict: pass, by policy {_short(verdict.policy)}")
    found |= {kind: verifier.attested(image, kind) for kind in (PROVENANCE, SBOM)}
    say("attested provenance and SBOM")
    commit = _inside(pull(image, folder), verdict, found[PROVENANCE], str(image))
    say(f"built from commit {_short(commit)}")
    say(f"the model inside is the judged one: {_short(verdict.candidate.model)}")
    return found


def check_release(release: Release) -> str:
    """Run the checks of verification before anything is pushed; return the commit.

    Raises:
        RefusedError: the image has no passing verdict.
        GatehouseError: a file is missing or unreadable.
    """
    image, name = release.image, str(release.folder)
    _ = image.digest  # raises if nothing was built
    files = (release.verdict, release.provenance, release.sbom)
    verdict, provenance, _ = (_json(path) for path in files)
    return _inside(image, _passing([verdict], name), [provenance], name)


def _json(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError):
        raise GatehouseError(f"{path}: is not JSON; build it again: make image") from None


def _passing(predicates: list[Any], name: str) -> Verdict:
    """Return the verdict; if there are several, each must be a pass on the same model."""
    verdicts = [validate(Verdict, each, f"the verdict of {name}") for each in predicates]
    if any(verdict.outcome is not Outcome.PASS for verdict in verdicts):
        raise RefusedError(f"{name}: its verdict is not a pass")
    if len({verdict_digest(verdict) for verdict in verdicts}) != 1:
        raise RefusedError(f"{name}: its verdicts differ")
    return verdicts[0]


def _inside(layout: Layout, verdict: Verdict, provenances: list[Any], name: str) -> str:
    """Check that an image contains and names what `verdict` describes; return its commit."""
    model = _digest(layout.file(f"{BENTO}/{MODEL.as_posix()}"))
    if model != verdict.candidate.model:
        raise RefusedError(
            f"{name}: the model inside ({_short(model)}) is not the judged one "
            f"({_short(verdict.candidate.model)})"
        )
    stored = _digest(layout.file(f"{BENTO}/{VERDICT_FILE.as_posix()}"))
    if stored != verdict_digest(verdict):
        raise RefusedError(f"{name}: the verdict inside is not the attested one")
    labels = [layout.labels.get(label) for label in (LABEL_MODEL, LABEL_VERDICT, LABEL_COMMIT)]
    if labels[:2] != [model, stored]:
        raise RefusedError(f"{name}: its labels describe another model or verdict than are inside")
    commit = labels[2]
    if not commit or {built_from(each) for each in provenances} != {commit}:
        raise RefusedError(f"{name}: its provenance describes another commit than its label")
    return str(commit)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _short(digest: str | None) -> str:
    return (digest or "none").removeprefix("sha256:")[:12]
