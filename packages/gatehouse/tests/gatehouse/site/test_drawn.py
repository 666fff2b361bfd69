"""Attacks the pages that libraries draw: what data values could make of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from gatehouse.base import BaseRecord, write_record
from gatehouse.errors import GatehouseError
from gatehouse.site import drawn
from gatehouse.workspace import Workspace
from tests.gatehouse.site.html import Page
from tests.gatehouse.tiny import lay_out, rows

HOSTILE = "</script><script>document.title = 'owned'</script><img src=https://example.org/x>"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Rows and a contract, where a category's value is markup."""
    lay_out(tmp_path)
    contract = tmp_path / "contract.yaml"
    text = contract.read_text()
    contract.write_text(text.replace("[nurse, cook]", json.dumps(["nurse", "cook", HOSTILE])))
    for name in ("raw/rows", "prepared/train"):
        frame = rows(600)
        frame.loc[frame.index[:60], "job"] = HOSTILE
        frame.to_parquet(tmp_path / f"data/{name}.parquet", index=False)
    return tmp_path


def test_without_rows_or_a_base(tmp_path: Path) -> None:
    """Attacks a library's own words where a file is missing."""
    with pytest.raises(GatehouseError, match="data/raw is not here"):
        drawn.write_data_docs(Workspace(tmp_path), tmp_path / "page.html")
    write_record(BaseRecord(), tmp_path)
    with pytest.raises(GatehouseError, match="no base to compare with"):
        drawn.write_drift_page(Workspace(tmp_path), tmp_path / "page.html")


@pytest.mark.slow
def test_both_show_a_hostile_value_and_run_nothing(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks both pages by a value that ends a script and begins another; and their chance."""
    workspace, pages = Workspace(place), {}
    monkeypatch.setattr(drawn, "recorded_base", lambda _: workspace)
    for write in (drawn.write_data_docs, drawn.write_drift_page):
        first, second = place / "one.html", place / "two.html"
        write(workspace, first)
        write(workspace, second)
        assert first.read_bytes() == second.read_bytes()
        pages[write] = first.read_text("utf-8")
        page = Page(pages[write])
        assert "index.html" in page.links
        (policy,) = [
            str(attrs["content"]) for _, attrs in page.tags
            if str(attrs.get("http-equiv")).lower() == "content-security-policy"
        ]  # fmt: skip
        assert policy.startswith("default-src 'none'; ")
        assert not re.search(r"<(script|link|img)[^>]*(src|href)=", pages[write])
    docs, drift = pages.values()
    assert Page(docs).count("script") == 0
    assert "owned" in docs
    assert "owned" in drift
    assert "<script>document" not in drift
