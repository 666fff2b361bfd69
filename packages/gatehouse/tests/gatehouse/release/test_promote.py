"""Attacks what writes the digests: anything but one exact, pullable image must change nothing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from gatehouse.cli import main
from gatehouse.errors import GatehouseError
from gatehouse.release.promote import (
    PRODUCTION,
    STAGING,
    Image,
    image_of,
    parse_image,
    promote,
    stage,
)
from tests.deploy.objects import as_template
from tests.gatehouse.tiny import ROOT

NAME = "ghcr.io/octo/credit"
ONE = Image(NAME, "sha256:" + "1" * 64)
TWO = Image(NAME, "sha256:" + "2" * 64)

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command, in a folder with the template's overlays."""
    for path in (STAGING, PRODUCTION):
        (tmp_path / path).parent.mkdir(parents=True)
        shutil.copy(ROOT / path, tmp_path / path)
    as_template(tmp_path)
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, words)


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [pair for pair in pairs if pair[0] != pair[1]]


@pytest.mark.parametrize("name", ["localhost/a", "localhost:5000/a", "host:5000/a", "a.b/c/d"])
def test_a_registry_is_taken(name: str) -> None:
    """Where there is a dot, a port, or this machine."""
    assert parse_image(f"{name}@{ONE.digest}").name == name


def test_a_promotion_is_one_line(run: Run) -> None:
    """Attacks diffs in which one cannot see what changes."""
    assert run("stage", str(ONE)).exit_code == 0
    assert run("promote").exit_code == 0
    assert run("stage", str(TWO)).exit_code == 0
    before = PRODUCTION.read_text()
    result = run("promote")
    assert (result.exit_code, result.output) == (0, f"production: {ONE} -> {TWO}\n")
    assert changed_lines(before, PRODUCTION.read_text()) == [
        (f"    digest: {ONE.digest}", f"    digest: {TWO.digest}")
    ]
    assert image_of(PRODUCTION) == image_of(STAGING) == TWO


def test_the_first_one_brings_the_name(run: Run) -> None:
    """The template names no registry: the first release does, and its promotion."""
    before = STAGING.read_text()
    run("stage", str(ONE))
    assert len(changed_lines(before, STAGING.read_text())) == 2
    run("promote")
    assert image_of(PRODUCTION) == ONE


