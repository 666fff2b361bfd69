"""What a build leaves, and what the image says of itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatehouse.release.layout import Layout

FOLDER = Path(".gatehouse/release")
BENTO = "app/bento/src"
"""Where the commit's files are in the image."""
SITE = "app/site"
"""Where the installed packages are in the image."""
LABEL_COMMIT = "org.opencontainers.image.revision"
LABEL_MODEL = "gatehouse.model"
LABEL_MACHINERY = "gatehouse.machinery"
LABEL_VERDICT = "gatehouse.verdict"


@dataclass(frozen=True)
class Release:
    """What a build leaves in `folder`."""

    folder: Path = FOLDER

    @property
    def image(self) -> Layout:
        return Layout(self.folder / "image")

    @property
    def verdict(self) -> Path:
        """The whole verdict, with its times."""
        return self.folder / "verdict.json"

    @property
    def candidate(self) -> Path:
        """The data, models and evidence that were judged, laid out as in the repository."""
        return self.folder / "candidate"

    @property
    def sbom(self) -> Path:
        return self.folder / "sbom.cdx.json"

    @property
    def licences(self) -> Path:
        return self.folder / "licences.md"

    @property
    def provenance(self) -> Path:
        return self.folder / "provenance.json"
