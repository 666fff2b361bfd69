"""The template is nobody's: no owner, registry, address or folder of anyone's stands in it."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

REPOSITORY = Path(__file__).parents[4]

# Placeholders, and the made-up owners of examples and tests.
MADE_UP = {"acme", "here", "o", "octo", "octo-org", "org", "owner", "you"}
# Whose repositories and images the template really uses or links to.
OTHERS = {
    "actions", "en", "gfm", "iterative", "library", "machulav", "newren", "orgs", "resources",
    "rest", "sigstore", "spec",
}  # fmt: skip
FOREIGN = {
    "iterative.ai", "users.noreply.github.com", "github.com", "project.iam.gserviceaccount.com",
}  # fmt: skip
"""Domains of addresses that are not examples: CML's own, GitHub's for its bot, and the form of a
service account's."""

_OWNER = re.compile(r"(?:github\.com|ghcr\.io|docker\.io|quay\.io|gcr\.io)[/:]([A-Za-z][\w-]*)/")
_ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)*\.[a-z]{2,})\b")
_FOLDER = re.compile(r"(?<![\w.])/(?:home/(?!runner|vscode)|Users/|root/|work/|mnt/)[A-Za-z]\w*")


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """Every text in Git but locks and published examples, by its path."""
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("this is no Git repository")
    found = {}
    for name in done.stdout.decode().split("\0")[:-1]:
        path = REPOSITORY / name
        if name.endswith("package-lock.json") or not path.is_file() or path == Path(__file__):
            continue
        content = path.read_bytes()
        if b"\0" not in content:
            found[name] = content.decode("utf-8", "replace")
    return found


def strangers(texts: dict[str, str], pattern: re.Pattern[str], known: set[str]) -> list[str]:
    return [
        f"{name}: {match[0]}"
        for name, text in texts.items()
        for match in pattern.finditer(text)
        if not match.groups() or match[1].lower() not in known
    ]


def test_no_owner_and_no_registry_of_anyone_s(texts: dict[str, str]) -> None:
    """Attacks an image, a clone URL or a link that leads every fork to one owner's account."""
    assert strangers(texts, _OWNER, MADE_UP | OTHERS) == []


def test_no_one_s_address(texts: dict[str, str]) -> None:
    """Attacks a maintainer's mailbox in every fork; examples use the domains kept for them."""
    found = strangers(texts, _ADDRESS, FOREIGN)
    assert [each for each in found if not re.search(r"@(\w+\.)*example\.(org|com)$", each)] == []


def test_no_one_s_folders(texts: dict[str, str]) -> None:
    """Attacks a path that only one machine has."""
    assert strangers(texts, _FOLDER, set()) == []


def test_locks_name_no_index(texts: dict[str, str]) -> None:
    """Attacks a lock that sends every fork to the index of whoever resolved it."""
    locks = {name: text for name, text in texts.items() if re.match(r"requirements/.*\.txt", name)}
    assert locks
    options = re.compile(r"^(?:--(?:index|extra-index|find-links|trusted).*|.*https?://.*)$", re.M)
    told = [each for each in strangers(locks, options, set()) if "#" not in each.split(": ")[1][:5]]
    assert told == []


def test_the_package_names_no_author() -> None:
    """Attacks authors and home pages of the template's in every fork's package and image."""
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))["project"]
    assert not {"authors", "maintainers", "urls"} & project.keys()
    bento = yaml.safe_load((REPOSITORY / "bentofile.yaml").read_text("utf-8"))
    assert not {"name", "labels", "owner"} & bento.keys()


def test_images_are_named_by_the_repository(texts: dict[str, str]) -> None:
    """Attacks a workflow that pushes to a name that is not the repository's own, or chosen."""
    release = texts[".github/workflows/release.yml"]
    assert "ghcr.io/${GITHUB_REPOSITORY,,}" in release
    workflows = {name: text for name, text in texts.items() if name.startswith(".github/")}
    literal = re.compile(r"(?:ghcr|docker|quay)\.io/[A-Za-z][\w-]*/[\w.-]+")
    assert strangers(workflows, literal, set()) == []
