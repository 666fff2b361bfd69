"""Questions of `gatehouse init`: without a terminal, it prints the default that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from gatehouse.report.escape import plain


@dataclass(frozen=True)
class Questions:
    """Asks a person, or takes the defaults.

    Attributes:
        asked: is there a terminal, and somebody at it?
    """

    asked: bool

    def yes(self, question: str, *, default: bool, note: str) -> bool:
        """The answer to a yes-or-no question; `note` is printed if the default answers it."""
        if self.asked:
            return click.confirm(plain(question, 300), default=default, err=True)
        self.tell(note)
        return default

    def choose(self, question: str, choices: Sequence[str], *, default: str, note: str) -> str:
        """One of `choices`."""
        if self.asked:
            answer: str = click.prompt(
                plain(question, 300), type=click.Choice(choices), default=default, err=True
            )
            return answer
        self.tell(note)
        return default

    def tell(self, line: str) -> None:
        """Say on standard error what was taken."""
        click.echo(plain(line, 400), err=True)
