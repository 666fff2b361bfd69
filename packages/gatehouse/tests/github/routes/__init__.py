"""The calls that the stand-in for GitHub knows; importing this registers them."""

from tests.github.routes import actions, data, issues, pulls, repository

__all__ = ["actions", "data", "issues", "pulls", "repository"]
