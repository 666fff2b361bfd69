"""Forks that `gatehouse init` made of tables of many shapes, each once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gatehouse.adopt import baseline
from gatehouse.cli import main
from gatehouse.contract import Contract, load_contract
from gatehouse.pipeline.settings import Settings, load_settings
from gatehouse.policy import Policy, load_policy
from gatehouse.report.card_text import CardText, load_card_text
from tests.gatehouse.adopt.shapes import SHAPES, Shape
from tests.sample import lay_owners, lay_sample

REPOSITORY = Path(__file__).parents[5]
FILES = ("contract.yaml", "policy.yaml", "params.yaml", "model_card.yaml", "dvc.yaml")


@dataclass(frozen=True)
class Fork:
    """A repository's files, and what the command said."""

    root: Path
    file: Path
    result: Result

    @property
    def contract(self) -> Contract:
        return load_contract(self.root / "contract.yaml")

    @property
    def policy(self) -> Policy:
        return load_policy(self.root / "policy.yaml")

    @property
    def settings(self) -> Settings:
        return load_settings(self.root / "params.yaml")

    @property
    def card(self) -> CardText:
        return load_card_text(self.root / "model_card.yaml")

    @property
    def written(self) -> str:
        return "".join((self.root / name).read_text() for name in FILES[:4])


def lay_out(root: Path) -> Path:
    """The files of the sample that the command reads or writes; no git repository."""
    root.mkdir(parents=True, exist_ok=True)
    lay_sample(root)
    lay_owners(root)
    (root / "dvc.yaml").write_text("stages: {}\n")  # only that it is there counts
    return root


def run_init(root: Path, *arguments: str, text: str | None = None) -> Result:
    """`gatehouse init` in `root`, as in a terminal that is wide enough."""
    with contextlib.chdir(root):
        return CliRunner(env={"COLUMNS": "200"}).invoke(main, ["init", *arguments], input=text)


@pytest.fixture(scope="session", autouse=True)
def _quick() -> Iterator[None]:
    """A baseline of two folds: these tests ask what is made of it, not how good it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baseline, "_FOLDS", 2)
        patch.setattr(baseline, "_DRAWS", 30)
        patch.setattr(baseline, "_ITERATIONS", 10)
        yield


@pytest.fixture(scope="session")
def fork(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Fork]:
    """The fork of a shape, by its name; made once for each set of options."""
    made: dict[tuple[str, ...], Fork] = {}

    def of(name: str, *options: str) -> Fork:
        if (name, *options) not in made:
            shape: Shape = SHAPES[name]
            root = lay_out(tmp_path_factory.mktemp("fork"))
            file = shape.write(tmp_path_factory.mktemp("table"))
            arguments = (str(file), "--target", shape.target, "--yes", "--force", *options)
            made[name, *options] = Fork(root, file, run_init(root, *arguments))
        found = made[name, *options]
        assert found.result.exit_code == 0, found.result.output
        return found

    return of


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return lay_out(tmp_path / "repository")
