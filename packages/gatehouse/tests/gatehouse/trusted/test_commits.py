"""Attacks the fetch of commits: objects only, and the token is in no file and no argument."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gatehouse.errors import GatehouseError
from gatehouse.git import git, git_bytes
from gatehouse.trusted.commits import fetch


class Server:
    """A bare repository with main, and with the branch `change` on top of it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir()
        git("init", "-q", "--bare", "-b", "main", root=root)
        self.put("main", self.commit("main"))
        self.put("change", self.commit("change", self.head("main")))

    def commit(self, message: str, *parents: str) -> str:
        tree = git_bytes("mktree", root=self.root, stdin=b"").decode().strip()
        named = [word for parent in parents for word in ("-p", parent)]
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        return git(*who, "commit-tree", tree, *named, "-m", message, root=self.root).strip()

    def put(self, branch: str, commit: str) -> None:
        git("update-ref", f"refs/heads/{branch}", commit, root=self.root)

    def head(self, branch: str) -> str:
        return git("rev-parse", f"refs/heads/{branch}", root=self.root).strip()


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "server")


@pytest.fixture
def checkout(server: Server, tmp_path: Path) -> Path:
    """A trusted checkout of main."""
    folder = tmp_path / "trusted"
    command = ["git", "clone", "-q", "--depth=1", f"file://{server.root}", str(folder)]
    subprocess.run(command, check=True)
    return folder


def test_by_hash_and_by_branch(server: Server, checkout: Path) -> None:
    """Both come, and the work tree, HEAD and branches stay as they are."""
    before = git("status", "--porcelain", root=checkout) + git("rev-parse", "HEAD", root=checkout)
    assert fetch(server.head("change"), checkout) == server.head("change")
    assert fetch("refs/heads/change", checkout) == server.head("change")
    server.put("change", server.commit("more", server.head("change")))
    assert fetch("refs/heads/change", checkout) == server.head("change")
    assert git("branch", "--all", "--format=%(refname)", root=checkout).split() == [
        "refs/heads/main",
        "refs/remotes/origin/HEAD",
        "refs/remotes/origin/main",
    ]
    after = git("status", "--porcelain", root=checkout) + git("rev-parse", "HEAD", root=checkout)
    assert after == before
    assert not (checkout / "params.yaml").exists()


def test_a_branch_that_went_back(server: Server, checkout: Path) -> None:
    """A force push is followed."""
    old = server.head("change")
    server.put("change", server.commit("more", old))
    fetch("refs/heads/change", checkout)
    server.put("change", old)
    assert fetch("refs/heads/change", checkout) == old


@pytest.mark.parametrize("ref", ["refs/heads/gone", "1" * 40, "refs/heads/-x"])
def test_what_is_not_there(checkout: Path, ref: str) -> None:
    """An error of git's, in one line."""
    with pytest.raises(GatehouseError, match="git fetch"):
        fetch(ref, checkout)


@pytest.mark.parametrize("branch", ["-u", "--upload-pack=x", "a$(touch${IFS}x)", "é", "a/b/c#d"])
def test_branches_with_hostile_names(server: Server, checkout: Path, branch: str) -> None:
    """No name is an option or a command."""
    server.put(branch, server.head("change"))
    assert fetch(f"refs/heads/{branch}", checkout) == server.head("change")
    assert not (checkout / "x").exists()


def test_the_token_stays_hidden(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes to the server of origin only, by the environment."""
    git("remote", "set-url", "origin", "https://github.example/octo/model", root=checkout)
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_verysecret")
    seen: list[tuple[Any, dict[str, str]]] = []

    def run(command: Any, **more: Any) -> Any:
        seen.append((command, more["env"]))
        return subprocess.CompletedProcess(command, 0, b"https://github.example/octo/model\n", b"")

    monkeypatch.setattr("gatehouse.git.subprocess.run", run)
    fetch("refs/heads/main", checkout)
    called = next((command, env) for command, env in seen if command[1] == "fetch")
    assert not any("secret" in word or "basic" in word for command, _ in seen for word in command)
    assert called[1]["GIT_CONFIG_KEY_0"] == "http.https://github.example/.extraheader"
    assert called[1]["GIT_CONFIG_VALUE_0"].startswith("AUTHORIZATION: basic ")
    assert "secret" not in (checkout / ".git/config").read_text()
    assert "GIT_CONFIG_KEY_0" not in os.environ
