"""A newer template merged into forks that changed what is theirs."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from textwrap import dedent

import pytest

from gatehouse.ownership import parse
from gatehouse.template.record import RECORD, is_local
from gatehouse.template.report import CHANGELOG
from tests.gatehouse.conftest import Command
from tests.gatehouse.template.repositories import (
    BORDER,
    CONTRACT,
    FIRST,
    Files,
    Scratch,
    copied,
    scratch,
)
from tests.sample import lay_owners, lay_sample

REPOSITORY = Path(__file__).parents[5]


def swapped(path: str, old: str, new: str, files: Files = FIRST) -> str:
    text = files[path]
    assert text is not None
    assert old in text
    return text.replace(old, new)


NEWER_BORDER = BORDER.replace("docs/  free\n", "docs/  free\ndocs/ci/  owned\n") + (
    "examples/  machinery\n"
)
OUR_BORDER = BORDER.replace("@OWNER", "@org/us @alice").replace(
    "src/pipeline/  free", "src/pipeline/  owned\ndeploy/  owned  @org/ops"
)
NEWER: Files = {
    "contract.yaml": CONTRACT.replace("age", "years"),
    "params.yaml": swapped(
        "params.yaml", "    batch: 1024\n",
        "    batch: 1024\n    # How many rows\n    # are held back.\n    warmup: 5   # in steps\n",
    ).replace("16  ", "20  "),
    "policy.yaml": swapped("policy.yaml", "batch: 256}", "batch: 256, sessions: 11}")
    + "  accuracy-new:\n    gate: accuracy\n    at_least: 0.5\n",
    "model_card.yaml": "version: 1\nname: theirs, newer\n",
    "README.md": "# Gatehouse 2\n\nA template.\n",
    CHANGELOG: swapped(CHANGELOG, "## [1.0.0]", "## [1.1.0]\n- Newer.\n\n## [1.0.0]"),
    ".github/workflows/gates.yml": f"steps:\n  - uses: a/checkout@{'3' * 40} # v3\n  - run: b\n",
    ".github/CODEOWNERS": parse(NEWER_BORDER).codeowners(),
    ".github/ownership.txt": NEWER_BORDER,
    "deploy/argocd/project.yaml": "repo: https://github.com/OWNER/NAME.git\nkind: b\n",
    "deploy/argocd/more.yaml": "repo: https://github.com/OWNER/NAME.git\n",
    "docs/old.md": "old, and newer\n",
    "examples/one/b.py": "b = 1\n",
    "requirements/run.txt": "torch==3\nnumpy==1\n",
    "packages/judge.py": swapped("packages/judge.py", "judge 3\n", "judge three\n"),
    "packages/gate.py": None,
    "packages/gates/gate.py": swapped("packages/gate.py", "gate 9\n", "gate nine\n"),
    "src/pipeline/train.py": swapped("src/pipeline/train.py", "train 3\n", "train three\n"),
    "src/pipeline/network.py": swapped("src/pipeline/network.py", "net 3\n", "net three\n"),
}  # fmt: skip

OURS: Files = {
    "contract.yaml": "version: 1\nname: ours\ncolumns:\n  price: {type: number}\n",
    "params.yaml": swapped("params.yaml", "batch: 1024", "batch: 64   # of ours")
    .replace("simulated ", "file      ").replace("seed: 0", "seed: 7"),
    "policy.yaml": swapped("policy.yaml", "0.83", "0.61").replace("calls: 300", "calls: 50"),
    "model_card.yaml": "version: 1\nname: ours\n",
    "README.md": "# Prices\n\nOurs.\n",
    "dvc.lock": "schema: '2.0'\n",
    "reports/verdict.json": "{}\n",
    "data/rows.csv.dvc": "outs: []\n",
    ".github/workflows/gates.yml": f"steps:\n  - uses: a/checkout@{'2' * 40} # v2\n  - run: a\n",
    ".github/CODEOWNERS": "# Not made again since the pipeline is owned\n*  @org/us @alice\n",
    ".github/ownership.txt": OUR_BORDER,
    "deploy/overlays/staging/kustomization.yaml": "newName: ghcr.io/acme/prices\n",
    "deploy/argocd/project.yaml": "repo: https://github.com/Acme/Prices.git\nkind: a\n",
    "docs/old.md": None,
    "examples/one/a.py": None,
    "requirements/run.txt": "torch==2\nnumpy==1\nours==1\n",
    "src/pipeline/train.py": swapped("src/pipeline/train.py", "train 20\n", "train ours\n"),
    "src/pipeline/network.py": "ours = 'another network altogether'\n",
    "src/pipeline/features.py": "ours = 1\n",
}  # fmt: skip


@pytest.fixture
def template(tmp_path: Path) -> Scratch:
    """Version 1.0.0, to which `newer` adds 1.1.0."""
    made = scratch(tmp_path / "template")
    made.commit("before", {"README.md": "A draft.\n"})
    made.commit("first", FIRST)
    made.git("tag", "v1.0.0")
    return made


@pytest.fixture
def fork(template: Scratch, tmp_path: Path) -> Scratch:
    """A copy of 1.0.0 with no history of the template's, with changes; 1.1.0 came meanwhile."""
    made = copied(template, tmp_path / "fork")
    made.commit("ours", OURS)
    template.commit("newer", NEWER)
    template.git("tag", "v1.1.0")
    return made