def test_nothing_to_promote_is_told(run: Run) -> None:
    """Before any release it is an error; when both run the same, nothing is written."""
    before = PRODUCTION.read_bytes()
    result = run("promote")
    assert result.exit_code == 2
    assert "nothing was released" in result.output
    assert PRODUCTION.read_bytes() == before
    run("stage", str(ONE))
    run("promote")
    before, written = PRODUCTION.read_bytes(), PRODUCTION.stat().st_mtime_ns
    result = run("promote")
    assert (result.exit_code, result.output) == (
        0,
        f"production: runs {ONE} already; nothing to do\n",
    )
    assert (PRODUCTION.read_bytes(), PRODUCTION.stat().st_mtime_ns) == (before, written)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (f"{NAME}:latest", "names no digest"),
        (NAME, "names no digest"),
        (f"{NAME}:v1@{ONE.digest}", "with no tag"),
        (f"{NAME}@sha256:abc", "is not a digest"),
        (f"{NAME}@sha256:{'A' * 64}", "is not a digest"),
        (f"{NAME}@sha512:{'1' * 64}", "is not a digest"),
        (f"{NAME}@{ONE.digest}\n", "is not a digest"),
        (f"{NAME}@{ONE.digest}@{ONE.digest}", "is not a digest"),
        (f"{NAME}@sha256:{'0' * 64}", "placeholder"),
        (f"ghcr.io/OWNER/NAME@{ONE.digest}", "in lower case"),
        (f"credit@{ONE.digest}", "is not an image's name"),
        (f"octo/credit@{ONE.digest}", "ghcr.io/octo/credit"),
        (f"localhosts/credit@{ONE.digest}", "names no registry"),
        (f"ghcr/octo.io/credit@{ONE.digest}", "names no registry"),
        (f"ghcr.io/octo/credit # @{ONE.digest}", "is not an image's name"),
        (f"ghcr.io/octo/credit\n@{ONE.digest}", "is not an image's name"),
        (f"@{ONE.digest}", "is not an image's name"),
    ],
)
def test_what_is_no_fixed_image_is_refused(run: Run, reference: str, message: str) -> None:
    """Attacks tags, which move, and text that would end up as YAML."""
    before = STAGING.read_bytes()
    result = run("stage", reference)
    assert result.exit_code == 2
    assert message in result.output
    assert STAGING.read_bytes() == before


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("images:", "imagess:", "has 0 entries"),
        ("  - name: model", "  - name: other", "has 0 entries"),
        ("images:\n", "images:\n  - name: model\n    newTag: v1\n", "has 2 entries"),
        ("images:\n", "images: {}\nothers:\n", "has 0 entries"),
        ("    digest:", "    newTag: v1\n    digest:", "newTag"),
        ("    digest:", "    digests:", "no digest"),
        ("    newName:", "    newname:", "no newName"),
        ("digest: sha256:1", "digest: sha256:x", "is not a digest"),
        ("digest: sha256:1", "digest: 1", "no digest"),
        ("    digest:", "    digest: sha256:1\n    digest:", "not valid YAML"),
        ("images:", "images: [", "not valid YAML"),
    ],
)
@pytest.mark.parametrize("overlay", [STAGING, PRODUCTION])
def test_a_broken_overlay_is_told_and_nothing_written(
    run: Run, overlay: Path, old: str, new: str, message: str
) -> None:
    """Attacks a promotion that guesses which of several entries is meant, or none."""
    run("stage", str(ONE))
    run("promote")
    run("stage", str(TWO))
    text = overlay.read_text().replace("sha256:2", "sha256:1")
    assert old in text
    overlay.write_text(text.replace(old, new, 1))
    before = (STAGING.read_bytes(), PRODUCTION.read_bytes())
    result = run("promote")
    assert result.exit_code == 2
    assert str(overlay) in result.output
    assert message in result.output
    assert (STAGING.read_bytes(), PRODUCTION.read_bytes()) == before


def test_an_anchor_is_told(run: Run) -> None:
    """Attacks a replacement that would take an anchor away from those who point to it."""
    text = STAGING.read_text().replace("digest: ", "digest: &digest ") + "note: *digest\n"
    STAGING.write_text(text)
    result = run("stage", str(ONE))
    assert result.exit_code == 2
    assert STAGING.read_text() == text


def test_layout_and_other_images_stay(run: Run) -> None:
    """Attacks writers that lay the file out anew, and entries that only look alike."""
    text = f"""\
# a comment
images:   # another
- {{newName: "{NAME}",   digest: '{ONE.digest}', name: model}} # here
-   name: model-helper
    digest: {ONE.digest}
    newName:   {NAME}
resources: [../../base]   # as it was
"""
    STAGING.write_text(text)
    assert run("stage", str(TWO)).exit_code == 0
    assert STAGING.read_text() == text.replace(f"'{ONE.digest}'", TWO.digest, 1)


def test_a_missing_overlay_is_told(run: Run) -> None:
    """Attacks a traceback where the command runs elsewhere."""
    PRODUCTION.unlink()
    run("stage", str(ONE))
    result = run("promote")
    assert result.exit_code == 2
    assert f"{PRODUCTION}: there is no such file" in result.output


@given(st.text(alphabet="abcXYZ0:/@.-_#\n '\"{}[]&*", max_size=40))
def test_no_text_but_an_image_gets_through(text: str) -> None:
    """Attacks the grammar: what is accepted is written bare into YAML, so must be bare YAML."""
    for reference in (text, f"{text}@{ONE.digest}", f"ghcr.io/{text}@{ONE.digest}"):
        try:
            image = parse_image(reference)
        except GatehouseError:
            continue
        assert str(image) == reference
        assert not set(image.name) & set("@#\n '\"{}[]&*")


def test_both_commands_work_elsewhere(tmp_path: Path, run: Run) -> None:
    """The functions take the folder; the release workflow calls them so."""
    assert stage(ONE, tmp_path).after == ONE
    change = promote(tmp_path)
    assert (change.before.digest, change.after) == ("sha256:" + "0" * 64, ONE)
    assert run("promote").exit_code == 0
