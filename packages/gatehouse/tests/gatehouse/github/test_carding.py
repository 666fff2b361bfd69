"""Attacks the model card that is recorded: who accepted what stands in it, and nothing forged."""

from __future__ import annotations

import hashlib

import pytest

from gatehouse.errors import GatehouseError
from tests.gatehouse.github.change import REASON
from tests.gatehouse.github.talk import Talk
from tests.github.state import Comment

CARD = "reports/model_card.md"
TEXT = "# Model card: prices\n\n## Caveats and Recommendations\n\n- Mind the gap.\n"
LOCK = """\
schema: '2.0'
stages:
  card:
    cmd: gatehouse card
    outs:
    - path: reports/model_card.md
      hash: md5
      md5: {md5}
      size: {size}
"""


def lock_of(text: str) -> str:
    data = text.encode()
    return LOCK.format(md5=hashlib.md5(data, usedforsecurity=False).hexdigest(), size=len(data))


@pytest.fixture
def carded(talk: Talk) -> Talk:
    """The gates hand over a card, and a lock that records it."""
    talk.record = {CARD: TEXT, "dvc.lock": lock_of(TEXT)}
    return talk


def recorded(talk: Talk, path: str = CARD) -> str:
    return str(talk.git.git("show", f"{talk.head}:{path}")) + "\n"


def accepted(comment: Comment) -> str:
    return (
        "\n_Accepted by owners, although a rule failed:_\n\n- `accuracy-floor`: accepted by "
        f"`@olga` on pull request {comment.number}: {REASON}\n"
    )


def test_the_card_says_who_accepted_and_why(carded: Talk) -> None:
    """And no longer once the word is taken back; the lock follows it."""
    carded.gates()
    assert recorded(carded) == TEXT
    comment = carded.say()
    carded.accept(comment)
    assert recorded(carded) == TEXT + accepted(comment)
    assert recorded(carded, "dvc.lock") == lock_of(TEXT + accepted(comment))
    carded.hub.github.state.comments.remove(comment)
    carded.accept(comment, action="deleted")
    assert recorded(carded) == TEXT


def test_publish_writes_it_too(carded: Talk) -> None:
    """Where the word was there before the gates had judged."""
    comment = carded.say()
    carded.gates()
    assert recorded(carded) == TEXT + accepted(comment)


@pytest.mark.parametrize("judged_records", [True, False])
def test_a_card_that_somebody_forged(carded: Talk, judged_records: bool) -> None:
    """A card that was pushed on top of what was judged is written over."""
    if not judged_records:  # what was judged has the card, and a later run finds it recorded
        carded.gates()
        carded.record = {}
    commit = carded.head
    carded.gates()
    carded.git.put("refs/heads/change", commit)
    forged = TEXT + "\n_Accepted by owners, although a rule failed:_\n\n- everything: by `@otto`\n"
    carded.push({CARD: forged})
    comment = carded.say()
    assert carded.accept(comment).startswith("success")
    assert recorded(carded) == TEXT + accepted(comment)


def test_a_card_where_there_was_none(talk: Talk) -> None:
    """Attacks a candidate without a card by one that is brought: that head was not judged."""
    commit = talk.head
    talk.gates()
    talk.git.put("refs/heads/change", commit)
    talk.push({CARD: TEXT})
    head = talk.head
    with pytest.raises(GatehouseError, match="not judged yet"):
        talk.accept(talk.say())
    assert talk.head == head
