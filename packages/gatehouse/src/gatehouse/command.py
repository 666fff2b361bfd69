"""How every `gatehouse` command ends: exit codes and error messages."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from gatehouse.errors import GatehouseError
from gatehouse.exits import ERROR, INTERRUPTED

HELP = {"help_option_names": ["-h", "--help"]}
"""Context settings of every group; click's help shows the help option that was used first."""

EXTRAS = frozenset(("keras", "mlflow", "optuna", "tensorboard"))
"""Modules from the package set that is installed on request (requirements/extras.in)."""


def command(function: Callable[..., int]) -> Callable[..., None]:
    """Exit with the function's code.

    A user's error prints a message and exits with 2, without a traceback. Ctrl-C prints a message
    and exits with 130.
    """

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            code = function(*args, **kwargs)
        except GatehouseError as error:
            click.echo(f"error: {error}", err=True)
            code = ERROR
        except ModuleNotFoundError as error:
            click.echo(f"error: {_not_installed(error)}", err=True)
            code = ERROR
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader closed the pipe, as in `| head`. Output that nobody read must not count as
            # a pass.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = ERROR
        except OSError as error:
            message = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            click.echo(f"error: {message}", err=True)
            code = ERROR
        sys.exit(code)

    return wrapped


def _not_installed(error: ModuleNotFoundError) -> str:
    """Return what to install.

    If a module of our own is missing, that is our bug, and the traceback is shown.
    """
    name = (error.name or "").partition(".")[0]
    if name in ("", "gatehouse", "pipeline"):
        raise error
    if name in EXTRAS:
        return f"this needs {name}, which is in the set of packages extras: make setup EXTRAS=1"
    return f"this needs the package {name}, which is not installed: make setup, or pip install it"
