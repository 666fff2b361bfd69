"""The picture of the site in docs/site.md: python -m tests.gatehouse.site.picture FILE."""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path

from gatehouse.site.build import SITE, write_site
from tests.gatehouse.site.browser import chromium
from tests.gatehouse.site.scene import lay_out


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "work")
        lay_out(root)
        write_site(root)
        with chromium(Path(folder, "profile")) as browser:
            browser.open(root / SITE / "index.html", width=1100)
            # The trends of the first two gates are flat, in a history that is made up.
            browser.evaluate(
                "document.querySelectorAll('#trends ~ h3, #trends ~ .charts').forEach("
                "(e, i) => { if (i < 4) e.remove(); })"
            )
            clip = {"x": 0, "y": 0, "width": 1100, "height": 1720, "scale": 0.8}
            answer = browser.call("Page.captureScreenshot", clip=clip, format="webp", quality=80,
                                  captureBeyondViewport=True)  # fmt: skip
            Path(sys.argv[1]).write_bytes(base64.b64decode(answer["data"]))


if __name__ == "__main__":
    main()
