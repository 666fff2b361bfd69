"""A pull request that the gates judged, and the workflow that answers a comment on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from gatehouse.github.accept import CommentEvent, accept
from gatehouse.github.answer import WORKFLOW
from tests.gatehouse.github.change import Change
from tests.github.state import Comment

GATES: dict[str, Any] = {
    "path": WORKFLOW,
    "event": "workflow_run",
    "name": "Gates",
    "head_branch": "main",
}


class Talk(Change):
    """The gates have judged pull request 1, and their answer is an artifact of their run."""

    def gates(self, **run: Any) -> str:
        """The gates judge and publish, and leave their answer."""
        commit = self.head
        said = self.judge()
        folder = self.hub.folder / f"judged-{self.hub.runs}"
        self.upload(commit, folder, **run)
        return said

    def upload(self, commit: str, folder: Path | bytes, **run: Any) -> None:
        self.hub.runs += 1
        tip = self.git.commit_of("refs/heads/main") or ""
        given: dict[str, Any] = {"head_sha": tip, **GATES, **run}
        self.hub.github.run(self.hub.runs, **given)
        self.hub.github.artifact(self.hub.runs, f"judged-{commit}", folder)

    def accept(self, comment: Comment, action: str = "created", sender: str | None = None) -> str:
        """The workflow of a comment's event; what it prints."""
        event = CommentEvent.model_validate(
            {
                "action": action,
                "issue": {"number": 1},
                "comment": {"id": comment.id, "user": {"login": comment.login}},
                "sender": {"login": sender or comment.login},
                "repository": {"full_name": "octo/model", "default_branch": "main"},
            }
        )
        for name in ("answer", "work"):
            shutil.rmtree(self.hub.folder / name, ignore_errors=True)
        folder, work = self.hub.folder / "answer", self.hub.folder / "work"
        self.answered_now = accept(self.hub.access(), event, folder, work, {})
        return self.answered_now.text

    def status(self) -> str:
        found = self.hub.github.statuses(self.head).get("gatehouse")
        return found.state if found else "none"

    def told(self) -> str:
        """The gates' comment that is left to be written."""
        return (self.hub.folder / "answer/comment.md").read_text("utf-8")
