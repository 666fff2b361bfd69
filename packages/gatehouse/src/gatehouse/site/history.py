"""The verdicts in Git: one for each commit that changed `reports/verdict.json`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence
from gatehouse.git import commit_of, git, git_bytes
from gatehouse.verdict import Verdict
from gatehouse.workspace import EVIDENCE, VERDICT

MOST = 200
"""Maximum number of commits to read."""
LARGEST = 4_000_000
"""Maximum bytes of a file that is read from a commit; no real verdict is this large."""


@dataclass(frozen=True)
class Entry:
    """A verdict, and the commit that added it.

    Attributes:
        commit: its full hash; empty for an uncommitted verdict in the work tree.
        when: when it was committed (UTC); None for the work tree.
        subject: the first line of its message; untrusted text.
        verdict: None if the commit removed it; a text if it can't be read, with the reason.
    """

    commit: str
    when: datetime | None
    subject: str
    verdict: Verdict | str | None

    @property
    def name(self) -> str:
        return self.commit[:7] or "not committed"


@dataclass(frozen=True)
class History:
    """Entries, newest first, and notes for readers."""

    entries: tuple[Entry, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdicts(self) -> list[tuple[Entry, Verdict]]:
        """Return the entries with a readable verdict, newest first."""
        return [(each, each.verdict) for each in self.entries if isinstance(each.verdict, Verdict)]


def read_history(root: Path, most: int = MOST) -> History:
    """Return the verdicts on the first-parent history of HEAD; notes explain why there are none.

    A merge counts as one commit: the judged change is what it added to the branch.
    """
    try:
        commit_of("HEAD", root)
        listed = _commits(root, most + 1)
        shallow = git("rev-parse", "--is-shallow-repository", root=root).strip() == "true"
    except GatehouseError as error:
        return History(notes=(f"There is no history to read: {error}.",))
    notes = []
    if len(listed) > most:
        notes.append(f"Older commits than the newest {most} with a verdict are left out.")
    if shallow:
        notes.append(
            "This clone is shallow: older commits are not here. "
            "git fetch --unshallow brings them, or fetch-depth: 0 where a workflow checks out."
        )
    if not listed:
        notes.append("No commit here has a verdict yet.")
    listed = listed[:most]
    texts = _texts([commit for commit, _, _ in listed], VERDICT, root)
    entries = [
        Entry(commit, when, subject, _parse(text))
        for (commit, when, subject), text in zip(listed, texts, strict=True)
    ]
    return History(tuple(entries), tuple(notes))


def evidence_at(commit: str, root: Path) -> Iterator[Evidence]:
    """Yield the readable evidence of a commit."""
    try:
        listed = git("ls-tree", "-z", "--name-only", commit, f"{EVIDENCE.as_posix()}/", root=root)
    except GatehouseError:  # a commit that is missing in this clone
        return
    for path in listed.split("\0")[:-1]:
        (text,) = _texts([commit], Path(path), root)
        if text is None:
            continue
        try:
            yield Evidence.parse(text, path)
        except GatehouseError:
            continue


def _commits(root: Path, most: int) -> list[tuple[str, datetime, str]]:
    """Return hash, time and subject of the commits that changed the verdict, newest first."""
    # A displayed signature would appear between the fields.
    output = git_bytes(
        "-c", "log.showSignature=false", "log", "--first-parent", f"--max-count={most}", "-z",
        "--format=%H%x00%ct%x00%s", "HEAD", "--", VERDICT.as_posix(), root=root,
    )  # fmt: skip
    fields = output.decode("utf-8", "replace").split("\0")[:-1]
    return [
        (commit, datetime.fromtimestamp(int(seconds), UTC), subject)
        for commit, seconds, subject in zip(*[iter(fields)] * 3, strict=True)
    ]


def _texts(commits: list[str], path: Path, root: Path) -> Iterator[str | None]:
    """Yield a file's text in each commit, with byte errors replaced; None if it is missing.

    The text of a file that is larger than `LARGEST` is empty.
    """
    names = "".join(f"{commit}:./{path.as_posix()}\n" for commit in commits)
    output = git_bytes(
        "cat-file", "--batch-check=%(objecttype) %(objectname) %(objectsize)",
        root=root, stdin=names.encode(),
    )  # fmt: skip
    for line in output.decode("utf-8", "replace").splitlines():
        kind, _, rest = line.partition(" ")
        name, _, size = rest.partition(" ")
        if kind != "blob":
            yield None
        elif int(size) > LARGEST:
            yield ""
        else:
            yield git_bytes("cat-file", "blob", name, root=root).decode("utf-8", "replace")


def _parse(text: str | None) -> Verdict | str | None:
    if text is None:
        return None
    try:
        return Verdict.parse(text, VERDICT)
    except GatehouseError as error:
        return str(error).splitlines()[0]
