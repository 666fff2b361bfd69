"""The model card as it is recorded, with the acceptances that count when it is written."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gatehouse.acceptance.record import of_model
from gatehouse.github.blobs import text_of
from gatehouse.github.recompute import Recomputed
from gatehouse.lock import relock
from gatehouse.report.card import with_accepted
from gatehouse.typed import write_text

if TYPE_CHECKING:
    from github.Repository import Repository

# The same paths as in `gatehouse.run` and `gatehouse.base`, which import packages that this job has
# not installed.
CARD, LOCK = Path("reports/model_card.md"), Path("dvc.lock")


def card_files(
    repository: Repository, again: Recomputed, files: Mapping[str, bytes]
) -> dict[str, bytes]:
    """Return the card, and the lock that records it if *Judge* provided one; by path.

    Args:
        repository: accessed with a token that may read contents.
        again: the recomputed answer.
        files: the other recorded files. If they have no card, the judged commit's own card is used,
            which *Judge* found to be the one that it would make.

    Raises:
        GatehouseError: GitHub refused, or the lock is unreadable.
    """
    name, lock = CARD.as_posix(), files.get(LOCK.as_posix())
    given = files.get(name)
    text = given.decode() if given else text_of(repository, again.judged.head, CARD)
    if text is None:
        return {}
    made = with_accepted(text, of_model(again.accepted.acceptances, again.verdict.candidate))
    found = {name: made.encode()}
    if given and lock and made != text:
        with tempfile.TemporaryDirectory(prefix="gatehouse-card-") as folder:
            write_text(Path(folder) / CARD, made)
            locked = relock(lock.decode(), Path(folder), [name], "the record's dvc.lock")
        found[LOCK.as_posix()] = locked.encode()
    return found
