"""Attacks the site as a whole: what is missing, broken, hostile, or left from before."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from pathlib import Path

import pytest

from gatehouse.monitor import record as monitor
from gatehouse.site.build import DOCUMENTS, DRAWN, INDEX, SITE, write_site
from gatehouse.verdict import Accepted, Verdict
from gatehouse.workspace import VERDICT
from tests.gatehouse.conftest import Command
from tests.gatehouse.site.html import Page
from tests.gatehouse.site.scene import COMMITS, HOSTILE, commit, git, settings, write_run

OURS = [INDEX.file, *(page.file for page in DOCUMENTS)]


@pytest.fixture
def fork(scene: Path, tmp_path: Path) -> Path:
    """A copy of the scene that a test may change."""
    shutil.copytree(scene, tmp_path / "work", symlinks=True)
    return tmp_path / "work"


def read(folder: Path, name: str = "index.html") -> str:
    return (folder / name).read_text("utf-8")


def test_a_fresh_clone_says_what_to_do(tmp_path: Path, gatehouse: Command) -> None:
    """Attacks an error, or an empty page, where nothing ever ran."""
    settings(tmp_path)
    commit(tmp_path, "Settings")
    done = gatehouse("site", cwd=tmp_path)
    assert done.exit_code == 0
    assert "reports/site/index.html" in done.output
    for title in ("Report", "Model card", "Production", "Data Docs", "Drift"):
        assert f"skipped: {title}: " in done.output
    assert [path.name for path in (tmp_path / SITE).iterdir()] == ["index.html"]
    text = Page(read(tmp_path / SITE)).text
    assert "there is no verdict here yet" in text
    assert "No commit here has a verdict yet." in text
    assert "make run" in text
    assert ".venv/bin/gatehouse monitor --log PATH" in text


def test_no_repository_and_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attacks a folder that is nothing at all: it is still a page."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    write_site(tmp_path)
    assert "There is no history to read" in Page(read(tmp_path / SITE)).text


def test_the_documentation_is_linked_where_it_is(fork: Path) -> None:
    """Attacks a link to pages that nobody built, and pages that `make docs` built and lost."""
    built = fork / SITE / "docs/index.html"
    write_site(fork)
    assert "docs/index.html" not in Page(read(fork / SITE)).links
    built.parent.mkdir()
    built.write_text("<h1>Documentation</h1>", "utf-8")
    write_site(fork)
    assert "docs/index.html" in Page(read(fork / SITE)).links
    assert built.exists()


def test_the_first_page_tells_all(made: Path) -> None:
    """Attacks a verdict without its reasons, commits without outcomes, windows left out."""
    page = Page(read(made))
    assert "Last verdict: ✓ pass" in page.text
    assert "Demographic parity difference of" in page.text
    for number in range(1, COMMITS + 1):
        assert (f"Change number {number}" in page.text) == (number != 2)
    assert page.text.count("✗ fail ✓ pass ✓ pass ✓ pass ✗ fail ! warning ✓ pass") == 1
    assert page.count("svg") > 30
    assert "Production: ✗ fail" in page.text
    assert "Windows of 7d, newest first" in page.text
    assert "data/raw is not here" in page.text.replace("\\", "/")


@pytest.mark.parametrize("name", OURS)
def test_each_page_is_whole_and_harmless(made: Path, name: str) -> None:
    """Attacks the frame: title, language, headings, links that lead nowhere, styles refused."""
    text = read(made, name)
    page = Page(text)
    assert page.strange() == []
    assert page.count("script") == 0
    tags = dict(page.tags)
    assert tags["html"] == {"lang": "en"}
    assert page.count("h1") == page.count("main") == page.count("header") == 1
    for link in page.links:
        assert link.startswith(("#", "https://")) or (made / link).is_file(), link
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(ids)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    (policy,) = [a["content"] for _, a in page.tags if "http-equiv" in a]
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert str(policy).startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in str(policy)


def test_titles_differ(made: Path) -> None:
    """Attacks tabs and bookmarks that cannot be told apart."""
    titles = {re.search("<title>(.*?)</title>", read(made, name)) for name in OURS}
    assert len({found[1] for found in titles if found}) == len(OURS)


def test_the_same_input_gives_the_same_bytes(fork: Path) -> None:
    """Attacks a clock, an order by chance, and a page that was there before."""
    write_site(fork)
    before = {path.name: path.read_bytes() for path in (fork / SITE).iterdir()}
    write_site(fork)
    assert {path.name: path.read_bytes() for path in (fork / SITE).iterdir()} == before


def test_a_page_that_cannot_be_made_is_not_left_from_before(fork: Path) -> None:
    """Attacks yesterday's report, and pages of data that is gone, beside today's verdict."""
    write_site(fork)
    for page in DRAWN:
        (fork / SITE / page.file).write_text("old")
    (fork / "reports/report.md").unlink()
    write_site(fork)
    index = Page(read(fork / SITE))
    assert sorted(path.name for path in (fork / SITE).iterdir()) == [
        "index.html", "model_card.html", "monitor.html",
    ]  # fmt: skip
    assert "report.html" not in index.links
    assert "Not made: reports/report.md is not here. Run make run , then make pages ." in index.text


@pytest.mark.parametrize(
    "name",
    [
        "x.html",
        "deep/x.html",
        "link.html",
        "docs.html",
        "x.svg",
        "x.js",
        "style.css.html",
        ".htaccess",
        "404.html",
        "index.htm",
        "a b.html",
    ],
)
def test_the_site_holds_only_what_was_made(fork: Path, name: str, tmp_path: Path) -> None:
    """Attacks the published site with a page that lies committed in its folder, or a link there."""
    path = fork / SITE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name == "link.html":
        path.symlink_to(tmp_path)
    else:
        path.write_text("<script>alert(1)</script>")
    write_site(fork)
    assert not path.exists()
    assert not path.is_symlink()


def test_a_site_that_is_a_link_is_not_followed(fork: Path, tmp_path: Path) -> None:
    """Attacks files outside the site's folder, which would be deleted or written."""
    kept = tmp_path / "elsewhere/kept"
    kept.parent.mkdir()
    kept.touch()
    shutil.rmtree(fork / SITE, ignore_errors=True)
    (fork / SITE).symlink_to(kept.parent)
    write_site(fork)
    assert [path.name for path in kept.parent.iterdir()] == ["kept"]
    assert (fork / SITE / "index.html").is_file()


