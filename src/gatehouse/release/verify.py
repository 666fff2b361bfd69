"""Is a pushed image what was judged, and who says so?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatehouse.release.layout import Layout
from gatehouse.release.promote import Image
from gatehouse.release.provenance import built_from
from gatehouse.release.registry import pull
from gatehouse.release.result import LABEL_COMMIT, LABEL_MODEL, LABEL_VERDICT
from gatehouse.release.settled import verdict_digest
from gatehouse.release.signing import PROVENANCE, SBOM, VERDICT, RefusedError, Verifier
from gatehouse.typed import validate
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import MODEL
from gatehouse.workspace import VERDICT as VERDICT_FILE

BENTO = "app/bento/src"
"""Where the commit's files lie in the image."""


@dataclass(frozen=True)
class Checked:
    """What an image was found to be."""

    commit: str
    model: str
    verdict: str


def verify_image(
    image: Image, verifier: Verifier, folder: Path, say: Callable[[str], object]
) -> Checked:
    """Check signature, attestations and verdict of an image, and the model inside of it.

    Args:
        image: in a registry, by digest.
        verifier: who must have signed.
        folder: to be made: the pulled image.
        say: is told each thing that was found in order.

    Raises:
        RefusedError: one of them is not in order.
        GatehouseError: one could not be looked at.
    """
    verifier.check_signature(image)
    say("signed, under this name and digest")
    verdict = _the_verdict(image, verifier)
    say(f"attested verdict: pass, by policy {_short(verdict.policy)}")
    sources = {built_from(each) for each in verifier.attested(image, PROVENANCE)}
    verifier.attested(image, SBOM)
    say("attested provenance and SBOM")
    layout = pull(image, folder)
    checked = _inside(layout, verdict)
    if sources != {checked.commit}:
        raise RefusedError(f"{image}: its provenance speaks of another commit than its label")
    say(f"built from commit {checked.commit[:12]}")
    say(f"the model inside is the judged one: {_short(checked.model)}")
    return checked


def _the_verdict(image: Image, verifier: Verifier) -> Verdict:
    """The attested verdict; where there are several, each must be a pass on the same model."""
    predicates = verifier.attested(image, VERDICT)
    verdicts = [validate(Verdict, each, f"the attested verdict of {image}") for each in predicates]
    if any(verdict.outcome is not Outcome.PASS for verdict in verdicts):
        raise RefusedError(f"{image}: its attested verdict is no pass")
    if len({verdict_digest(verdict) for verdict in verdicts}) != 1:
        raise RefusedError(f"{image}: its attested verdicts differ")
    return verdicts[0]


def _inside(layout: Layout, verdict: Verdict) -> Checked:
    model = _digest(layout.file(f"{BENTO}/{MODEL.as_posix()}"))
    if model != verdict.candidate.model:
        raise RefusedError(
            f"the model inside ({_short(model)}) is not the judged one "
            f"({_short(verdict.candidate.model)})"
        )
    stored = _digest(layout.file(f"{BENTO}/{VERDICT_FILE.as_posix()}"))
    if stored != verdict_digest(verdict):
        raise RefusedError("the verdict inside is not the attested one")
    labels = layout.labels
    if (labels.get(LABEL_MODEL), labels.get(LABEL_VERDICT)) != (model, stored):
        raise RefusedError("the image's labels speak of another model or verdict than lie inside")
    return Checked(commit=labels.get(LABEL_COMMIT, ""), model=model, verdict=stored)


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def _short(digest: str | None) -> str:
    return (digest or "none").removeprefix("sha256:")[:12]
