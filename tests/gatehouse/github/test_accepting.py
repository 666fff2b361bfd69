"""Attacks an owner's word: forged, replayed, taken back, or recorded by somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.gatehouse.github.answers import Answer
from tests.gatehouse.github.hub import Hub
from tests.gatehouse.tiny import POLICY, good, measured
from tests.github.state import Comment

from gatehouse.acceptance.offer import offers
from gatehouse.acceptance.record import FOLDER, Acceptance
from gatehouse.evidence import Gate
from gatehouse.github.judged import RECORD
from gatehouse.github.publish import publish
from gatehouse.policy import parse_policy
from gatehouse.verdict import Outcome, Verdict

OWNERS = "* @olga @otto @octo/ml\n"
REASON = "the labels of 2019 were wrong, see ticket 12"


def worse(value: float = 0.7) -> dict[Gate, Any]:
    return {Gate.ACCURACY: (measured("roc_auc", value), *good(Gate.ACCURACY, base=True)[1:])}


class Desk:
    """Pull request 1, by ada, fails one rule; olga and otto own the policy."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.policy = POLICY
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
        self.answer.hand_over(folder, head, record=True)
        (folder / RECORD / "dvc.lock").write_text("two\n")
        grants = {"contents": "write", "pull_requests": "read", "actions": "read"}
        repository = self.hub.connect(grants)
        statuses = self.hub.connect({"statuses": "write"}, "STATUS_TOKEN")
        publish(repository, statuses, event, folder, {})
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
        self.git.git("update-ref", "refs/heads/change", sha)


@pytest.fixture
def desk(hub: Hub) -> Desk:
    return Desk(hub)


RED = "failure: accuracy: roc_auc"


def test_an_owner_s_word_is_green_and_recorded(desk: Desk) -> None:
    """Who and why stand in the status, the verdict and the report, and the file on the branch."""
    assert desk.judge().startswith(RED)
    comment = desk.say()
    assert desk.judge() == "success: 6 gates pass; @olga accepted accuracy-floor"
    assert list(desk.files()) == [f"acceptances/{comment.id}.json"]
    verdict = Verdict.parse(desk.git.git("show", f"{desk.head}:reports/verdict.json"), "verdict")
    assert verdict.outcome is Outcome.PASS
    assert (verdict.acceptances[0].by, verdict.acceptances[0].reason) == ("@olga", REASON)
    report = desk.git.git("show", f"{desk.head}:reports/report.md")
    assert f"`accuracy-floor`: accepted by `@olga`: {REASON}" in report
    # A later push of words is judged again, and the recorded file is what the comment gives.
    desk.push({"README.md": "words\n"})
    assert desk.judge().startswith("success")


def test_a_new_measurement_of_the_same_model(desk: Desk) -> None:
    """Attacks a second word for each run: a failure no worse than the recorded one is covered."""
    slice_ = "int8/fp32 single row"
    desk.answer.measurements = {Gate.LATENCY: (measured("latency_ratio", 6, 0.3, slice=slice_),)}
    desk.say()
    assert desk.judge().startswith("success")
    desk.push({"README.md": "words\n"})
    for value, state in ((6.2, "success"), (6.5, "failure")):
        desk.answer.measurements = {
            Gate.LATENCY: (measured("latency_ratio", value, 0.3, slice=slice_),)
        }
        assert desk.judge().startswith(state)


@pytest.mark.parametrize(
    ("login", "more", "words"),
    [
        ("ada", {}, "neither an owner"),
        ("eve", {}, "neither an owner"),
        ("github-actions[bot]", {}, "only a user's comment"),
        ("olga", {"login_type": "Bot"}, "only a user's comment"),
        ("olga", {"login_type": "Organization"}, "only a user's comment"),
        ("octo", {}, "neither an owner"),
        ("ml", {}, "neither an owner"),
        ("olga", {"app": "evil"}, "an app wrote it"),
        ("olga", {"edits": 1, "editor": "eve"}, "it was edited"),
        ("olga", {"edits": 1, "editor": "olga"}, "it was edited"),
        ("olga", {"edits": 1}, "it was edited"),
        ("olga-", {}, "neither an owner"),
        ("\N{CYRILLIC SMALL LETTER O}lga", {}, "neither an owner"),
    ],
    ids=range(13),
)
def test_a_forged_word(
    desk: Desk, capsys: pytest.CaptureFixture[str], login: str, more: dict[str, Any], words: str
) -> None:
    """By the author, a stranger, a bot, a team, an app, or by whoever can edit a comment."""
    desk.say(login=login, **more)
    assert desk.judge().startswith(RED)
    assert words in capsys.readouterr().out
    assert desk.files() == {}


