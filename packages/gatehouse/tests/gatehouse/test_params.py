"""`gatehouse set`: settings written in place, all of them or none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import GatehouseError
from gatehouse.params import parse_settings, set_values
from gatehouse.pipeline.settings import load_settings
from gatehouse.pipeline.sources.adult import ADULT
from gatehouse.typed import parse_yaml
from tests.gatehouse.conftest import Command
from tests.sample import SAMPLE


@pytest.fixture
def params(tmp_path: Path) -> Path:
    path = tmp_path / "params.yaml"
    path.write_bytes((SAMPLE / "params.yaml").read_bytes())
    return path


def test_several_settings_change_their_lines_alone(params: Path, gatehouse: Command) -> None:
    """Attacks comments, columns and lines that are lost on the way."""
    before = params.read_text().splitlines()
    result = gatehouse(
        "set", "train.seed=4", "train.torch_mlp.hidden=[64]", "data.adult.folder=a b",
        "quantize.method=dynamic", cwd=params.parent,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "params.yaml: train.seed is now 4",
        "params.yaml: train.torch_mlp.hidden is now [64]",
        'params.yaml: data.adult.folder is now "a b"',
        "params.yaml: quantize.method is now dynamic",
    ]
    after = params.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert [new.split("#")[0].rstrip() for _, new in changed] == [
        '    folder: "a b"',
        "  seed: 4",
        "    hidden: [64]",
        "  method: dynamic",
    ]
    assert all(old.find("#") == new.find("#") for old, new in changed), "comments keep columns"
    found = load_settings(params)
    assert found.train.torch_mlp.hidden == (64,)
    assert ADULT.options(found.data).folder == Path("a b")
    again = gatehouse("set", "train.seed=4", cwd=params.parent)
    assert (again.exit_code, again.output) == (0, "params.yaml: already set; nothing changed\n")


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("train.seeed=1", "train.seeed: there is no such setting; train has: trainer, seed,"),
        ("trian.seed=1", "params.yaml has: data, features, train, decision, "),
        ("train.torch_mlp.rate=1", "train.torch_mlp has: hidden,"),
        ("train..seed=1", "train has:"),
        ("train.seed.deep=1", "train.seed is one value, and has no keys"),
        ("train.seed=abc", "train.seed: Input should be a valid integer"),
        ("train.seed=1.5", "train.seed"),
        ("train.seed=-1", "train.seed"),
        ("train.seed=", "train.seed"),
        ("split.test=0.3", "there is no such setting; params.yaml has: data,"),
        ("decision.threshold=.inf", "decision.threshold"),
        ("tune.folds=1", "tune.folds"),
        (
            "data.source=oracle",
            "data.source: 'oracle' names no source; there are: ",
        ),
        ("data.file.sha256=abc", "data.file.sha256"),
        ("data.file.path=https://example.org/x.csv", "write a URL into data.file.url"),
        ("data.file={path: x.csv}", "set its keys one by one"),
        ("train.seed=[", "the value of train.seed:1: is not valid YAML"),
        ("train.seed=*x", "is not valid YAML"),
        ("train.seed=1\nsplit: 5", "the value of train.seed"),
        ("train.seed", "not KEY=VALUE"),
        ("=1", "not KEY=VALUE"),
        ("quantize.method=static", "is set twice"),
    ],
)
def test_a_wrong_setting_is_named_and_nothing_is_written(
    params: Path, gatehouse: Command, assignment: str, message: str
) -> None:
    """Attacks half of the settings written, tracebacks, and errors that don't say what is right."""
    before = params.read_bytes()
    result = gatehouse("set", "quantize.method=dynamic", assignment, cwd=params.parent)
    assert result.exit_code == 2
    assert message in result.output
    assert params.read_bytes() == before


TREES = st.fixed_dictionaries(
    {
        "url": st.none() | st.from_regex(r"s3://[^\s]+\.csv", fullmatch=True),
        "path": st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20),
    }
)


@settings(max_examples=30)
@given(TREES)
def test_any_text_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, Any]
) -> None:
    """Attacks quoting: values that YAML would read as numbers, comments, keys or nothing."""
    path = tmp_path_factory.mktemp("any") / "params.yaml"
    path.write_bytes((SAMPLE / "params.yaml").read_bytes())
    try:
        set_values({f"data.file.{key}": value for key, value in values.items()}, path)
    except GatehouseError:
        assert path.read_bytes() == (SAMPLE / "params.yaml").read_bytes()
        return
    found = parse_yaml(path.read_text(encoding="utf-8"), path)["data"]["file"]
    assert {key: found[key] for key in values} == values
    comments = (SAMPLE / "params.yaml").read_text().count("#")
    assert path.read_text(encoding="utf-8").count("#") >= comments


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  seed: 0\n", "  seed:\n"),  # nothing is there
        ("  seed: 0\n", ""),  # the key is not there, and has a default
        ("quantize:\n  method: static", "quantize: {method: static}"),
        ("    path: data/own", "    path: 'data/own'"),
        ("    path: data/own", '    "path": "data/own"'),
    ],
)
def test_every_layout_of_yaml_is_understood(params: Path, old: str, new: str) -> None:
    """Attacks settings that people laid out in another way than the template."""
    text = params.read_text()
    assert old in text
    params.write_text(text.replace(old, new, 1) if old != "  seed: 0\n" else new.join(
        text.rsplit(old, 1)))  # fmt: skip
    changes = {"train.seed": 7, "quantize.method": "dynamic", "data.file.path": "x.csv"}
    assert len(set_values(changes, params)) == 3
    found = load_settings(params)
    assert found.train.seed == 7
    assert found.quantize.method == "dynamic"
    assert found.data.file.path == Path("x.csv")
    assert params.read_text().count("#") == text.count("#")


def test_an_alias_is_left_to_people(params: Path) -> None:
    """Attacks a change of one setting that changes another, which shares its value."""
    text = params.read_text()
    text = text.replace("    dropout: 0.1\n", "    dropout: &half 0.5\n", 1)
    params.write_text(text.replace("      weight: 0.5 ", "      weight: *half ", 1))
    before = params.read_bytes()
    with pytest.raises(GatehouseError, match="by hand"):
        set_values({"train.torch_mlp.distill.weight": 0.3}, params)
    assert params.read_bytes() == before


def test_values_are_read_as_yaml_reads_them() -> None:
    """Attacks a seed that becomes text."""
    assert parse_settings(("a=1", "b=0.5", "c=null", "d=[1, x]", "e=s3://b/x.csv", "f='1'")) == {
        "a": 1, "b": 0.5, "c": None, "d": [1, "x"], "e": "s3://b/x.csv", "f": "1",
    }  # fmt: skip


def test_a_broken_setting_can_be_put_right(params: Path) -> None:
    """Attacks a command that refuses to mend what is wrong."""
    params.write_text(params.read_text().replace("method: static", "method: statik"))
    assert set_values({"quantize.method": "static"}, params) == ["quantize.method is now static"]
