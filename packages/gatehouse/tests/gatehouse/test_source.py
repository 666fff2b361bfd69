"""`gatehouse run --data`: a source's name, a file or a URL becomes the setting."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pipeline
import pytest

from gatehouse.errors import GatehouseError
from gatehouse.params import set_values
from gatehouse.pipeline.settings import load_settings
from gatehouse.pipeline.sources import SOURCES
from gatehouse.pipeline.sources.file import OWN
from gatehouse.pipeline.sources.spec import SourceSpec
from gatehouse.source import check_source, find_source, source_settings
from tests.gatehouse.conftest import Command
from tests.sample import SAMPLE


def set_source(source: str, path: Path) -> list[str]:
    """As `gatehouse set data=SOURCE` does."""
    return set_values(source_settings(source, path), path)


@pytest.fixture
def params(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "params.yaml"
    path.write_bytes((SAMPLE / "params.yaml").read_bytes())
    return path


def test_a_source_changes_one_line_and_keeps_every_comment(params: Path) -> None:
    """Attacks a settings file that loses its comments and layout."""
    before = params.read_text()
    assert set_source("adult", params) == ["data.source is now adult"]
    changed = [
        (old, new)
        for old, new in zip(before.splitlines(), params.read_text().splitlines(), strict=True)
        if old != new
    ]
    assert [(old.split("#")[0].strip(), new.split("#")[0].strip()) for old, new in changed] == [
        ("source: simulated", "source: adult")
    ]
    assert set_source("adult", params) == []
    assert set_source("simulated", params)
    assert params.read_text() == before


@pytest.mark.parametrize("source", ["", "Adult", "--help", "nowhere.csv", "data"])
def test_an_unknown_source_is_refused_and_changes_nothing(params: Path, source: str) -> None:
    """Attacks a misspelt source or file that would be written and fail later."""
    before = params.read_bytes()
    (params.parent / "data").mkdir()
    with pytest.raises(GatehouseError, match="no data source"):
        set_source(source, params)
    assert params.read_bytes() == before


@pytest.mark.parametrize("source", ["s3://bucket", "https://example.org/rows.xlsx", "rows.txt"])
def test_a_file_of_another_format_is_refused(params: Path, source: str) -> None:
    """Attacks a format that is told only after a download."""
    (params.parent / "rows.txt").touch()
    before = params.read_bytes()
    with pytest.raises(GatehouseError, match=r"ends with \.parquet, \.csv, \.csv\.gz"):
        set_source(source, params)
    assert params.read_bytes() == before


def test_a_file_and_a_url_take_each_others_place(params: Path) -> None:
    """Attacks an old file's SHA-256 that stays, and a URL that wins over the new file."""
    before = params.read_text()
    rows = params.parent / "my rows.csv"
    rows.touch()
    set_source(str(rows), params)  # absolute, but within the repository
    data = load_settings(params).data
    assert (data.source, data.file.path, data.file.url) == ("file", Path("my rows.csv"), None)
    params.write_text(params.read_text().replace("sha256: null", f"sha256: {'a' * 64}"))
    assert set_source("my rows.csv", params) == []
    assert load_settings(params).data.file.sha256 == "a" * 64
    url = "https://example.org/rows.parquet?v=1#x"
    set_source(url, params)
    data = load_settings(params).data
    assert (data.file.url, data.file.path, data.file.sha256) == (url, OWN, None)
    set_source("my rows.csv", params)
    set_source("simulated", params)
    after = params.read_text().replace('"my rows.csv"', "data/own")
    assert after.split() == before.split()


def test_source_and_settings_are_set_at_once(params: Path, gatehouse: Command) -> None:
    """Attacks a source that takes back what is set beside it: the new file's SHA-256."""
    before = params.read_bytes()
    place, pin = "data=https://example.org/rows.csv", f"data.file.sha256={'a' * 64}"
    assert gatehouse("set", pin, place, "train.seed=x", cwd=params.parent).exit_code == 2
    assert params.read_bytes() == before
    assert gatehouse("set", pin, place, "train.seed=3", cwd=params.parent).exit_code == 0
    settings = load_settings(params)
    assert (settings.data.source, settings.data.file.sha256) == ("file", "a" * 64)
    assert settings.train.seed == 3
    assert gatehouse("set", "data=oracle", cwd=params.parent).exit_code == 2


