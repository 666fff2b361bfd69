"""The files that a fork edits are valid and fit together, whatever its data and its model are.

Together with tests/pipeline this is what a fork's pull request runs (`make test-fork`). The rest of
the tests are the machinery's: they read the sample in tests/sample, or files of their own.
"""

from pathlib import Path

ROOT = Path(__file__).parents[2]
