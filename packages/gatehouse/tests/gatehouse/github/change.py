"""A pull request that fails a rule, and owners who may accept that, on a stand-in for GitHub."""

from __future__ import annotations

from typing import Any

from gatehouse.acceptance.offer import offers
from gatehouse.acceptance.record import FOLDER, Acceptance
from gatehouse.github.publish import publish
from gatehouse.policy import parse_policy
from gatehouse.trusted.judgement import RECORD
from tests.gatehouse.github.answers import Answer
from tests.gatehouse.github.hub import Hub
from tests.gatehouse.tiny import POLICY, good, measured
from tests.github.state import Comment

OWNERS = "* @olga @otto @octo/ml\n"
REASON = "the labels of 2019 were wrong, see ticket 12"
RED = "failure: accuracy: ROC AUC"


def worse(value: float = 0.7) -> dict[str, Any]:
    return {"accuracy": (measured("roc_auc", value), *good("accuracy", base=True)[1:])}


class Change:
    """Pull request 1, by ada, fails one rule; olga and otto own the policy."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.policy = POLICY
        self.record = {"dvc.lock": "two\n"}
        self.main({})
        self.answer = Answer("", worse())
        self.answered = hub.head(1)

    @property
    def git(self) -> Any:
        return self.hub.github.git

    @property
    def head(self) -> str:
        return self.hub.head(1)

    def main(self, more: dict[str, str], owners: str = OWNERS) -> None:
        """Put a commit on main, and bring the change up to date with it."""
        tip = self.git.commit_of("refs/heads/main")
        files = {".github/CODEOWNERS": owners, "policy.yaml": self.policy} | more
        tip = self.hub.commit("main", files, tip)
        self.hub.commit("change", {"params.yaml": "seed: 2\n"}, tip)

    def offered(self) -> str:
        """The command as the gates' comment offers it."""
        policy = parse_policy(self.policy, "policy.yaml")
        self.answer.policy = policy
        (offer,) = offers(self.answer.verdict(), policy)
        return f"/gatehouse accept {' '.join(offer.rules)} {offer.scope.digest}: {REASON}"

    def say(self, body: str | None = None, login: str = "olga", **more: Any) -> Comment:
        return self.hub.github.comment(1, body or self.offered(), login, **more)

    def judge(self, **run: Any) -> str:
        """The gates judge the head once more, and publish; what the status says then."""
        self.answer.policy = parse_policy(self.policy, "policy.yaml")
        self.answer.base = self.git.commit_of("refs/heads/main")
        head, event = self.head, self.hub.finish(1, **({"actor": "ada"} | run))
        folder = self.hub.folder / f"judged-{self.hub.runs}"
        self.answer.hand_over(folder, head, record=bool(self.record))
        for name, text in self.record.items():
            (folder / RECORD / name).write_text(text)
        publish(self.hub.access(), event, folder, {}, stored=False)
        status = self.hub.github.statuses(self.head)["gatehouse"]
        return f"{status.state}: {status.description}"

    def files(self) -> dict[str, str]:
        """The folder of acceptances at the head."""
        listed = self.git.git("ls-tree", "-r", "--name-only", self.head, f"{FOLDER}/").splitlines()
        return {name: self.git.git("show", f"{self.head}:{name}") + "\n" for name in listed}

    def push(self, files: dict[str, str | None]) -> None:
        """The author pushes a commit on top of the head."""
        entries: list[dict[str, Any]] = [
            {"path": path, "mode": "100644", "sha": None}
            if text is None
            else {"path": path, "mode": "100644", "content": text}
            for path, text in files.items()
        ]
        tree = self.git.tree(entries, self.head)
        author = {"name": "ada", "email": "ada@example.com"}
        sha = self.git.commit("more", tree, [self.head], author)
        self.git.put("refs/heads/change", sha)

    def forged(self) -> dict[str, str | None]:
        """A file of the folder that says what an owner never said."""
        (offer,) = offers(self.answer.verdict(), self.answer.policy)
        given = Acceptance(by="@olga", reason=REASON, pull=1, comment=999_999, scope=offer.scope)
        return {given.path.as_posix(): given.to_json()}
