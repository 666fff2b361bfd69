"""Questions of `gatehouse init`: without a terminal, it prints the default that it takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from gatehouse.report.escape import plain


@dataclass(frozen=True)
class Questions:
    """Ask a person, or take the defaults.

    Attributes:
        interactive: whether there is a terminal with a user.
    """

    interactive: bool

    def yes(self, question: str, *, default: bool, note: str) -> bool:
        """Return the answer to a yes-or-no question; `note` is printed if the default is used."""
        if self.interactive:
            return click.confirm(plain(question, 300), default=default, err=True)
        self.tell(note)
        return default

    def choose(self, question: str, choices: Sequence[str], *, default: str, note: str) -> str:
        """Return one of `choices`."""
        if self.interactive:
            answer: str = click.prompt(
                plain(question, 300), type=click.Choice(choices), default=default, err=True
            )
            return answer
        self.tell(note)
        return default

    def tell(self, line: str) -> None:
        """Print on standard error which default was taken."""
        click.echo(plain(line, 400), err=True)
