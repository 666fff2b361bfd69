"""Attacks BentoML's page at `/` in a real browser: it works, and loads nothing from elsewhere."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.gatehouse.serving.process import WITHIN, running
from tests.gatehouse.site.browser import PROGRAM, chromium
from tests.github.needed import missing

OPERATIONS = "[...document.querySelectorAll('.opblock-summary-path')].map(e => e.innerText)"


def test_the_page_shows_the_service_and_asks_nobody_else(root: Path, tmp_path: Path) -> None:
    """As BentoML ships it the page calls Google Tag Manager."""
    if PROGRAM is None:
        missing("chromium (Debian's package of that name)")
    with running(root) as service, chromium(tmp_path / "profile") as browser:
        browser.open(f"http://127.0.0.1:{service.port}/")
        end = time.monotonic() + WITHIN
        while not (shown := browser.evaluate(OPERATIONS)) and time.monotonic() < end:
            time.sleep(0.1)
        asked = {urlsplit(url).hostname for url in browser.requests() if url.startswith("http")}
    assert "/predict" in "".join(shown).replace("\N{ZERO WIDTH SPACE}", "")
    assert asked == {"127.0.0.1"}
