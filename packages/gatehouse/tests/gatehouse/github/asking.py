"""Pull requests of a fork whose policy asks where a model comes from."""

from __future__ import annotations

from gatehouse.github.event import Event
from gatehouse.trusted.judgement import Judgement
from tests.gatehouse.github.fork import Fork

RULE = """\
  model-from-run:
    gate: rows
    measurement: not_from_run
    at_most: 0
    why: Models come from runs
"""


def ask(fork: Fork) -> Fork:
    """Let the fork's policy ask; its gates find nothing else."""
    policy = fork.root / "policy.yaml"
    policy.write_text(policy.read_text().replace("  exam-untouched:", f"{RULE}  exam-untouched:"))
    lead(fork)
    fork.measure_by_hand()
    return fork


def lead(fork: Fork) -> None:
    """Commit what is here to main, which the trusted checkout then has."""
    fork.work.commit("main moves on")
    fork.push("main")
    for words in (["fetch", "-q", "--depth=1", "origin", "main"], ["reset", "-q", "--hard"]):
        more = ["FETCH_HEAD"] if "reset" in words else []
        fork.work.run("git", "-C", str(fork.trusted), *words, *more)


def write(fork: Fork, path: str, text: str = "# more\n") -> None:
    (fork.root / path).parent.mkdir(parents=True, exist_ok=True)
    with (fork.root / path).open("a") as stream:
        stream.write(text)


def trained(fork: Fork, *paths: str) -> int:
    """A pull request with another model, and with more in these files."""

    def change() -> None:
        fork.retrain()
        for path in paths:
            write(fork, path)

    return fork.pull_request(change)


def red(fork: Fork, event: Event, message: str) -> Judgement:
    """Red by the rule, for this reason; an owner is offered to accept it."""
    judged = fork.judge(event)
    assert judged.overall.state == "failure", judged.overall.text
    assert judged.overall.text.startswith("rows: "), judged.overall.text
    assert message in plain(fork), plain(fork)
    assert "/gatehouse accept model-from-run " in fork.said()
    return judged


def plain(fork: Fork) -> str:
    """The comment without what keeps its words from being markup."""
    return fork.said().replace("\u2060", "").replace("\\", "")


def green(fork: Fork, event: Event) -> Judgement:
    judged = fork.judge(event)
    assert judged.overall.state == "success", judged.overall.text
    assert "/gatehouse accept" not in fork.said()
    return judged
