"""Attacks the one comment: other people's are never touched, and ours never becomes two."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.github.comment import TITLE, comment
from gatehouse.github.compose import MARK
from gatehouse.trusted.judgement import JUDGED, refused
from tests.gatehouse.github.hub import Hub

BOT = "github-actions[bot]"
WATERMARK = f'![](https://cml.dev/watermark.png#0a1b "CML watermark {TITLE}")'
LIMIT = 65_536

# Does as CML 0.20.6: edits the last of the first 30 comments that bears its watermark, whosoever's.
CML = """\
#!{python}
import json, os, sys, time, urllib.request

mode = {mode!r}
options = dict(word[2:].split("=", 1) for word in sys.argv if word.startswith("--"))
assert sys.argv[1:3] == ["comment", "update"], sys.argv
assert options["publish"] == "false" and options["watermark-title"] == "gatehouse", options
assert os.environ["GIT_CONFIG_GLOBAL"] != os.devnull
if mode == "hang":
    time.sleep(60)
if mode == "fail":
    print("/x.js:7\\n  throw new Error(text)\\n\\n::error::hostile " + 999 * "no", file=sys.stderr)
    sys.exit(1)
if mode == "silent":
    sys.exit(0)
api, repository = os.environ["GITHUB_API_URL"], os.environ["GITHUB_REPOSITORY"]


def call(method, path, body=None):
    request = urllib.request.Request(
        f"{{api}}/repos/{{repository}}/{{path}}",
        None if body is None else json.dumps(body).encode(),
        {{"Authorization": f"Bearer {{os.environ['REPO_TOKEN']}}"}},
        method=method,
    )
    return json.load(urllib.request.urlopen(request))


number = options["target"].removeprefix("pr/")
mark = '![](https://cml.dev/watermark.png#0a1b "CML watermark gatehouse")'
text = {{"body": open(sys.argv[-1]).read() + "\\n\\n" + mark}}
first = call("GET", f"issues/{{number}}/comments?per_page=30")
seen = [found for found in first if mark[-27:] in found["body"]]
if seen:
    call("PATCH", f"issues/comments/{{seen[-1]['id']}}", text)
else:
    call("POST", f"issues/{{number}}/comments", text)
sys.exit(1 if mode == "fail after" else 0)
"""


class Talk:
    """Pull request 1, on which we comment."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.bodies = 0
        self.cml(None)

    def cml(self, mode: str | None) -> None:
        """Install a CML that behaves so; None: there is none."""
        folder = self.hub.folder / "bin"
        folder.mkdir(exist_ok=True)
        program = folder / "cml"
        program.unlink(missing_ok=True)
        if mode:
            program.write_text(CML.format(python=sys.executable, mode=mode))
            program.chmod(0o755)
        self.hub.monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def say(self, text: str, *, quiet: bool = False) -> str | None:
        body = self.hub.folder / "comment.md"
        body.write_text(f"{MARK}\n\n{text}\n")
        repository = self.hub.connect({"pull_requests": "write"})
        return comment(repository, 1, self.hub.head(1), body, BOT, quiet=quiet)

    def ours(self) -> list[str]:
        return [c.body for c in self.hub.github.comments(1) if c.login == BOT and MARK in c.body]

    def put(self, body: str, login: str = "ada") -> None:
        self.hub.github.comment(1, body, login)

    def others(self) -> list[tuple[str, str, int]]:
        found = self.hub.github.comments(1)
        return [
            (c.login, c.body, c.edits) for c in found if not (c.login == BOT and MARK in c.body)
        ]


@pytest.fixture
def talk(hub: Hub) -> Talk:
    return Talk(hub)


@pytest.mark.parametrize(
    ("first", "second", "by"),
    [
        (None, None, ["REST", "REST"]),
        (None, "good", ["REST", "CML"]),
        ("good", None, ["CML", "REST"]),
        ("good", "good", ["CML", "CML"]),
    ],
)
def test_one_comment(talk: Talk, first: str | None, second: str | None, by: list[str]) -> None:
    """Made by one and edited by the other, it stays the same one."""
    talk.put("hello")
    talk.cml(first)
    who = [talk.say("one")]
    talk.cml(second)
    who.append(talk.say("two"))
    (body,) = talk.ours()
    assert "two" in body
    assert "one" not in body
    assert who == by
    assert talk.others() == [("ada", "hello", 0)]


