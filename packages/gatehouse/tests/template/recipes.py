"""The recipes of the documentation, each done in a scratch fork as the pages say."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from gatehouse.places import SOURCE, code_path
from tests.end_to_end.clone import REPOSITORY, Clone, copy_checkout
from tests.shared import LEAN

CRM = '''\
"""Rows of our own system."""

from __future__ import annotations

import pandas as pd
from gatehouse.contract import Contract
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.settings import DataSettings


def load(settings: DataSettings, contract: Contract) -> tuple[pd.DataFrame, None]:
    """Rows of the table that `data.crm.table` names."""
    if not settings.crm.table:
        raise GatehouseError("params.yaml: data.crm.table: names no table; write one")
    return pd.DataFrame(columns=list(contract.columns)), None
'''


@dataclass(frozen=True)
class Fork:
    """A scratch fork: its own code, and the tools of this environment."""

    clone: Clone

    @property
    def root(self) -> Path:
        return self.clone.root

    def run(self, *command: str, folder: str = ".") -> tuple[int, str]:
        """Exit code and output of a command in the fork, as in a terminal of its own."""
        # A pytest that runs inside of another's process is no worker of it.
        kept = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
        settings = {
            # An editable installation points to this checkout: the fork's own code goes before.
            "PYTHONPATH": os.pathsep.join([code_path(self.root), LEAN]),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PRE_COMMIT_HOME": str(self.root.parent / "pre-commit"),
        }
        done = subprocess.run(
            command,
            cwd=self.root / folder,
            env=kept | settings,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def pytest(self, *arguments: str, folder: str = ".") -> tuple[int, str]:
        words = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)
        return self.run(*words, folder=folder)

    def library(self, *arguments: str) -> tuple[int, str]:
        """The library's own tests, from its folder."""
        return self.pytest(*arguments, folder=SOURCE)

    def write(self, file: str, text: str) -> None:
        (self.root / file).write_text(text, "utf-8")

    def guide(self, heading: str, page: str = "adopting") -> str:
        """The code of a page below a heading."""
        text = (self.root / f"{DOCS}/{page}.md").read_text("utf-8")
        section = text.split(f"## {heading}\n")[1]
        return section.split("```python\n")[1].split("```")[0]


def make_fork(folder: Path) -> Fork:
    """A copy of this checkout as a repository of its own, with this environment's tools."""
    fork = Fork(copy_checkout(folder / "fork"))
    (fork.root / ".venv").symlink_to(sys.prefix)
    (fork.root / "reports").mkdir()
    shutil.copy(REPOSITORY / "reports/README.md", fork.root / "reports")
    with (fork.root / ".git/info/exclude").open("a") as file:
        file.write(".venv\n")
    return fork


LIBRARY = f"{SOURCE}/src/gatehouse/pipeline"
DOCS = f"{SOURCE}/docs"


def own_source(fork: Fork) -> None:
    """docs/data.md, "A source of your own", with its settings."""
    fork.write("src/pipeline/crm.py", CRM)
    replace, settings = fork.clone.replace, f"{LIBRARY}/settings.py"
    replace(f"{LIBRARY}/ingest.py", '"file": _file}', '"file": _file, "crm": crm.load}')
    replace(f"{LIBRARY}/ingest.py", "pd\n\nfrom", "pd\nfrom pipeline import crm\n\nfrom")
    replace(settings, "class DataSettings(Frozen):\n    source: Literal[",
            'class CrmSettings(Frozen):\n    """The table to read."""\n\n    table: str = ""\n\n\n'
            'class DataSettings(Frozen):\n    source: Literal["crm", ')  # fmt: skip
    replace(settings, "    file: FileSettings\n",
            "    file: FileSettings\n    crm: CrmSettings = CrmSettings()\n")  # fmt: skip
    replace("params.yaml", "source: simulated ", "source: crm ")
    replace("params.yaml", "\ntrain:", "\n  crm:\n    table: customers\ntrain:")


def own_trainer(fork: Fork) -> None:
    """docs/adopting.md, "A trainer of your own", with its settings."""
    code = fork.guide("A trainer of your own")
    assert code.count("RandomForestClassifier(100,") == 1
    code = code.replace("RandomForestClassifier(100,", "RandomForestClassifier(settings.oak.trees,")
    code = code.replace("settings.oak.trees, min_samples_leaf=5, random_state=settings.seed",
                        "settings.oak.trees, random_state=settings.seed")  # fmt: skip
    fork.write("src/pipeline/forest.py", code)
    replace, settings = fork.clone.replace, f"{LIBRARY}/settings.py"
    replace(settings, "class TrainSettings(Frozen):\n",
            'class OakSettings(Frozen):\n    """Settings of `pipeline.forest:forest`."""\n\n'
            "    trees: Positive = 100\n\n\nclass TrainSettings(Frozen):\n")  # fmt: skip
    replace(settings, "    torch_mlp: TorchMlpSettings =",
            "    oak: OakSettings = OakSettings()\n    torch_mlp: TorchMlpSettings =")  # fmt: skip
    named = "trainer: pipeline.network:torch_mlp "
    replace("params.yaml", named, "trainer: pipeline.forest:forest ")
    replace("params.yaml", "\n  torch_mlp:", "\n  oak: {trees: 20}\n  torch_mlp:")


