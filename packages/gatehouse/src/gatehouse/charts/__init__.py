"""Charts: one model (`model`), drawn as Mermaid for Markdown, as SVG, and as text."""
