"""Attacks the page's way to take a person out of the training data: bytes that stay somewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd

from gatehouse.digest import dvc_md5
from tests.gatehouse.conftest import Command
from tests.gatehouse.repository import tool_path
from tests.gatehouse.tiny import CONTRACT, ROOT
from tests.sample import lay_sample

PAGE = ROOT / "packages/gatehouse/docs/privacy.md"


def documented() -> list[str]:
    """The commands of step 5 that take old snapshots away, in their order."""
    step = PAGE.read_text("utf-8").split("5. **Training data.**")[1].split("6. **The model**")[0]
    blocks = re.findall(r"```sh\n(.*?)```", step, re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("git ", "rm ", "dvc "))]


def test_an_old_snapshot_is_gone_from_work_tree_cache_and_remote(
    tmp_path: Path, gatehouse: Command
) -> None:
    """The one without the person stays, in all three places."""
    root, remote = tmp_path / "work", tmp_path / "remote"
    root.mkdir()
    (root / "contract.yaml").write_text(CONTRACT)
    lay_sample(root, "params.yaml")
    shutil.copyfile(ROOT / ".gitignore", root / ".gitignore")

    def run(command: str) -> None:
        words = ["bash", "-e", "-o", "pipefail", "-c", command]
        subprocess.run(words, cwd=root, env=tool_path(), check=True)

    run(
        "git init -q -b main; git config user.name Tester; git config user.email t@example.org; "
        f"dvc init -q; dvc remote add -q --default folder {remote}"
    )
    rows = pd.DataFrame(
        {
            "age": [number / 10 for number in range(300)],
            "job": ["nurse", "cook", "cook"] * 100,
            "sex": ["f", "m"] * 150,
            "rich": ["no", "yes", "no", "no", "yes"] * 60,
        }
    )
    for name, taken in (("old", rows), ("new", rows.drop(index=7))):
        taken.to_csv(tmp_path / "rows.csv", index=False)
        added = gatehouse("data", "add", str(tmp_path / "rows.csv"), "--name", name, cwd=root)
        assert added.exit_code == 0, added.output
        run(f"git add -A; git commit -qm {name}")
    run("dvc push -q")
    digests = {name: dvc_md5(root / f"data/snapshots/{name}.parquet") for name in ("old", "new")}

    def places(name: str) -> list[str]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        same = [path for path in files if dvc_md5(path) == digests[name]]
        return sorted(path.relative_to(tmp_path).parts[0] for path in same)

    assert places("old") == places("new") == ["remote", "work", "work"]
    for command in documented():
        # Where nobody can be asked, dvc gc wants to be told that it is meant.
        run(command.replace("OLD", "old").replace("dvc gc", "dvc gc --force --quiet"))
    assert places("old") == []
    assert places("new") == ["remote", "work", "work"]
