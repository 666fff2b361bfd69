"""What is true of the template alone: its README and pages, its sample, that it is nobody's.

A repository made from it changes these, and rightly so. No run of pytest comes here unless it is
sent here (`norecursedirs` in pyproject.toml): `make test-template` does, and `.ci/run`, the
template's own CI, runs that. A fork may delete this folder.
"""
