"""The three-way merge of lock files, as a pure function."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from gatehouse.errors import GatehouseError
from gatehouse.lock import merge_locks
from gatehouse.lock.file import dump_lock, parse_lock

NAMES = st.sampled_from(["data", "train", "score", "card"])
RECORDS = st.fixed_dictionaries(
    {
        "cmd": st.sampled_from(["make", "make --all"]),
        "params": st.dictionaries(st.just("rate"), st.sampled_from([0, 0.5, True, 1, "1", None])),
        "outs": st.lists(
            st.fixed_dictionaries({"path": st.just("out"), "md5": st.sampled_from(["aa", "bb"])}),
            max_size=1,
        ),
    }
)
LOCKS = st.dictionaries(NAMES, RECORDS)


def lock(stages: dict[str, Any]) -> str:
    text: str = dump_lock({"schema": "2.0", "stages": stages})  # type: ignore[arg-type]
    return text


def stages(text: str) -> dict[str, Any]:
    found: dict[str, Any] = YAML(typ="safe").load(text)["stages"]
    return found


def one(md5: str, **more: Any) -> dict[str, Any]:
    return {"cmd": "make", "outs": [{"path": "out", "md5": md5}], **more}


def test_each_side_gives_the_stages_it_changed() -> None:
    """Attacks a change of one side that the other side's unchanged stage undoes."""
    base = {"data": one("a"), "train": one("b"), "old": one("c"), "card": one("d")}
    ours = {"data": one("A"), "train": one("b"), "old": one("c"), "card": one("d"), "new": one("e")}
    theirs = {"data": one("a"), "train": one("B"), "card": one("d"), "other": one("f")}
    merged = merge_locks(lock(base), lock(ours), lock(theirs))
    assert merged.left_out == ()
    assert stages(merged.text) == {
        "data": one("A"),
        "train": one("B"),
        "card": one("d"),
        "new": one("e"),
        "other": one("f"),
    }


def test_a_stage_that_both_changed_is_never_mixed() -> None:
    """Attacks lines of two runs in one stage: a run that nobody made."""
    base = {"train": one("a", params={"rate": 1}), "card": one("z")}
    ours = {"train": one("a", params={"rate": 2}), "card": one("z")}
    theirs = {"train": one("b", params={"rate": 1}), "card": one("z")}
    merged = merge_locks(lock(base), lock(ours), lock(theirs))
    assert merged.left_out == ("train",)
    assert stages(merged.text) == {"card": one("z")}


def test_removed_on_one_side_and_changed_on_the_other_is_left_out() -> None:
    """Attacks the record of a stage that is no more, or one that only looks up to date."""
    changed, removed = lock({"train": one("b")}), lock({})
    for ours, theirs in ((changed, removed), (removed, changed), (changed, None), (None, changed)):
        merged = merge_locks(lock({"train": one("a")}), ours, theirs)
        assert merged.left_out == (("train",) if ours == changed or theirs == changed else ())
        assert stages(merged.text) == {}


def test_true_is_not_one() -> None:
    """Attacks a changed setting that Python's equality takes for unchanged."""
    base, ours = {"a": one("x", params={"p": 1})}, {"a": one("x", params={"p": True})}
    assert stages(merge_locks(lock(base), lock(ours), lock(base)).text)["a"]["params"]["p"] is True


def test_without_an_ancestor_only_equal_stages_are_kept() -> None:
    """Attacks two first runs on two branches."""
    ours = {"data": one("a"), "train": one("b")}
    theirs = {"data": one("a"), "train": one("c"), "card": one("d")}
    for ancestor in (None, ""):
        merged = merge_locks(ancestor, lock(ours), lock(theirs))
        assert merged.left_out == ("train",)
        assert stages(merged.text) == {"data": one("a"), "card": one("d")}


@settings(max_examples=50)  # YAML is slow
@given(LOCKS, LOCKS, LOCKS)
def test_every_stage_comes_whole_from_a_side(
    base: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any]
) -> None:
    """Attacks mixing, loss and invention of stages, on any three locks."""
    merged = merge_locks(lock(base), lock(ours), lock(theirs))
    kept = stages(merged.text)
    for name, record in kept.items():
        assert repr(record) in (repr(ours.get(name)), repr(theirs.get(name)))
    for name in {*ours, *theirs} - {*kept, *merged.left_out}:
        assert name in base, "only what a side removed may be gone"
    parse_lock(merged.text, "dvc.lock")
    mirrored = merge_locks(lock(base), lock(theirs), lock(ours))
    assert {n: repr(r) for n, r in stages(mirrored.text).items()} == {
        n: repr(r) for n, r in kept.items()
    }
    assert set(mirrored.left_out) == set(merged.left_out)


@settings(max_examples=50)
@given(LOCKS, LOCKS)
def test_one_side_alone_is_taken_as_it_is(base: dict[str, Any], ours: dict[str, Any]) -> None:
    """Attacks a merge that changes what needs no merge."""
    for merged in (
        merge_locks(lock(base), lock(ours), lock(base)),
        merge_locks(lock(base), lock(base), lock(ours)),
        merge_locks(lock(base), lock(ours), lock(ours)),
    ):
        assert merged.left_out == ()
        assert {n: repr(r) for n, r in stages(merged.text).items()} == {
            n: repr(r) for n, r in ours.items()
        }


def test_what_is_no_stage_is_for_people() -> None:
    """Attacks DVC's record of datasets, which no stage makes again, lost or guessed."""
    first = "schema: '2.0'\ndatasets:\n- name: d\n  rev: '1'\nstages: {}\n"
    second, third = first.replace("'1'", "'2'"), first.replace("'1'", "'3'")
    assert "rev: '2'" in merge_locks(first, first, second).text
    with pytest.raises(GatehouseError, match="datasets: both sides changed it"):
        merge_locks(first, second, third)


@pytest.mark.parametrize("side", [0, 1, 2])
@pytest.mark.parametrize("broken", ["<<<<<<< ours\n", "[]", "schema: '1.0'\n", "a: 5\n"])
def test_an_unreadable_side_is_named(side: int, broken: str) -> None:
    """Attacks a merge that goes on with half of the record."""
    texts = [lock({}), lock({}), lock({})]
    texts[side] = broken
    name = ("the common ancestor", "ours", "theirs")[side]
    with pytest.raises(GatehouseError, match=f"dvc.lock of {name}"):
        merge_locks(*texts)