def opened(desk: Desk) -> dict[str, Any]:
    desk.hub.github.state.pulls[1].author = "olga"
    return {}


def authored(desk: Desk) -> dict[str, Any]:
    author = {"name": "olga", "email": "olga@example.com"}
    tree = desk.git.git("rev-parse", f"{desk.head}^{{tree}}")
    sha = desk.git.commit("a part", tree, [desk.head], author)
    desk.git.git("update-ref", "refs/heads/change", sha)
    return {}


def pushed(desk: Desk) -> dict[str, Any]:
    return {"actor": "olga"}


def started(desk: Desk) -> dict[str, Any]:
    return {"actor": "ada", "triggering_actor": "Olga"}


INVOLVED = [opened, authored, pushed, started]


@pytest.mark.parametrize("solo", [True, False])
@pytest.mark.parametrize("how", INVOLVED, ids=lambda each: each.__name__)
def test_nobody_accepts_a_change_of_their_own(
    desk: Desk, how: Callable[[Desk], dict[str, Any]], solo: bool
) -> None:
    """Whoever opened, authored, pushed or started it; another owner does, and so does solo."""
    run = how(desk)
    desk.say()
    assert desk.judge(**run).startswith(RED)
    if solo:
        desk.policy += "solo: true\n"
        desk.main({})
        run = how(desk)
    else:
        desk.say(login="otto")
    assert desk.judge(**run).startswith("success")


@pytest.mark.parametrize(
    ("owners", "solo", "state"),
    [
        ("* @olga\n", None, "success"),
        ("* @olga\n", False, "failure"),
        ("* @olga @otto\n", None, "failure"),
        ("* @olga @otto\n", True, "success"),
        ("* @olga @octo/ml\n", None, "failure"),
        ("* @olga\n/deploy/ @otto\n", None, "failure"),
        ("* @octo/ml\n", None, "failure"),
    ],
)
def test_solo(desk: Desk, owners: str, solo: bool | None, state: str) -> None:
    """While only one account can own, its owner may accept; a second owner ends that."""
    desk.policy += f"solo: {str(solo).lower()}\n" if solo is not None else ""
    desk.main({}, owners)
    opened(desk)
    desk.say()
    assert desk.judge().startswith(state)


def test_the_rule_says_who(desk: Desk) -> None:
    """A user that the rule names, and no longer the owners; never is never."""
    desk.policy = POLICY.replace("at_least: 0.8\n", 'at_least: 0.8\n    accept: ["@Lena"]\n')
    desk.main({})
    desk.say()
    assert desk.judge().startswith(RED)
    desk.say(login="lena")
    assert desk.judge().startswith("success")


def test_an_account_of_a_company(desk: Desk) -> None:
    """Names of managed users have an underscore, and case does not count."""
    desk.main({}, "* @Olga_corp @otto\n")
    desk.say(login="olga_Corp")
    assert desk.judge().startswith("success")


def test_the_change_s_own_owners_are_nobody(desk: Desk) -> None:
    """CODEOWNERS and policy of the pull request do not count."""
    desk.push({".github/CODEOWNERS": "* @eve\n", "policy.yaml": POLICY + "solo: true\n"})
    desk.say(login="eve")
    assert desk.judge().startswith(RED)


def test_no_owners_no_word(desk: Desk) -> None:
    """A base without owners, or with the placeholder: nobody."""
    for owners in ("", "* @OWNER\n", "* olga@example.com\n"):
        desk.main({}, owners)
        desk.say()
        desk.say(login="OWNER")
        assert desk.judge().startswith(RED)