def test_every_text_of_a_pull_request_is_only_text(fork: Path) -> None:
    """Attacks the pages by the strings that a change brings: contract, policy, verdict, branch."""
    for name in ("contract.yaml", "policy.yaml", "model_card.yaml"):
        text = (fork / name).read_text()
        text = re.sub(
            r"(?m)(^name|\bwhy): .*?(\}?)$", lambda m: f"{m[1]}: {json.dumps(HOSTILE)}{m[2]}", text
        )
        (fork / name).write_text(text)
    write_run(fork, 3)
    stored = (fork / VERDICT).read_text()
    for old in ('"text": "', '"slice": "', '"policy_from": "', '"measurement": "'):
        stored = stored.replace(old, old + json.dumps(HOSTILE)[1:-1])
    (fork / VERDICT).write_text(stored)
    (fork / monitor.VERDICT).write_text(stored)
    Verdict.read(fork / VERDICT)
    git(fork, "checkout", "--quiet", "-b", "a<script>b")
    commit(fork, HOSTILE)
    write_site(fork)
    for name in OURS:
        page = Page(read(fork / SITE, name))
        assert page.strange() == [], name
        assert page.count("script") == 0
    index = Page(read(fork / SITE)).text
    assert f"Verdicts of {HOSTILE}" in index
    assert index.count("<script>alert(1)</script>") > 30


@pytest.mark.parametrize("content", ["{", '{"version": 2}', "[]", "\0"])
@pytest.mark.parametrize("path", [VERDICT, monitor.VERDICT, monitor.RECORD])
def test_a_file_that_cannot_be_read_is_told(fork: Path, path: Path, content: str) -> None:
    """Attacks a site that fails, or passes over in silence what is broken."""
    (fork / path).write_text(content)
    write_site(fork)
    text = Page(read(fork / SITE)).text
    assert f"{path.as_posix()}: " in text
    assert "Change number 12" in text


def test_production_without_a_verdict_or_a_record(fork: Path) -> None:
    """Attacks half of what the monitor writes."""
    (fork / monitor.VERDICT).unlink()
    write_site(fork)
    text = Page(read(fork / SITE)).text
    assert "there is no verdict on production" in text
    assert "Windows of 7d" in text
    write_run(fork, 1)
    shutil.copyfile(fork / VERDICT, fork / monitor.VERDICT)
    (fork / monitor.RECORD).unlink()
    write_site(fork)
    text = Page(read(fork / SITE)).text
    assert "Production: ✓ pass" in text
    assert "record.json: there is no such file" in text


def test_a_look_that_is_too_old_is_no_verdict(fork: Path) -> None:
    """Attacks a monitor that stopped: the last pass must not stand there as today's."""
    write_run(fork, 1)
    shutil.copyfile(fork / VERDICT, fork / monitor.VERDICT)
    git(fork, "checkout", "--quiet", "--", ".")
    record = monitor.Record.read(fork / monitor.RECORD)
    for age, shown in ((0.9, "Production: ✓ pass"), (1.1, "Production: \N{EN DASH} unknown")):
        old = record.made - age * record.window
        record.model_copy(update={"made": old}).write(fork / monitor.RECORD)
        write_site(fork)
        text = Page(read(fork / SITE)).text
        assert shown in text
        assert (f"the monitor last ran on {old:%Y-%m-%d}" in text) == ("unknown" in shown)
    assert "It was pass then." in text


def test_a_verdict_that_is_not_committed_is_told_apart(fork: Path) -> None:
    """Attacks a run at one's desk that looks as if it were on main."""
    write_site(fork)
    assert "not committed" not in Page(read(fork / SITE)).text
    write_run(fork, 77)
    write_site(fork)
    assert "In the work tree; no commit has it." in Page(read(fork / SITE)).text


@pytest.mark.parametrize("content", [b"\xff\xfe", b"x" * 600_000])
def test_a_report_that_is_none(fork: Path, content: bytes) -> None:
    """Attacks a file of the right name that is no text, or too much of it."""
    (fork / "reports/model_card.md").write_bytes(content)
    pages = {page.file: page for page in write_site(fork)}
    assert pages["model_card.html"].missing.startswith("reports/model_card.md")
    assert not pages["report.html"].missing


def test_who_accepted_a_failure_and_why(fork: Path) -> None:
    """Attacks a green verdict that hides whose word made it so, and words that are markup."""
    verdict = Verdict.read(fork / VERDICT)
    word = Accepted(
        rules=("accuracy-floor",), by="@olga", reason=HOSTILE, digest="0" * 32, pull=12, comment=7
    )
    verdict.model_copy(update={"acceptances": (word,)}).write(fork / VERDICT)
    write_site(fork)
    html = read(fork / SITE)
    assert "accuracy-floor: accepted by @olga on pull request 12: " in Page(html).text
    assert "<script>alert" not in html
