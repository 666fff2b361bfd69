"""Attacks the names of commits: a tag, or a branch with an odd name, must not stand in for main."""

from __future__ import annotations

import pytest

from gatehouse.base import find_base
from gatehouse.git import commit_of
from tests.gatehouse.repository import Repository


@pytest.mark.parametrize("suffix", ["", "~0", "^{commit}", "@{0}"])
def test_a_tag_named_main_changes_nothing(repository: Repository, suffix: str) -> None:
    """Attacks `BASE=main` with a tag of that name, which git takes before the branch."""
    root = repository.root
    main = repository.git("rev-parse", "refs/heads/main").strip()
    repository.git("tag", "main", "sources")
    assert repository.git("rev-parse", "main").strip() != main
    assert commit_of(f"main{suffix}", root) == main
    assert find_base("main", root).commit == main
    repository.git("update-ref", "refs/remotes/origin/main", main)
    repository.git("tag", "origin/main", "sources")
    assert commit_of("origin/main", root) == main


def test_a_branch_with_another_s_name_changes_nothing(repository: Repository) -> None:
    """Attacks `HEAD` and a whole hash with branches of these names; a tag still has its own."""
    root = repository.root
    main = repository.git("rev-parse", "refs/heads/main").strip()
    repository.git("update-ref", "ORIG_HEAD", main)
    for name in ("HEAD", "ORIG_HEAD", main):
        repository.git("update-ref", f"refs/heads/{name}", "sources")
        assert commit_of(name, root) == main
    assert commit_of("HEAD~1", root) == commit_of("sources", root)
    assert commit_of("refs/tags/sources", root) == commit_of("sources", root)