def update(gatehouse: Command, fork: Scratch, *words: str, code: int = 0) -> str:
    done = gatehouse("template", "update", *words, cwd=fork.root)
    assert done.exit_code == code, done.output
    return done.output


def test_a_fork_that_changed_its_files_gets_the_new_version_without_conflict(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: our content lost, theirs left out, placeholders that come back, conflicts."""
    url = str(template.root)
    output = update(gatehouse, fork, "--url", url)
    assert "Gatehouse v1.0.0 (by the files of our first commit) -> v1.1.0" in output
    assert fork.git("symbolic-ref", "--short", "HEAD") == "gatehouse-v1.1.0"
    assert fork.git("status", "--porcelain") == ""

    ours = ("contract.yaml", "model_card.yaml", "README.md", "dvc.lock", "data/rows.csv.dvc")
    pipeline = ("src/pipeline/network.py", "src/pipeline/features.py")
    for path in (*ours, *pipeline, "reports/verdict.json"):
        assert fork.read(path) == OURS[path], path
    assert "contract.yaml: yours stays; the template changed columns.age, columns.years" in output
    assert "src/pipeline/network.py: yours stays (rewritten by you)" in output

    assert fork.read("params.yaml") == dedent("""\
        # Settings.
        data:
          source: file         # where rows come from
        train:
          seed: 7
          torch_mlp:
            epochs: 16         # at most
            batch: 64   # of ours
            # How many rows
            # are held back.
            warmup: 5   # in steps
        """)
    assert "params.yaml: train.torch_mlp.warmup is new" in output
    assert "params.yaml: train.torch_mlp.epochs stays 16; the template now says 20" in output
    assert fork.read("policy.yaml") == dedent("""\
        version: 1
        measure:
          confidence: 0.95
          latency: {calls: 50, batch: 256, sessions: 11}
        rules:
          accuracy-floor:
            gate: accuracy
            at_least: 0.61
          accuracy-new:
            gate: accuracy
            at_least: 0.5
        """)
    assert "policy.yaml: rules.accuracy-new is new" in output

    train = fork.read("src/pipeline/train.py")
    assert "train three\n" in train
    assert "train ours\n" in train
    assert "gate nine\n" in fork.read("packages/gates/gate.py")
    assert not (fork.root / "packages/gate.py").exists()
    assert fork.read("packages/judge.py") == NEWER["packages/judge.py"]

    assert fork.read(".github/workflows/gates.yml") == NEWER[".github/workflows/gates.yml"]
    assert fork.read("requirements/run.txt") == NEWER["requirements/run.txt"]
    assert "next: `make lock`" in output
    border = OUR_BORDER + "examples/  machinery\n"
    border = border.replace("docs/  free\n", "docs/  free\ndocs/ci/  owned\n")
    assert fork.read(".github/ownership.txt") == border
    assert fork.read(".github/CODEOWNERS") == parse(border).codeowners()
    assert "/docs/ci/ @org/us @alice\n" in fork.read(".github/CODEOWNERS")
    assert "/src/pipeline/" not in fork.read(".github/CODEOWNERS")
    argo = "repo: https://github.com/Acme/Prices.git\n"
    assert fork.read("deploy/argocd/project.yaml") == f"{argo}kind: b\n"
    assert fork.read("deploy/argocd/more.yaml") == argo
    assert not (fork.root / "docs/old.md").exists()
    assert not (fork.root / "examples/one/b.py").exists()


def test_the_next_update_starts_where_the_last_one_ended(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: a record that a squash merge loses, or that is merged against once more."""
    url = "https://example.org/gatehouse.git"
    fork.git("config", f"url.{template.root}.insteadOf", url)
    update(gatehouse, fork, "--url", url)
    assert f"url: {url}\n" in fork.read(RECORD.as_posix())
    fork.git("checkout", "-q", "main")
    fork.git("merge", "-q", "--squash", "gatehouse-v1.1.0")
    fork.git("commit", "-qm", "squashed")
    assert "nothing newer" in update(gatehouse, fork)
    text = (template.root / "params.yaml").read_text()
    template.commit("third", {"params.yaml": text + "quantize: {method: static}\n"})
    template.git("tag", "v1.10.0")
    output = update(gatehouse, fork)
    assert f"Gatehouse v1.1.0 (as {RECORD} says) -> v1.10.0" in output
    assert fork.read("params.yaml").endswith("quantize: {method: static}\n")
    changed = fork.git("diff", "--name-only", "main").splitlines()
    assert changed == [RECORD.as_posix(), "params.yaml"]
    done = gatehouse("template", "update", "--to", "v1.0.0", cwd=fork.root)
    assert (done.exit_code, "newer than v1.0.0" in done.output) == (2, True)


def test_a_conflict_over_the_border_leaves_codeowners_and_says_what_is_next(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: CODEOWNERS made from a file with conflict marks, or a path freed by the merge."""
    ours = OUR_BORDER.replace("docs/  free", "docs/  owned")
    made = parse(ours).codeowners()
    fork.commit("ours", {".github/ownership.txt": ours, ".github/CODEOWNERS": made})
    output = update(gatehouse, fork, "--url", str(template.root), code=1)
    assert "both changed .github/ownership.txt" in output
    assert "then run `gatehouse github owners`" in output
    assert fork.read(".github/CODEOWNERS") == made
    assert "<<<<<<<" in fork.read(".github/ownership.txt")


def test_what_the_template_drops_of_ours_follows_from_whose_it_is(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: a module that we changed deleted, and a conflict over what runs wrote."""
    fork.commit("ours", {"packages/judge.py": "ours\n"})
    template.commit("less", {"src/pipeline/train.py": None, "packages/judge.py": None,
                             "reports/verdict.json": "theirs\n"})  # fmt: skip
    template.git("tag", "v1.2.0")
    output = update(gatehouse, fork, "--url", str(template.root), code=1)
    assert "src/pipeline/train.py: yours stays; the template has it no more" in output
    assert fork.read("reports/verdict.json") == OURS["reports/verdict.json"]
    section = output.split("In conflict, for you to resolve:\n")[1].split("\n\n")[0]
    assert section.split() == ["packages/judge.py"]


def test_a_path_of_this_machine_is_not_recorded(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: somebody's folder in Git, and a URL that everyone used which it takes away."""
    url = "git@example.org:gatehouse.git"
    for recorded, message in (("", "no URL is kept"), (url, f"{url} stays")):
        if recorded:
            base = fork.read(RECORD.as_posix())
            fork.commit("a record", {RECORD.as_posix(): f"{base}url: '{url}'\n"})
            template.commit("third", {"docs/third.md": "Third.\n"})
            template.git("tag", "v1.2.0")
        output = update(gatehouse, fork, "--url", f"file://{template.root}")
        record = fork.read(RECORD.as_posix())
        assert f"{RECORD}: does not name file://{template.root}, a path of this machine" in output
        assert message in output
        assert str(template.root) not in record
        assert ("url:" in record, url in record) == (bool(recorded),) * 2
    assert is_local("../template")
    assert not is_local("ssh://git@example.org/t.git")


def test_a_fork_with_history_is_found_by_it_and_the_remote_upstream_says_where(
    template: Scratch, tmp_path: Path, gatehouse: Command
) -> None:
    """Attacks: GitHub's own forks, whose first commit is the template's."""
    template.git("clone", "-q", str(template.root), str(tmp_path / "cloned"))
    fork = Scratch(tmp_path / "cloned")
    fork.git("config", "user.name", "Tester")
    fork.git("config", "user.email", "tester@example.org")
    fork.git("remote", "rename", "origin", "upstream")
    fork.commit("ours", {"src/pipeline/network.py": OURS["src/pipeline/network.py"]})
    template.commit("newer", NEWER)  # with no tag: the default branch counts from here
    template.git("tag", "-d", "v1.0.0")
    assert "(where the histories part)" in update(gatehouse, fork)
    assert fork.read("params.yaml") == NEWER["params.yaml"]
    assert fork.read("src/pipeline/network.py") == OURS["src/pipeline/network.py"]


def test_real_conflicts_are_git_s_own_and_can_be_resolved_or_undone(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: a conflict hidden, or a clone that can't be brought back."""
    ours = swapped("src/pipeline/train.py", "train 3\n", "train ours\n", OURS)
    judge = swapped("packages/judge.py", "judge 3\n", "judge ours\n")
    fork.commit("more", {"src/pipeline/train.py": ours, "packages/judge.py": judge})
    before = fork.state()
    output = update(gatehouse, fork, "--url", str(template.root), code=1)
    section = output.split("In conflict, for you to resolve:\n")[1].split("\n\n")[0]
    assert section.split() == ["packages/judge.py", "src/pipeline/train.py"]
    assert "<<<<<<<" in fork.read("src/pipeline/train.py")
    assert fork.read("contract.yaml") == OURS["contract.yaml"]
    (undo,) = [line for line in output.splitlines() if line.startswith("undo: ")]
    subprocess.run(["sh", "-euc", undo.removeprefix("undo: ")], cwd=fork.root, check=True)
    assert fork.state() == before

    update(gatehouse, fork, "--url", str(template.root), code=1)
    fork.git("checkout", "--ours", "src", "packages")
    fork.git("add", "src", "packages")
    fork.git("-c", "core.editor=true", "cherry-pick", "--continue")
    assert fork.git("status", "--porcelain") == ""
    assert "nothing newer" in update(gatehouse, fork, "--url", str(template.root))


def test_diff_shows_what_comes_and_changes_nothing(
    template: Scratch, fork: Scratch, gatehouse: Command
) -> None:
    """Attacks: a preview that leaves a branch, a work tree or files behind, or shows less."""
    before = fork.state()
    arguments = ("template", "diff", "--url", str(template.root))
    done = gatehouse(*arguments, cwd=fork.root)
    assert done.exit_code == 0, done.output
    assert fork.state() == before
    assert re.search(r"^src/pipeline +1 files  \+1 -1$", done.output, re.MULTILINE)
    assert "## [1.1.0]\n- Newer." in done.output
    assert "- The first one." not in done.output
    assert "params.yaml: train.torch_mlp.warmup is new" in done.output
    assert "conflict" not in done.output
    assert "+    warmup: 5" not in done.output
    assert "+    warmup: 5" in gatehouse(*arguments, "--patch", cwd=fork.root).output
    assert fork.state() == before


def test_a_fork_of_unknown_version_names_it(
    template: Scratch, tmp_path: Path, gatehouse: Command
) -> None:
    """Attacks: a guess. A fork begun from changed files says --from, and is told the closest."""
    fork = copied(template, tmp_path / "fork")
    fork.git("update-ref", "-d", "HEAD")
    fork.commit("all in one", {"src/pipeline/network.py": "ours\n"})
    template.commit("newer", NEWER)
    template.git("tag", "v1.1.0")
    url = ("--url", str(template.root))
    done = gatehouse("template", "update", *url, cwd=fork.root)
    assert done.exit_code == 2
    assert "--from TAG|COMMIT; the closest is v1.0.0, with 1 other files" in done.output
    update(gatehouse, fork, *url, "--from", "v1.0.0")
    assert fork.read("src/pipeline/network.py") == "ours\n"
    assert fork.read("contract.yaml") == NEWER["contract.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "no remote `upstream`; say it with --url"),
        (("--url", "https://alice:secret@example.org/t.git"),  # pragma: allowlist secret
         "holds a user, password or token"),
        (("--url", "--upload-pack=touch"), "begins with a dash"),
        (("--url", "{url}", "--to", "v9.9.9"), "no tag, branch or commit of the template"),
        (("--url", "{url}", "--to", "HEAD"), "no tag, branch or commit of the template"),
        (("--url", "{url}", "--branch", "main"), "there is a branch main already"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_says_the_fix_and_changes_nothing(
    template: Scratch, fork: Scratch, gatehouse: Command, words: tuple[str, ...], message: str
) -> None:
    """Attacks: secrets that would be kept in Git, options in disguise, versions of our own."""
    before = fork.state()
    words = tuple(word.format(url=template.root) for word in words)
    output = update(gatehouse, fork, *words, code=2)
    assert message in output
    assert "secret" not in output
    assert fork.state() == before


@pytest.mark.parametrize("path", ["README.md", "deploy/argocd/more.yaml"])
def test_work_that_is_not_committed_is_in_no_danger(
    template: Scratch, fork: Scratch, gatehouse: Command, path: str
) -> None:
    """Attacks: a change, and a file that Git does not know, written over."""
    (fork.root / path).write_text("mine\n")
    before = fork.state()
    assert "commit" in update(gatehouse, fork, "--url", str(template.root), code=2)
    assert fork.state() == before
    assert fork.read(path) == "mine\n"


def test_the_real_files_of_this_repository(
    tmp_path: Path, gatehouse: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks: this repository's own YAML and owners, through two versions."""
    top = subprocess.run(
        ["git", "rev-parse", "--git-path", "objects", "HEAD^{tree}"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    ).stdout.split()  # fmt: skip
    if len(top) != 2:
        pytest.skip("no Git repository with a commit")
    template = scratch(tmp_path / "template")
    alternates = template.root / ".git/objects/info/alternates"
    alternates.write_text(f"{REPOSITORY / top[0]}\n")
    template.git("read-tree", "-u", "--reset", top[1])
    lay_sample(template.root)
    lay_owners(template.root)
    template.git("commit", "-qam", "first")
    template.git("clone", "-q", "--shared", str(template.root), str(tmp_path / "fork"))
    fork = Scratch(tmp_path / "fork")
    for setting in ("user.name=Tester", "user.email=tester@example.org"):
        fork.git("config", *setting.split("="))
    fork.git("checkout", "-q", "--orphan", "copy")
    fork.git("commit", "-qm", "Initial commit")
    params, policy = template.read("params.yaml"), template.read("policy.yaml")
    network = template.read("src/pipeline/network.py")
    head = "\n  trainer: "
    code = "packages/gatehouse/src/gatehouse"
    assert head in params
    template.commit("newer", {
        "params.yaml": params.replace(head, f"\n  grown: 3   # since 2.0{head}"),
        "policy.yaml": policy.replace("\nrules:", "\nrules: # all of them\n  a-new-one:\n"
                                      "    gate: data\n    measurement: rows\n    at_least: 1\n"),
        ".github/workflows/monitor.yml": None,
        f"{code}/judge.py": None,
        f"{code}/judge/judge.py": template.read(f"{code}/judge.py"),
        "src/pipeline/network.py": network + "\nNEWER = 1\n",
    })  # fmt: skip
    owners = {
        path: template.read(path).replace("@OWNER", "@org/us")
        for path in (".github/CODEOWNERS", ".github/ownership.txt")
    }
    fork.commit("ours", {
        "contract.yaml": "version: 1\nname: ours\n",
        "params.yaml": params.replace("trainer: ", "trainer: ours:train # was "),
        "policy.yaml": policy.replace("0.88", "0.61"),
        "src/pipeline/network.py": f"OURS = 1\n{network}",
        **owners,
    })  # fmt: skip
    output = update(gatehouse, fork, "--url", str(template.root))
    assert fork.read("contract.yaml") == "version: 1\nname: ours\n"
    assert "\n  grown: 3   # since 2.0\n  trainer: ours:train # was " in fork.read("params.yaml")
    assert "params.yaml: train.grown is new" in output
    assert "  a-new-one:\n" in fork.read("policy.yaml")
    assert "at_least: 0.61" in fork.read("policy.yaml")
    merged = fork.read("src/pipeline/network.py")
    assert merged.startswith("OURS")
    assert merged.endswith("NEWER = 1\n")
    assert {path: fork.read(path) for path in owners} == owners
    assert (fork.root / code / "judge/judge.py").exists()
