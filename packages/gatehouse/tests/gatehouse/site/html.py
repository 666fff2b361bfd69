"""A page taken apart: what a browser would make of it, as far as tags and texts go."""

from __future__ import annotations

from html.parser import HTMLParser

# What our templates, charts and rendered Markdown consist of; nothing that runs or fetches.
TAGS = """
html head meta title link style body a header strong nav ul ol li main footer code h1 h2 h3 h4 h5 h6
section div p span table caption thead tbody tr th td time figure figcaption details summary b br em
s pre blockquote hr svg g text line polyline polygon circle path rect
"""
ATTRIBUTES = """
lang charset http-equiv content name rel href class id role aria-label aria-labelledby aria-current
aria-hidden tabindex scope colspan datetime viewbox x y x1 x2 y1 y2 cx cy r d points width height
start title xmlns font-family font-size font-weight fill fill-opacity stroke stroke-width
stroke-opacity stroke-linecap text-anchor
"""


class Page(HTMLParser):
    """Tags with their attributes, links and words of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._words: list[str] = []
        self._styled = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._styled = tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._styled = False

    def handle_data(self, data: str) -> None:
        if not self._styled:
            self._words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self._words).split())

    @property
    def links(self) -> list[str]:
        return [str(attrs["href"]) for tag, attrs in self.tags if tag == "a"]

    def count(self, name: str) -> int:
        return [tag for tag, _ in self.tags].count(name)

    def strange(self) -> list[str]:
        """Tags and attributes that no page of ours has, and links to anything but the web."""
        found = [tag for tag, _ in self.tags if tag not in TAGS.split()]
        found += [
            name for _, attrs in self.tags for name in attrs if name not in ATTRIBUTES.split()
        ]
        web = ("https://", "http://", "#")
        return found + [link for link in self.links if ":" in link and not link.startswith(web)]
