"""Signatures and attestations by cosign: with a local key, or on GitHub by the workflow's identity.

With a key, nothing is sent to a transparency log. Without one, Sigstore's public log records which
repository signed which digest.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gatehouse.errors import GatehouseError
from gatehouse.release.promote import Image
from gatehouse.release.tools import ToolError, run

VERDICT = "urn:gatehouse:verdict:1"
PROVENANCE = "slsaprovenance1"
SBOM = "cyclonedx"
GITHUB = "https://token.actions.githubusercontent.com"


# cosign's exit codes if it found no signature, or none by this key. For attestations, only its
# message says so.
_REFUSED = (10, 12)
_NOT_ATTESTED = ("no matching attestations", "none of the attestations matched")


class RefusedError(GatehouseError):
    """The image must not run."""


@dataclass(frozen=True)
class Signer:
    """Sign with the private key `key` (its password in COSIGN_PASSWORD), or keyless without one.

    Raises:
        GatehouseError: there is neither a key nor a workflow's identity.
    """

    key: str | None

    def __post_init__(self) -> None:
        # Elsewhere, cosign would ask for a person's login, and publish it permanently.
        if not self.key and "ACTIONS_ID_TOKEN_REQUEST_URL" not in os.environ:
            raise GatehouseError(
                "there is no key to sign with; name one: --key cosign.key (`cosign "
                "generate-key-pair` makes it). Only jobs on GitHub with `id-token: write` need none"
            )

    def sign(self, image: Image) -> None:
        """Sign an image in its registry.

        Raises:
            GatehouseError: the key cannot be opened, or the registry refuses.
        """
        run(["cosign", "sign", *self._how(), str(image)], f"sign {image}")

    def attest(self, image: Image, kind: str, predicate: Path) -> None:
        """Attach a signed statement to an image; `kind` is the type of its predicate."""
        run(
            ["cosign", "attest", *self._how(), "--type", kind, "--predicate", predicate,
             str(image)],
            f"attest {kind} of {image}",
        )  # fmt: skip

    def _how(self) -> list[str]:
        by_key = [f"--key={self.key}", "--tlog-upload=false"]
        return ["--yes", *(by_key if self.key else [])]


@dataclass(frozen=True)
class Verifier:
    """The required signer: the holder of a key, or a workflow by its identity."""

    key: str | None = None
    identity: str | None = None
    issuer: str = GITHUB

    def check_signature(self, image: Image) -> None:
        """Refuse an image that is not signed, or signed for another name, or by someone else.

        Raises:
            RefusedError: the image is refused.
            GatehouseError: the registry can't be reached.
        """
        text = _ask(["verify", "--output=json", *self._how()], image, "the signature")
        for each in _json(text):
            critical = each.get("critical") or {}
            name = (critical.get("identity") or {}).get("docker-reference")
            digest = (critical.get("image") or {}).get("docker-manifest-digest")
            if (_full(name), digest) == (_full(image.name), image.digest):
                return
        raise RefusedError(f"{image}: its signature is of another image or name")

    def attested(self, image: Image, kind: str) -> list[Any]:
        """Return the predicates of an image's validly signed statements of type `kind`.

        Raises:
            RefusedError: there is none, or it describes another image.
        """
        words = ["verify-attestation", "--type", kind, *self._how()]
        text = _ask(words, image, f"the attestation {kind}")
        return [_predicate(line, image) for line in text.splitlines() if line.strip()]

    def _how(self) -> list[str]:
        if (self.key is None) == (self.identity is None):
            raise GatehouseError(
                "say who must have signed: the public key (--key cosign.pub; of `image sign` "
                "--verified-by old.pub), or the workflow (--identity https://github.com/OWNER/NAME/"
                ".github/workflows/release.yml@refs/heads/main)"
            )
        if self.key is not None:
            return [f"--key={self.key}", "--insecure-ignore-tlog=true"]
        return [f"--certificate-identity={self.identity}",
                f"--certificate-oidc-issuer={self.issuer}"]  # fmt: skip


def _ask(words: list[str], image: Image, what: str) -> str:
    try:
        return run(["cosign", *words, str(image)], f"verify {what} of {image}")
    except ToolError as error:
        if error.code in _REFUSED or any(text in str(error) for text in _NOT_ATTESTED):
            raise RefusedError(str(error)) from None
        raise


def _full(name: object) -> str:
    """Return the full image name; Docker Hub has two host names."""
    text = str(name)
    return f"index.{text}" if text.startswith("docker.io/") else text


def _json(text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except ValueError:
        raise GatehouseError("cosign gave an answer that is not JSON") from None
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _predicate(line: str, image: Image) -> Any:
    """Return the predicate of an in-toto statement in its signed envelope."""
    try:
        statement = json.loads(base64.b64decode(json.loads(line)["payload"], validate=True))
        digests = {each["digest"]["sha256"] for each in statement["subject"]}
        predicate = statement["predicate"]
    except (ValueError, KeyError, TypeError, binascii.Error):
        raise RefusedError(f"{image}: an attestation is not an in-toto statement") from None
    if digests != {image.digest.removeprefix("sha256:")}:
        raise RefusedError(f"{image}: an attestation describes another image")
    return predicate
