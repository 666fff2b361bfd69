"""Makes the example reports of this folder from real runs, in a clone of HEAD that is thrown away.

    python docs/examples/make.py

Three runs of the pipeline on simulated rows: a base; a harmless change, which passes; and a bad
one, which fails. Takes a few minutes. `gatehouse` must be on PATH, as in `.venv/bin`.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FOLDER = Path(__file__).parent
PARAMS, POLICY = "params.yaml", "policy.yaml"
REPORT = Path("reports/report.md")

HARMLESS = {
    PARAMS: {"data.simulated.rows": 50_000, "train.torch_mlp.dropout": 0.15},
}
BAD = {
    PARAMS: {
        "data.simulated.drift": 0.1,
        "data.simulated.label_bias": 0.35,
        "train.torch_mlp.epochs": 2,
    },
    POLICY: {"rules.accuracy-auc-base.at_least": -0.05},
}


def change(path: Path, settings: dict[str, Any]) -> None:
    """Set `section.key` to value in a YAML file, comments kept."""
    yaml = YAML()
    yaml.width = 4096
    tree = yaml.load(path.read_text(encoding="utf-8"))
    for key, value in settings.items():
        *sections, last = key.split(".")
        node = tree
        for section in sections:
            node = node[section]
        node[last] = value
    with path.open("w", encoding="utf-8") as stream:
        yaml.dump(tree, stream)


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        clone = Path(name, "clone")
        root = subprocess.run(
            ["git", "-C", FOLDER, "rev-parse", "--show-toplevel"],
            check=True, capture_output=True, text=True,
        ).stdout.strip()  # fmt: skip

        def run(*command: str, allowed: tuple[int, ...] = (0,)) -> None:
            done = subprocess.run(command, cwd=clone, check=False)
            if done.returncode not in allowed:
                raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}")

        subprocess.run(["git", "clone", "--quiet", root, clone], check=True)
        run("git", "checkout", "--quiet", "-B", "main")
        run("gatehouse", "run", allowed=(0, 1))
        run("git", "add", "--all")
        identity = ("-c", "user.name=example", "-c", "user.email=example@example.org")
        run("git", *identity, "commit", "--quiet", "--allow-empty", "--message", "The base")
        for example, changes in (("pass", HARMLESS), ("fail", BAD)):
            run("git", "checkout", "--quiet", "--", PARAMS, POLICY)
            for file, settings in changes.items():
                change(clone / file, settings)
            run("gatehouse", "run", "--base", "main", allowed=(0, 1))
            text = (clone / REPORT).read_text(encoding="utf-8")
            (FOLDER / f"report-{example}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
