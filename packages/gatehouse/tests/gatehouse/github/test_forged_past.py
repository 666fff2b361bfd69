"""Attacks the past of the default branch: what it recorded counts as from a run ever after.

Nobody writes a record over what a fork's branch brings, so its verdict must be of what was judged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import VERDICT, Workspace
from tests.gatehouse.github.fork import Fork

pytestmark = pytest.mark.slow

Forge = Callable[[Fork], object]
EVIL = f"sha256:{'e' * 64}"


def verdict_of(fork: Fork, **named: str | None) -> dict[str, Any]:
    """A verdict on what lies here, but for what is `named`."""
    here = Workspace(fork.root).present()
    said = Verdict(
        outcome=Outcome.PASS, candidate=here.model_copy(update=named), base=None, policy="p",
        policy_from="here", rules=(), errors={},
    )  # fmt: skip
    content: dict[str, Any] = json.loads(said.model_dump_json())
    return content


def naming(**named: str | None) -> Forge:
    return lambda fork: write(fork, json.dumps(verdict_of(fork, **named)))


def write(fork: Fork, text: str) -> None:
    path = fork.root / VERDICT
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def link(fork: Fork) -> None:
    write(fork, "{}")
    (fork.root / VERDICT).unlink()
    (fork.root / VERDICT).symlink_to("../policy.yaml")


FORGED: dict[str, Forge] = {
    "another model": naming(model=EVIL),
    "other data": naming(raw=EVIL),
    "another FP32 model": naming(model_fp32=EVIL),
    "all of them": naming(raw=EVIL, model=EVIL, model_fp32=EVIL),
    "no model": naming(model=None),
    "a failure of another model": lambda fork: write(
        fork, json.dumps(verdict_of(fork, model=EVIL) | {"outcome": "fail"})
    ),
    "a later schema": lambda fork: write(
        fork, json.dumps(verdict_of(fork, model=EVIL) | {"version": 99})
    ),
    "a key more": lambda fork: write(fork, json.dumps(verdict_of(fork, model=EVIL) | {"x": 1})),
    "no JSON": lambda fork: write(fork, "{"),
    "no text": lambda fork: (fork.root / VERDICT).write_bytes(b"\xff\xfe"),
    "a link": link,
}


@pytest.mark.parametrize("author", ["eve", "dependabot[bot]"])
@pytest.mark.parametrize("name", FORGED)
def test_a_verdict_on_another_model(fork: Fork, name: str, author: str) -> None:
    """Data and model are the base's, and the report that it would leave names an evil pair: red."""
    fork.measure_by_hand()
    where: dict[str, Any] = {"author": author}
    if author == "eve":
        where |= {"head_repository": "eve/model", "branch": "theirs"}
    pull = fork.pull_request(lambda: FORGED[name](fork), **where)
    judged = fork.judge(fork.finish(pull))
    assert judged.overall.state == "failure"
    assert not judged.record
    assert "reports/verdict.json" in judged.overall.text + fork.said()


def gone(fork: Fork) -> None:
    (fork.root / VERDICT).unlink(missing_ok=True)


@pytest.mark.parametrize("change", [naming(), gone], ids=["of what was judged", "none"])
def test_an_honest_verdict(fork: Fork, change: Forge) -> None:
    """Of what was judged, or none at all: green, as the dvc.lock is the base's."""
    fork.measure_by_hand()
    theirs: dict[str, Any] = {"head_repository": "eve/model", "branch": "theirs"}
    pull = fork.pull_request(lambda: change(fork), **theirs)
    assert fork.judge(fork.finish(pull)).overall.state == "success"