def own_metric(fork: Fork) -> None:
    """docs/extending.md, "A metric of your own", with its rule."""
    fork.write("src/gates/cost.py", fork.guide("A metric of your own", "extending"))
    page = (fork.root / f"{DOCS}/extending.md").read_text("utf-8")
    settings = page.split("```yaml\nmeasure:\n")[1].split("```")[0]
    measured, rule = settings.split("rules:\n")
    fork.clone.replace("policy.yaml", "  accuracy: {calibration_bins: 15}\n", measured)
    fork.clone.replace(
        "policy.yaml", "  accuracy-calibration:\n", f"{rule}  accuracy-calibration:\n"
    )


def own_gate(fork: Fork) -> None:
    """docs/extending.md, "A gate of your own", with its rule."""
    fork.write("src/gates/missing.py", fork.guide("A gate of your own", "extending"))
    page = (fork.root / f"{DOCS}/extending.md").read_text("utf-8")
    gates, _, rules = page.split("```yaml\ngates:\n")[1].split("```")[0].partition("\nrules:\n")
    text = (fork.root / "policy.yaml").read_text("utf-8")
    (line,) = [each for each in text.splitlines() if each.startswith("gates: {}")]
    fork.clone.replace("policy.yaml", f"{line}\n", f"gates:\n{gates}")
    fork.clone.replace("policy.yaml", "  data-critical:\n", f"{rules}  data-critical:\n")


def own_limits(fork: Fork) -> None:
    """Other settings of the sample's, other limits, and a measurement that is made otherwise."""
    for file, old, new in (
        ("params.yaml", "rows: 48842", "rows: 20000"),
        ("contract.yaml", "valid: 0.16", "valid: 0.15"),
        ("policy.yaml", "at_least: 0.88", "at_least: 0.85"),
        ("policy.yaml", "resamples: 2000", "resamples: 1000"),
        ("policy.yaml", "sessions: 11, calls: 300", "sessions: 9, calls: 200"),
    ):
        fork.clone.replace(file, old, new)


def own_words(fork: Fork) -> None:
    """README, pages and model card written anew."""
    fork.write("README.md", "# Our model\n\nIt says who will leave.\n")
    fork.clone.replace("model_card.yaml", "name: Income over 50,000 dollars", "name: Ours")
    (fork.root / "docs").mkdir()
    fork.write("docs/index.md", "# Our pages\n\nOurs.\n")


def own_requirement(fork: Fork) -> None:
    """docs/adopting.md, "Another library": a line in run.in, and what `make lock` makes of it."""
    pin = f"acorn==1.0 \\\n    --hash=sha256:{hashlib.sha256(b'acorn').hexdigest()}\n"
    folder = fork.root / "requirements"
    with (folder / "run.in").open("a") as file:
        file.write("acorn\n")
    run = set(re.findall(r"(?m)^\S+==\S+", (folder / "run.txt").read_text("utf-8")))
    for lock in folder.glob("*.txt"):
        text = lock.read_text("utf-8")
        if run <= set(re.findall(r"(?m)^\S+==\S+", text)):
            lock.write_text(pin + text, "utf-8")


def own_owners(fork: Fork) -> None:
    """.github/ownership.txt: owners of one's own, and an owner for the code that trains."""
    replace, file = fork.clone.replace, ".github/ownership.txt"
    replace(file, "owned  @OWNER", "owned  @acme/ml @jane")
    replace(file, "src/pipeline/                 free", "src/pipeline/                 owned")
    code, told = fork.run("gatehouse", "github", "owners")
    assert code == 0, told


RECIPES: tuple[Callable[[Fork], None], ...] = (
    own_source, own_trainer, own_gate, own_metric, own_limits, own_requirement, own_words,
    own_owners,
)  # fmt: skip


def own_table(fork: Fork, target: str, *options: str) -> None:
    """docs/adopting.md, "Your data": `gatehouse init` on a table with other columns."""
    lines = [
        f"{n},{20 + n * 7 % 50},{('north', 'south', 'east')[n % 3]},{('f', 'm')[n % 2]},"
        f"{'yes' if (n * 7 % 50) + n * 13 % 17 > 40 else 'no'},"
        f"{('basic', 'plus', 'pro')[(n * 7 % 50) // 20]},{100 + 3 * (n * 7 % 50) + n % 17}"
        for n in range(1500)
    ]
    head = "customer_id,age,region,gender,churned,plan,spent"
    (fork.root / "customers.csv").write_text("\n".join([head, *lines]) + "\n", "utf-8")
    policy = fork.root / "policy.yaml"  # init keeps the own gate, which looks at one column
    policy.write_text(
        policy.read_text("utf-8").replace("column: occupation", "column: plan"), "utf-8"
    )
    words = ("init", "customers.csv", "--target", target, *options, "--yes", "--force")
    code, told = fork.run("gatehouse", *words)
    assert code == 0, told
    assert "Written: contract.yaml, policy.yaml, params.yaml, model_card.yaml." in told
