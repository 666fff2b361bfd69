"""A pull request that was judged, and the job *Publish* that writes what the job *Judge* says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gatehouse.github.publish import publish
from gatehouse.trusted.judgement import Judgement
from tests.gatehouse.github.answers import Answer
from tests.gatehouse.github.hub import Hub


class Desk:
    """Pull request 1 was judged, and is to be published."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.folder = hub.folder / "judged"
        self.head = hub.head(1)
        self.event = hub.finish(1)
        self.base = hub.github.git.commit_of("refs/heads/main") or ""
        self.answer = Answer(self.base)

    def hand_over(self, **more: Any) -> Judgement:
        """What the job Judge leaves: of a good run, unless `answer` is another one."""
        return self.answer.hand_over(self.folder, self.head, **more)

    def publish(self, bases: Mapping[str, str] | None = None) -> Judgement:
        """The job Publish."""
        done = publish(self.hub.access(), self.event, self.folder, bases or {}, stored=False)
        assert done is not None
        return done.judged

    def said(self) -> str:
        """What the status says of the head."""
        status = self.hub.github.statuses(self.head)["gatehouse"]
        return f"{status.state}: {status.description}"

    def files(self, commit: str) -> list[str]:
        """The paths of a commit's files."""
        return self.hub.github.git.git("ls-tree", "-r", "--name-only", commit).splitlines()
