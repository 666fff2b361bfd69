"""Draws a report as GitHub would show it, for the README: Markdown to HTML to PNG.

    python docs/images/make.py docs/examples/comment-fail.md docs/images/report.png \\
        --mermaid FOLDER --height 1425

FOLDER is the npm package `mermaid` (`npm install mermaid` puts it into node_modules/mermaid).
Chromium must be on PATH, and an emoji font installed (fonts-noto-color-emoji). Nothing is fetched
from the network. A chart that Mermaid does not accept ends the command with exit code 1.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from markdown_it import MarkdownIt

STYLE = """
body { margin: 0; padding: 28px; background: #fff; color: #1f2328; width: 920px;
       font: 15px/1.5 -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Helvetica, Arial,
       "Noto Color Emoji", sans-serif; }
main { border: 1px solid #d1d9e0; border-radius: 8px; padding: 16px 20px; }
h2 { font-size: 22px; margin: 0 0 12px; padding-bottom: 8px; border-bottom: 1px solid #d1d9e0; }
h3 { font-size: 18px; margin: 22px 0 10px; }
p { margin: 0 0 12px; }
table { border-collapse: collapse; margin: 0 0 14px; }
th, td { border: 1px solid #d1d9e0; padding: 6px 12px; text-align: left; vertical-align: top; }
tr:nth-child(2n) td { background: #f6f8fa; }
td[style*="right"], th[style*="right"] { text-align: right; white-space: nowrap; }
code { background: #eff1f3; border-radius: 5px; padding: 2px 5px;
       font: 85% ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: #f6f8fa; border-radius: 6px; padding: 12px; margin: 0 0 14px; overflow: hidden; }
pre code { background: none; padding: 0; }
details { margin: 0 0 8px; } summary { cursor: pointer; }
.mermaid { margin: 0 0 14px; } .mermaid svg { max-height: 330px; }
"""

PAGE = """<!doctype html><meta charset="utf-8"><style>{style}</style><main>{body}</main>
<script src="file://{mermaid}"></script>
<script>
mermaid.initialize({{startOnLoad: false, theme: "default", securityLevel: "strict"}});
mermaid.run({{querySelector: ".mermaid"}}).then(
  () => {{ document.title = "drawn"; }},
  (error) => {{ document.title = "failed"; document.body.append(String(error.message || error)); }}
).finally(() => {{
  document.documentElement.dataset.height = document.documentElement.scrollHeight;
}});
</script>"""


def page(report: str, mermaid: Path, unfolded: list[str]) -> str:
    """The report as an HTML page; the folded sections with these titles are open."""
    body = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(report)
    )
    body = re.sub(
        r'<pre><code class="language-mermaid">(.*?)</code></pre>',
        r'<div class="mermaid">\1</div>',
        body,
        flags=re.DOTALL,
    )
    for title in unfolded:
        folded = f"<details>\n<summary>{title}<"
        body = body.replace(folded, folded.replace("details>", "details open>"))
    script = (mermaid / "dist" / "mermaid.min.js").resolve()
    return PAGE.format(style=STYLE, body=body, mermaid=script)


def chromium(profile: Path, *arguments: str) -> str:
    """Run headless Chromium; what it printed."""
    program = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome")))
    )
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
        "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
        "--allow-file-access-from-files", "--virtual-time-budget=20000",
        f"--user-data-dir={profile}",
    ]  # fmt: skip
    done = subprocess.run([program, *flags, *arguments], capture_output=True, text=True, check=True)
    return done.stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report", type=Path)
    parser.add_argument("picture", type=Path)
    parser.add_argument("--mermaid", type=Path, required=True)
    parser.add_argument("--open", action="append", default=[], help="title of a section to unfold")
    parser.add_argument("--height", type=int, help="cut the picture here (CSS pixels)")
    options = parser.parse_args()
    text = options.report.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        html, profile = Path(folder, "page.html"), Path(folder, "profile")
        html.write_text(page(text, options.mermaid, options.open), encoding="utf-8")
        drawn = chromium(profile, "--window-size=976,1200", "--dump-dom", html.as_uri())
        found = re.search(r'data-height="(\d+)"', drawn)
        if found is None or "<title>drawn" not in drawn:
            print("Mermaid does not accept a chart of this report", file=sys.stderr)
            return 1
        height = min(int(found[1]), options.height or int(found[1]))
        size = f"--window-size=976,{height}"
        chromium(profile, size, f"--screenshot={options.picture.resolve()}", html.as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main())