@pytest.mark.parametrize("how", ["data", "model", "base", "worse", "rule"])
def test_a_replayed_word(desk: Desk, how: str) -> None:
    """Of other data, another model, another base, a worse failure or another rule's text."""
    desk.say()
    if how in ("data", "model"):
        changed = desk.answer.candidate.model_copy(update={how: "sha256:other"})
        desk.answer.candidate = changed
    elif how == "base":
        desk.answer.of = desk.answer.of.model_copy(update={"model": "sha256:other"})
    elif how == "worse":
        desk.answer.measurements = worse(0.69)
    else:
        desk.policy = POLICY.replace("at_least: 0.8\n", "at_least: 0.81\n")
        desk.main({})
    assert desk.judge().startswith(RED)
    assert desk.files() == {}


@pytest.mark.parametrize("how", ["model", "base", "worse"])
def test_a_replayed_record(desk: Desk, how: str) -> None:
    """A file that was rightly recorded covers nothing else either."""
    desk.say()
    assert desk.judge().startswith("success")
    if how == "model":
        desk.answer.candidate = desk.answer.candidate.model_copy(update={"model": "sha256:other"})
    elif how == "base":
        desk.answer.of = desk.answer.of.model_copy(update={"model": "sha256:other"})
    else:
        desk.answer.measurements = worse(0.69)
    desk.push({"README.md": "words\n"})
    assert desk.judge().startswith(RED)


@pytest.mark.parametrize("how", ["deleted", "edited", "revoked", "revoked by another owner"])
@pytest.mark.parametrize("recorded", [False, True])
def test_a_word_taken_back(desk: Desk, how: str, recorded: bool) -> None:
    """Until it is merged the comment must stand, whether the branch records it or not."""
    comment = desk.say()
    if recorded:
        assert desk.judge().startswith("success")
        desk.push({"README.md": "words\n"})
    if how == "deleted":
        desk.hub.github.state.comments.remove(comment)
    elif how == "edited":
        comment.edits, comment.editor = 1, "olga"
    else:
        revoke = desk.offered().replace(" accept ", " revoke ").partition(":")[0]
        desk.say(revoke, login="olga" if how == "revoked" else "otto")
    assert desk.judge().startswith("failure")
    if recorded:
        desk.push(dict.fromkeys(desk.files()))
        assert desk.judge().startswith(RED)
    assert desk.files() == {}


def test_a_stranger_takes_nothing_back(desk: Desk) -> None:
    """Nor does an owner's older revocation stop a newer word."""
    revoke = desk.offered().replace(" accept ", " revoke ").partition(":")[0]
    desk.say(revoke)
    desk.say()
    desk.say(revoke, login="eve")
    assert desk.judge().startswith("success")


def test_several_rules_and_words(desk: Desk) -> None:
    """One command for all of them, or one for each; half a word is red."""
    compared = measured("roc_auc", -0.2, of="comparison")
    desk.answer.measurements = {Gate.ACCURACY: (measured("roc_auc", 0.7), compared)}
    whole = desk.offered()
    assert " accuracy-floor accuracy-base " in whole
    desk.say(whole.replace(" accuracy-floor accuracy-base ", " accuracy-floor "))
    desk.say(whole.replace(" accuracy-floor accuracy-base ", " accuracy-floor data-critical "))
    desk.say(whole.replace("accuracy-base", "\N{CYRILLIC SMALL LETTER A}ccuracy-base"))
    assert desk.judge().startswith("failure: accuracy")
    desk.say(whole.replace(" accuracy-floor accuracy-base ", " accuracy-base accuracy-floor "))
    assert desk.judge().startswith("success")


def test_hostile_comments(desk: Desk) -> None:
    """Hundreds of them, long ones, ones of no account: the good one among them still counts."""
    for number in range(130):
        desk.say(f"/gatehouse accept {'x' * (number * 500)}", login="eve")
        desk.say(f"words {number}", login="")
    desk.say()
    for _ in range(30):
        desk.say("/gatehouse \x00 ::error::", login="olga")
    assert desk.judge().startswith("success")


