"""Help that lists the commands by purpose, each with a complete line."""

from __future__ import annotations

import click

SECTIONS = {
    "Start": ("init", "set", "doctor", "demo", "explain"),
    "Train and judge": (
        "run", "measure", "judge", "report", "card", "drill", "verify", "tune", "noise",
    ),
    "Bring new data, erase old rows": ("data", "split", "forget"),
    "Release and watch production": ("image", "stage", "promote", "monitor", "compare", "site"),
    "Look after the repository": ("github", "template", "lock", "schemas"),
    "Called by stages and workflows": (
        "fingerprints", "prepare", "deal", "objects", "judge-change",
    ),
}  # fmt: skip


class SectionedGroup(click.Group):
    """A group whose help lists its commands by section; commands without a section come last."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        listed = {name for names in SECTIONS.values() for name in names}
        others = tuple(name for name in self.list_commands(ctx) if name not in listed)
        for title, names in {**SECTIONS, "Others": others}.items():
            found = [(name, self.commands[name]) for name in names if name in self.commands]
            rows = [(name, each.get_short_help_str(200)) for name, each in found if not each.hidden]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
