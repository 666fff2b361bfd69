"""The candidates that runs uploaded as artifacts: list and download them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.github.client import setting, telling
from gatehouse.trusted.archive import MEGABYTE, too_large

if TYPE_CHECKING:
    from github.Artifact import Artifact
    from github.Repository import Repository

PREFIX = "candidate-"

_CHUNK = 1 << 20


def candidates_of(repository: Repository, run: int) -> list[Artifact]:
    """List the candidates that a run uploaded in all of its attempts, including expired ones.

    Raises:
        GatehouseError: GitHub refused.
    """
    with telling("list the artifacts of the run"):
        listed = repository.get_workflow_run(run).get_artifacts()
        return [artifact for artifact in listed if artifact.name.startswith(PREFIX)]


def download(artifact: Artifact, path: Path, limit: int) -> None:
    """Store the archive at `path`.

    Args:
        artifact: of GitHub.
        path: where to store it.
        limit: its maximum size in megabytes.

    Raises:
        GatehouseError: it is larger, or can't be downloaded.
    """
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3 import Retry

    session = requests.Session()
    retry = Retry(total=5, backoff_factor=0.5, status_forcelist=(500, 502, 503, 504))
    for scheme in ("https://", "http://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    url, token = artifact.archive_download_url, setting("GITHUB_TOKEN")
    with telling("download the candidate"), _all_or_nothing(path):
        # The archive is on another host, which must not see the token.
        moved = session.get(
            url, headers={"Authorization": f"Bearer {token}"}, allow_redirects=False, timeout=60
        )
        moved.raise_for_status()
        with session.get(moved.headers.get("Location", ""), stream=True, timeout=60) as answer:
            answer.raise_for_status()
            _store(answer.iter_content(_CHUNK), path, limit)


@contextmanager
def _all_or_nothing(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _store(chunks: Iterable[bytes], path: Path, limit: int) -> None:
    size = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as stream:
        for chunk in chunks:
            size += len(chunk)
            if size > limit * MEGABYTE:
                raise too_large(limit)
            stream.write(chunk)
