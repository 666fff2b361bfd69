"""The files of a build, and the image's labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gatehouse.release.layout import Layout

FOLDER = Path(".gatehouse/release")
BENTO = "app/bento/src"
"""The folder of the commit's files in the image."""
SITE = "app/site"
"""The folder of the installed packages in the image."""
LABEL_COMMIT = "org.opencontainers.image.revision"
LABEL_MODEL = "gatehouse.model"
LABEL_MACHINERY = "gatehouse.machinery"
LABEL_VERDICT = "gatehouse.verdict"


@dataclass(frozen=True)
class Release:
    """The files of a build in `folder`."""

    folder: Path = FOLDER

    @property
    def image(self) -> Layout:
        return Layout(self.folder / "image")

    @property
    def verdict(self) -> Path:
        """The complete verdict, including times."""
        return self.folder / "verdict.json"

    @property
    def candidate(self) -> Path:
        """The judged data, models and evidence, laid out as in the repository."""
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