def test_a_file_elsewhere_is_named_in_full(
    params: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Attacks a path that means another file once the folder is another."""
    rows = tmp_path_factory.mktemp("elsewhere") / "rows.csv.gz"
    rows.touch()
    set_source(str(rows), params)
    assert load_settings(params).data.file.path == rows


@pytest.mark.parametrize("text", ["", "5", "data: 5", "data: {source: simulated}", "a: ["])
def test_settings_that_are_broken_are_told(tmp_path: Path, text: str) -> None:
    """Attacks writing a source into settings that are none."""
    path = tmp_path / "params.yaml"
    path.write_text(text)
    with pytest.raises(GatehouseError, match=r"params\.yaml"):
        set_source("adult", path)
    assert path.read_text() == text
    with pytest.raises(GatehouseError, match="no such file"):
        set_source("adult", tmp_path / "none.yaml")


CRM = """\
from gatehouse.errors import GatehouseError
from gatehouse.pipeline.sources.spec import SourceSpec
from gatehouse.typed import Frozen


class Settings(Frozen):
    table: str = ""


def check(options):
    raise GatehouseError(f"{options.table}: there is no such table")


crm = SourceSpec(name="crm", label="our customers", settings=Settings, read=None, check=check)
shop = crm
"""


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("crm: {table: a}", "^a: there is no such table"),
        ("crm: {tabel: a}", r"params\.yaml:3: data\.crm\.tabel: there is no such key.*'table'"),
        ("cmr: {table: a}", r"params\.yaml:3: data\.cmr: there is no such key"),
        ("crm: 5", r"params\.yaml:3: data\.crm: Input should be a valid dictionary"),
    ],
)
def test_a_source_of_one_s_own_is_checked_before_a_run(
    params: Path, monkeypatch: pytest.MonkeyPatch, section: str, message: str
) -> None:
    """Attacks a run that takes the present rows away before it tells what is wrong."""
    folder = params.parent / "own"
    folder.mkdir()
    (folder / "crm.py").write_text(CRM)
    monkeypatch.setattr(pipeline, "__path__", [*pipeline.__path__, str(folder)])
    assert set_source("pipeline.crm:crm", params) == ["data.source is now pipeline.crm:crm"]
    text = params.read_text()
    params.write_text(text.replace("data:\n", f"data:\n  {section}\n"))
    with pytest.raises(GatehouseError, match=message):
        check_source(params)
    with pytest.raises(GatehouseError, match=r"params\.yaml: data\.source: .* has the name 'crm'"):
        find_source("pipeline.crm:shop")


def test_a_setting_of_one_s_own_source_is_checked_when_it_is_set(
    params: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks a misspelt setting that waits for the next run."""
    folder = params.parent / "own"
    folder.mkdir()
    (folder / "crm.py").write_text(CRM)
    monkeypatch.setattr(pipeline, "__path__", [*pipeline.__path__, str(folder)])
    set_source("pipeline.crm:crm", params)
    before = params.read_bytes()
    with pytest.raises(GatehouseError, match=r"data\.crm\.tabel: there is no such key"):
        set_values({"data.crm.tabel": "a"}, params)
    assert params.read_bytes() == before
    assert set_values({"data.crm.table": "a"}, params) == ["data.crm.table is now a"]


def test_the_section_of_another_source_may_stay(params: Path) -> None:
    """Attacks `--data` that a section of a fork's own source makes impossible."""
    text = params.read_text()
    params.write_text(text.replace("data:\n", "data:\n  crm: {table: a}\n"))
    assert set_source("adult", params)
    params.write_text(text.replace("data:\n", "data:\n  flie: {path: a.csv}\n"))
    with pytest.raises(GatehouseError, match=r"data\.flie: there is no such key.* mean 'file'"):
        set_source("adult", params)


def test_a_file_that_is_gone_is_told_before_a_run(params: Path) -> None:
    """Attacks the rows of the earlier run, which DVC takes away first."""
    (params.parent / "rows.csv").touch()
    set_source("rows.csv", params)
    check_source(params)
    (params.parent / "rows.csv").unlink()
    with pytest.raises(GatehouseError, match=r"rows\.csv: there is no such file"):
        check_source(params)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_a_built_in_source_is_found_by_its_name(source: SourceSpec[Any]) -> None:
    """Attacks a module that no fingerprint finds."""
    module = importlib.import_module(f"gatehouse.pipeline.sources.{source.name}")
    assert source in vars(module).values()
