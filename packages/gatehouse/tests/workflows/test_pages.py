"""Attacks the way from main to the published site, with the workflow run for real."""

from __future__ import annotations

import io
import tarfile
import zipfile

from tests.workflows.definitions import REPOSITORY, load
from tests.workflows.world import World

WORKFLOW = REPOSITORY / ".github/workflows/pages.yml"
EVENT = {"repository": {"default_branch": "main"}}


# The fork of these tests has no docs/; the real ones are built by tests/template.
DOCS = {
    "mkdocs.yml": "site_name: Documentation\nsite_dir: ../../reports/site/docs\n",
    "docs/index.md": "# How it works\n",
}


def published(world: World) -> dict[str, str]:
    """The files of the site that was handed over, by name."""
    (archive,) = world.github.artifact_folder.glob("9/github-pages.zip")
    with zipfile.ZipFile(archive) as outer:
        content = outer.read("artifact.tar")
    with tarfile.open(fileobj=io.BytesIO(content)) as inner:
        files = {member.name: inner.extractfile(member) for member in inner if member.isfile()}
        return {name: file.read().decode(errors="replace") for name, file in files.items() if file}


def test_nothing_is_published_unless_asked_for() -> None:
    """Attacks verdicts and rows that become public because nobody said no."""
    jobs = load(WORKFLOW)["jobs"]
    assert jobs["build"]["if"].startswith("vars.PAGES != '' && ")
    assert (jobs["deploy"]["needs"], "if" in jobs["deploy"]) == ("build", False)
    (rows,) = [step for step in jobs["build"]["steps"] if "objects fetch" in step.get("run", "")]
    assert rows["if"] == "vars.PAGES == 'data'"


def test_the_site_is_published(world: World) -> None:
    """Attacks a history not fetched, and rows and documentation asked for that are not there."""
    for name, text in DOCS.items():
        file = world.author.root / "packages/gatehouse" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")
    planted = world.author.root / "reports/site/docs/planted.html"
    planted.parent.mkdir(parents=True)
    planted.write_text("<script>alert(1)</script>")
    world.author.run("git", "add", "--force", str(planted))
    world.author.commit("Documentation")
    world.author.run("git", "push", "--quiet", "origin", "HEAD:main")
    result = world.act.run("pages.yml", "push", EVENT, run_id=9, variables={"PAGES": "data"})
    assert result.code == 0, result.log[-6000:]
    assert result.results == {"docs": "success", "build": "success", "deploy": "success"}
    files = published(world)
    names = {"index", "report", "model_card", "data_docs"}
    assert {name for name in files if not name.startswith("./docs/")} == {
        f"./{name}.html" for name in names
    }
    assert "./docs/planted.html" not in files
    assert "How it works" in files["./docs/index.html"]
    assert 'href="docs/index.html"' in files["./index.html"]
    assert "A recorded run" in files["./index.html"]
    assert "shallow" not in files["./index.html"]


def test_what_publishes_runs_no_code_of_the_repository() -> None:
    """Attacks a right to publish that is within reach of what a pull request brought."""
    jobs = load(WORKFLOW)["jobs"]
    assert jobs["build"]["permissions"] == {"contents": "read", "id-token": "write"}
    assert (jobs["docs"]["permissions"], "environment" in jobs["docs"]) == (
        {"contents": "read"},
        False,
    )
    assert jobs["deploy"]["permissions"] == {"id-token": "write", "pages": "write"}
    assert jobs["deploy"]["environment"]["name"] == "github-pages"
    (step,) = jobs["deploy"]["steps"]
    assert step["uses"].startswith("actions/deploy-pages@")