@pytest.mark.parametrize("mode", ["fail", "fail after", "silent", "hang"])
@pytest.mark.parametrize("already", [True, False])
def test_cml_that_does_not(talk: Talk, mode: str, already: bool, capfd: pytest.CaptureFixture[str],
                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """It fails, before or after it commented, says nothing or hangs: still one comment, by REST."""
    if already:
        talk.say("old")
    monkeypatch.setattr("gatehouse.github.comment.CML_TIME_LIMIT", 1 if mode == "hang" else 60)
    talk.cml(mode)
    capfd.readouterr()
    assert talk.say("new") == "REST"
    (body,) = talk.ours()
    assert "new" in body
    output = capfd.readouterr().out
    assert len(output.splitlines()) == (0 if mode == "silent" else 1), output
    assert not output.startswith("::")
    assert ("(::error::hostile no" in output) == (mode == "fail")
    assert len(output) < 300, output


@pytest.mark.parametrize("cml", [None, "good"])
def test_strangers_are_left_alone(talk: Talk, cml: str | None) -> None:
    """Comments that bear our mark or CML's watermark, and are not ours, are neither edited nor
    removed; those of our own account without our mark are another workflow's."""
    for login in ("eve", "github-actions", "other[bot]"):
        talk.put(f"{MARK}\n\nmine {WATERMARK}", login)
    talk.put(f"another workflow's {WATERMARK}", BOT)
    before = talk.others()
    talk.cml(cml)
    assert talk.say("one") == "REST"  # CML would take another's
    assert talk.others() == before
    assert talk.say("two") == ("CML" if cml else "REST")  # ours is the last of the watermarked
    assert talk.others() == before
    (body,) = talk.ours()
    assert "two" in body


@pytest.mark.parametrize("cml", [None, "good"])
def test_a_long_talk(talk: Talk, cml: str | None) -> None:
    """Forty comments before ours, and a hundred more before the second time."""
    for number in range(40):
        talk.put(f"{number}")
    talk.cml(cml)
    talk.say("one")
    for number in range(100):
        talk.put(f"{number}")
    before = talk.others()
    assert talk.say("two") == "REST"  # CML does not see that far
    (body,) = talk.ours()
    assert "two" in body
    assert talk.others() == before


def test_duplicates_go(talk: Talk) -> None:
    """Whatever made a second one, one is left: the first, edited."""
    for number in range(3):
        talk.put(f"{MARK}\n\n{number}", BOT)
    talk.put("hello")
    talk.say("new")
    (body,) = talk.ours()
    assert "new" in body
    assert talk.hub.github.comments(1)[0].body == body
    assert talk.others() == [("ada", "hello", 0)]


@pytest.mark.parametrize("method", ["POST", "DELETE", "PATCH"])
def test_a_lost_answer(talk: Talk, method: str) -> None:
    """The call is done and its answer is lost, so it is made again: still one comment."""
    talk.hub.no_pauses()
    if method != "POST":
        for number in range(2):
            talk.put(f"{MARK}\n\n{number}", BOT)
    talk.hub.github.fail(method, "comments", 502, after=True)
    talk.say("new")
    (body,) = talk.ours()
    assert "new" in body


def test_a_comment_of_nobody(talk: Talk) -> None:
    """GitHub names no user where the account is gone."""
    talk.hub.monkeypatch.setattr(
        "tests.github.views.user",
        lambda login, kind=None: {"login": login} if login == BOT else None,
    )
    talk.put(f"{MARK} gone")
    talk.say("new")
    assert len(talk.ours()) == 1


def test_as_long_as_github_takes(talk: Talk) -> None:
    """The longest comment that is composed has room for the watermark; a longer one is an error."""
    room = LIMIT - len(f"{MARK}\n\n\n\n\n") - len(WATERMARK) - 40
    talk.say("x" * room)
    with pytest.raises(GatehouseError, match="too long"):
        talk.say("x" * LIMIT)
    assert len(talk.ours()) == 1


def test_an_api_that_is_down(talk: Talk) -> None:
    """A moment is waited for; for longer it is an error that says what was being done."""
    talk.hub.no_pauses()
    github = talk.hub.github
    for status in (500, 502, 0):
        github.fail("*", "comments", status)
    github.fail("POST", "comments", 403, headers={"Retry-After": "1"})
    talk.say("new")
    assert len(talk.ours()) == 1
    github.fail("*", "comments", 500, times=1000)
    with pytest.raises(GatehouseError, match="comment on the pull request"):
        talk.say("newer")


def test_a_quiet_comment_is_edited_and_never_begun(talk: Talk) -> None:
    """Attacks a policy that asks for comments on failures alone: no new one, no stale one."""
    assert talk.say("pass", quiet=True) is None
    assert not talk.ours()
    talk.say("fail")
    assert talk.say("pass", quiet=True) == "REST"
    (ours,) = talk.ours()
    assert "pass" in ours


def test_the_command(talk: Talk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pull request that moved on, or nothing to say: no comment, and no error."""
    from click.testing import CliRunner

    from gatehouse.github.cli import group

    talk.hub.token({"pull_requests": "write"})
    (tmp_path / "comment.md").write_text(MARK)
    refused("0" * 40, "why").write(tmp_path / JUDGED)
    talk.hub.finish(1, head_sha="0" * 40)
    done = CliRunner().invoke(group, ["comment", str(tmp_path)])
    assert (done.exit_code, done.output) == (0, "nothing to say on a pull request\n")
    talk.hub.finish(1)
    done = CliRunner().invoke(group, ["comment", str(tmp_path / "none")])
    assert (done.exit_code, done.output) == (0, "nothing to say on a pull request\n")
    assert not talk.ours()
    done = CliRunner().invoke(group, ["comment", str(tmp_path)])
    assert done.exit_code == 0
    assert len(talk.ours()) == 1


def test_the_comment_of_a_record(talk: Talk, tmp_path: Path) -> None:
    """Attacks a picture that begins a second comment, or one that the policy does not ask for."""
    from click.testing import CliRunner

    from gatehouse.github.cli import group

    (tmp_path / "said.md").write_text(f"{MARK}\nwith the picture")
    words = ["say", "1", str(tmp_path / "said.md"), "--edit"]
    talk.hub.token({"pull_requests": "write"})
    done = CliRunner().invoke(group, words)
    assert (done.exit_code, done.output) == (0, "there is no comment to edit\n")
    assert not talk.ours()
    talk.say("without")
    done = CliRunner().invoke(group, words)
    assert done.exit_code == 0
    assert done.output.endswith("commented on #1, by REST\n")
    (ours,) = talk.ours()
    assert "with the picture" in ours
