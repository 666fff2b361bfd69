"""Draws a report as GitHub would show it, for the README: Markdown to HTML to PNG.

    cd packages/gatehouse/docs
    python images/make.py examples/comment-fail.md images/report.png --mermaid FOLDER

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

# GitHub's sizes, and its width of a comment on a screen of 1,280 pixels.
STYLE = """
:root { --back: #fff; --text: #1f2328; --edge: #d1d9e0; --soft: #f6f8fa; --code: #818b981f;
        --link: #0969da; }
:root.dark { --back: #0d1117; --text: #f0f6fc; --edge: #3d444d; --soft: #151b23; --code: #656c7633;
             --link: #4493f8; }
body { margin: 0; padding: 16px; background: var(--back); color: var(--text); width: 864px;
       font: 14px/1.5 -apple-system, "Segoe UI", "Noto Sans", "Liberation Sans", Helvetica, Arial,
       "Noto Color Emoji", sans-serif; }
main { border: 1px solid var(--edge); border-radius: 6px; padding: 16px; }
a { color: var(--link); } img { max-width: 100%; }
h2 { font-size: 1.5em; margin: 0 0 16px; padding-bottom: .3em;
     border-bottom: 1px solid var(--edge); }
h3 { font-size: 1.25em; margin: 24px 0 16px; }
p, ul { margin: 0 0 16px; } ul { padding-left: 2em; }
table { border-collapse: collapse; margin: 0 0 16px; }
th, td { border: 1px solid var(--edge); padding: 6px 13px; text-align: left; vertical-align: top; }
tr:nth-child(2n) td { background: var(--soft); }
td[style*="right"], th[style*="right"] { text-align: right; }
code { background: var(--code); border-radius: 6px; padding: .2em .4em;
       font: 85% ui-monospace, "Liberation Mono", "DejaVu Sans Mono", monospace; }
pre { background: var(--soft); border-radius: 6px; padding: 16px; margin: 0 0 16px;
      overflow: hidden; }
pre code { background: none; padding: 0; }
sub { font-size: 75%; } details { margin: 0 0 16px; } summary { cursor: pointer; }
.mermaid { margin: 0 0 16px; } .mermaid svg { max-height: 330px; }
"""

PAGE = """<!doctype html><html class="{theme}"><meta charset="utf-8"><base href="{base}">
<style>{style}</style><main>{body}</main>
<script src="file://{mermaid}"></script>
<script>
mermaid.initialize({{startOnLoad: false, theme: "{theme}", securityLevel: "strict"}});
mermaid.run({{querySelector: ".mermaid"}}).then(
  () => {{ document.title = "drawn"; }},
  (error) => {{ document.title = "failed"; document.body.append(String(error.message || error)); }}
).finally(() => {{
  const main = document.querySelector("main").getBoundingClientRect();
  document.documentElement.dataset.height = Math.ceil(main.bottom + 16);
}});
</script>"""


def page(report: str, mermaid: Path, unfolded: list[str], base: Path, theme: str) -> str:
    """The report as an HTML page; the folded sections with these titles are open.

    `base` is the folder that its pictures lie in.
    """
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
    return PAGE.format(
        style=STYLE, body=body, mermaid=script, theme=theme, base=f"{base.resolve().as_uri()}/"
    )


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
    parser.add_argument("--dark", action="store_true", help="as on GitHub's dark page")
    parser.add_argument("--height", type=int, help="cut the picture here (CSS pixels)")
    options = parser.parse_args()
    text = options.report.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        html, profile = Path(folder, "page.html"), Path(folder, "profile")
        theme = "dark" if options.dark else "default"
        made = page(text, options.mermaid, options.open, options.report.parent, theme)
        html.write_text(made, encoding="utf-8")
        drawn = chromium(profile, "--window-size=896,1200", "--dump-dom", html.as_uri())
        found = re.search(r'data-height="(\d+)"', drawn)
        if found is None or "<title>drawn" not in drawn:
            print("Mermaid does not accept a chart of this report", file=sys.stderr)
            return 1
        height = min(int(found[1]), options.height or int(found[1]))
        size = f"--window-size=896,{height}"
        print(f"{options.picture}: {height} pixels high")
        chromium(profile, size, f"--screenshot={options.picture.resolve()}", html.as_uri())
    return 0


if __name__ == "__main__":
    sys.exit(main())
