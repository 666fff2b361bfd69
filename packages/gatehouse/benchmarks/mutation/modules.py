"""The modules that are mutated, and the tests of each."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
SOURCE = "src/gatehouse/"
FOLDER = "tests/gatehouse/"

# The tests of each module, cheapest first. Patterns of glob, so that a file may be split.
TESTS: dict[str, tuple[str, ...]] = {
    "judge.py": ("test_judge.py",),
    "changes.py": ("test_changes.py",),
    "typed.py": ("test_typed.py",),
    "base.py": ("test_base.py", "test_base_remote.py"),
    "github/alarm.py": ("github/test_alarm.py",),
    "github/alarm_retrain.py": ("github/test_alarm.py",),
    "github/alarm_text.py": ("github/test_alarm.py",),
    "trusted/archive.py": ("trusted/test_archive.py", "github/test_artifacts.py"),
    "trusted/basis.py": ("github/test_basis.py",),
    "trusted/candidate.py": ("trusted/test_candidate.py",),
    "github/cli.py": (
        "github/test_alarm.py",
        "github/test_comment.py",
        "github/test_refusing.py",
    ),
    "github/client.py": (
        "github/test_workflow.py",
        "github/test_find_target.py",
        "github/test_artifacts.py",
        "github/test_publish.py",
    ),
    "github/comment.py": ("github/test_comment.py",),
    "github/compose.py": (
        "github/test_compose.py",
        "github/test_replay.py",
        "github/test_refusing.py",
    ),
    "github/event.py": ("github/test_find_target.py",),
    "trusted/commits.py": ("trusted/test_commits.py",),
    "trusted/judgement.py": ("github/test_notes.py", "github/test_publish.py"),
    "github/judge_step.py": (
        "github/test_replay.py",
        "github/test_basis.py",
        "github/test_refusing.py",
        "github/test_judge_step.py",
    ),
    "github/kept.py": ("github/test_kept.py",),
    "trusted/candidate_key.py": ("github/test_kept.py", "github/test_refusing.py"),
    "github/monitor_result.py": ("github/test_alarm.py",),
    "trusted/measuring.py": ("trusted/test_measuring.py", "trusted/test_candidate.py"),
    "github/notes.py": ("github/test_notes.py", "github/test_replay.py"),
    "codeowners.py": ("test_codeowners.py", "github/test_settings.py"),
    "github/publish.py": ("github/test_publish.py",),
    "trusted/recording.py": (
        "github/test_replay.py",
        "github/test_recording.py",
        "github/test_judge_step.py",
    ),
    "trusted/reporting.py": ("github/test_replay.py",),
    "github/settings.py": ("github/test_settings.py",),
    "github/settings_api.py": ("github/test_settings.py",),
    "github/settings_steps.py": ("github/test_settings.py",),
    "github/find_target.py": ("github/test_find_target.py", "github/test_publish.py"),
    "github/workflow.py": ("github/test_workflow.py",),
}


def files_of(module: str) -> tuple[str, ...]:
    """The test files of a module, from the repository's root."""
    found: list[str] = []
    for pattern in TESTS[module]:
        files = sorted((ROOT / FOLDER).glob(pattern))
        if not files:
            sys.exit(f"{module}: no file is {FOLDER}{pattern}; edit TESTS in {Path(__file__).name}")
        found += [path.relative_to(ROOT).as_posix() for path in files]
    return tuple(dict.fromkeys(found))


@cache
def text_of(module: str) -> str:
    return (ROOT / SOURCE / module).read_text("utf-8")


def commit_here() -> str:
    words = ["git", "rev-parse", "HEAD"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    return found.stdout.strip()