def test_a_change_of_very_many_commits(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stranger's words don't turn it red; an owner's word on it does not count."""
    monkeypatch.setattr("gatehouse.github.acceptors.COMMITS", 1)
    authored(desk)
    desk.say(login="eve")
    assert desk.judge().startswith(RED)
    desk.say(login="otto")
    assert desk.judge().startswith("error: judged again: the change has more than 1 commits")


def forged(desk: Desk) -> dict[str, str | None]:
    """A file that says what an owner never said."""
    (offer,) = offers(desk.answer.verdict(), desk.answer.policy)
    given = Acceptance(by="@olga", reason=REASON, pull=1, comment=999_999, scope=offer.scope)
    return {given.path.as_posix(): given.to_json()}


def test_a_file_that_no_comment_gives(desk: Desk) -> None:
    """Attacks the folder, which has no owner: made by hand, red even where nothing fails."""
    desk.push(forged(desk))
    assert desk.judge().startswith(RED)
    desk.answer.measurements = {}
    assert desk.judge().startswith("failure: acceptances/999999.json: is not what a comment")


@pytest.mark.parametrize(
    "name", ["acceptances/README.md", "acceptances/x.py", "acceptances/a/b.json", "acceptances"]
)
def test_other_files_in_the_folder(desk: Desk, name: str) -> None:
    """Nothing else may lie there: it has no owner."""
    desk.answer.measurements = {}
    desk.push({name: "words\n"})
    assert desk.judge().split(":")[0] in ("failure", "error")


@pytest.mark.parametrize(
    ("old", "new"),
    [(REASON, "because I say so"), ("@olga", "@otto"), ("0.7", "0.1"), ('"pull": 1', '"pull": 2')],
)
def test_a_record_that_was_edited(desk: Desk, old: str, new: str) -> None:
    """After it was recorded: reason, name, failure, place."""
    desk.say()
    assert desk.judge().startswith("success")
    ((name, text),) = desk.files().items()
    assert old in text
    desk.push({name: text.replace(old, new)})
    assert desk.judge().startswith("failure")


def kept(desk: Desk) -> tuple[str, str]:
    """A file that main has from an earlier change."""
    ((name, text),) = forged(desk).items()
    desk.main({name: text or ""})
    return name, text or ""


@pytest.mark.parametrize("text", [None, "{}\n", "edited"])
def test_the_base_s_folder_stays(desk: Desk, text: str | None) -> None:
    """Attacks what was recorded earlier: taken away, emptied or edited by a change."""
    name, given = kept(desk)
    desk.answer.measurements = {}
    assert desk.judge().startswith("success")
    desk.push({name: given.replace(REASON, "another reason") if text == "edited" else text})
    assert desk.judge().startswith("failure: acceptances/999999.json")


def test_the_base_s_word_holds(desk: Desk) -> None:
    """What is merged needs no comment any more, for the same model and base."""
    kept(desk)
    assert desk.judge().startswith("success")
    desk.answer.measurements = worse(0.6)
    assert desk.judge().startswith(RED)


def test_a_fork_s_branch_is_not_written_to(desk: Desk) -> None:
    """Its change is accepted and can't be recorded: red, and says what to do."""
    desk.hub.github.state.pulls[1].state = "closed"
    number = desk.hub.open("change", head_repository="eve/model", head_sha=desk.head)
    assert number == 2
    desk.hub.github.state.pulls[1] = desk.hub.github.state.pulls.pop(2)
    desk.hub.github.state.pulls[1].number = 1
    desk.say()
    said = desk.judge(head_repository="eve/model")
    assert said.startswith("failure")


def test_a_word_that_judge_knew_and_that_is_gone(desk: Desk) -> None:
    """Attacks the job that writes with a word that the reader made up: comments are read anew."""
    ((name, text),) = forged(desk).items()
    desk.answer.known = (Acceptance.parse(text or "", name),)
    assert desk.judge().startswith(RED)
