"""The comment on the pull request: the report and its surroundings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gatehouse.acceptance.command import show
from gatehouse.acceptance.offer import Offer
from gatehouse.report.escape import code, prose
from gatehouse.report.links import PICTURE

MARK = "<!-- gatehouse -->"
"""The mark by which our own code finds the comment again; CML uses its own watermark."""

TRAINING = "src/pipeline/"
"""Code that the gates never run: they judge its results."""

_OWNED_SHOWN = 3
# In characters of Markdown; escaping can turn one character of a hostile text into eight. GitHub's
# limit is 65,536, the report has up to 60,000, and a watermark is added later.
_OWNED_LIMIT = 2_000
_PROBLEM_LIMIT = 700
_ANSWERS_SHOWN = 3
_NO_APP = (
    "⚠️ No App sets the status `gatehouse`: whoever can write here can set it too (docs/github.md)."
)


@dataclass(frozen=True)
class Surroundings:
    """The parts of a comment other than the report.

    Attributes:
        commit: the judged commit.
        run: address of the pull request's workflow run.
        run_here: address of the judging run, whose artifacts have all numbers.
        owned: changed files that need a code owner's approval, with their owners.
        recorded: whether the run will be committed to the pull request's branch.
        training: number of changed files with training code; None without a pull request.
        offers: what an owner may accept.
        app: whether an App sets the status, so that users with write access cannot.
    """

    commit: str
    run: str
    run_here: str = ""
    owned: Mapping[str, Sequence[str]] = field(default_factory=dict)
    recorded: bool = False
    training: int | None = None
    offers: tuple[Offer, ...] = ()
    app: bool = True

    def with_training(self, training: int | None) -> Surroundings:
        return replace(self, training=training)

    def with_owners(self, owned: Mapping[str, Sequence[str]]) -> Surroundings:
        return replace(self, owned=owned)

    def with_offers(self, offers: tuple[Offer, ...]) -> Surroundings:
        return replace(self, offers=offers)


def judged_comment(report: str, problems: Sequence[str], around: Surroundings) -> str:
    """Return the comment on a judged candidate; `report` is our own Markdown."""
    parts = [MARK, *_offers(around)]
    if problems:
        listed = "\n".join(f"> - {_short(text)}" for text in problems)
        parts.append(f"> [!CAUTION]\n> Whatever the gates say, this can't merge:\n{listed}")
    parts += [*_owners(around), report.strip(), _foot(around)]
    return "\n\n".join(parts) + "\n"


def answer_comment(
    report: str, problems: Sequence[str], around: Surroundings, answers: Mapping[int, str]
) -> str:
    """Return the comment after an owner's command: as `judged_comment`, plus rejected comments.

    Args:
        report: our own Markdown.
        problems: what blocks the merge besides the gates.
        around: the other parts of the comment.
        answers: why a comment does not count, by its number.
    """
    text = judged_comment(report, problems, around)
    if not answers:
        return text
    newest = sorted(answers.items(), reverse=True)[:_ANSWERS_SHOWN]
    lines = [f"- [comment {n}](#issuecomment-{n}): {prose(why, 200)}" for n, why in newest]
    section = "### Comments that do not count\n\n" + "\n".join(lines)
    return text.replace(f"\n\n{_foot(around)}", f"\n\n{section}\n\n{_foot(around)}")


def _offers(around: Surroundings) -> list[str]:
    """Return the comment's first lines: the commands that turn it green, ready to copy."""
    lines = []
    for offer in around.offers:
        who = ", ".join(map(code, offer.by)) or "An owner of `policy.yaml`"
        lines.append(
            f"✍️ {who} can accept this failure for this change alone: comment, with a reason:\n"
            f"```text\n{show(offer.rules, offer.scope.digest)}\n```"
        )
    return lines


def refused_comment(why: str, around: Surroundings) -> str:
    """Return the comment if nothing could be judged."""
    lines = [
        MARK,
        "## ❌ Gatehouse: not judged",
        f"{prose(why[:1].upper() + why[1:], 1000)}.",
        "### What to do next",
        f"- Fix what it names, and push; [the run]({around.run}) has the details.\n"
        "- If nothing is wrong with your change, run the failed jobs again.",
        _foot(around),
    ]
    return "\n\n".join(lines) + "\n"


def unjudged_comment(branch: str, judged: Sequence[str], around: Surroundings) -> str:
    """Return the comment on a pull request into a branch without gates.

    Args:
        branch: the base of the pull request.
        judged: the branches that have gates, the default one first.
        around: the other parts of the comment.
    """
    lines = [
        MARK,
        "## ⚪ Gatehouse: not judged",
        f"This pull request goes into {code(branch)}. Gatehouse judges pull requests into "
        f"{', '.join(map(code, judged))}.",
        f"### What to do next\n\n"
        f"- Change its base to {code(judged[0])} (_Edit_, next to the title): it is judged then.\n"
        f"- Or list {code(branch)} in `policy.yaml` of {code(judged[0])}, under `bases`, with a "
        "status of its own.",
        _foot(around),
    ]
    return "\n\n".join(lines) + "\n"


def _short(text: str) -> str:
    kept = _PROBLEM_LIMIT
    while len(shown := prose(text, kept)) > _PROBLEM_LIMIT:
        kept = kept * 3 // 4
    return shown


def training_files(changed: Iterable[str]) -> int:
    """Count the changed paths that contain training code."""
    return len({path for path in changed if path.startswith(TRAINING)})


def _training(around: Surroundings) -> list[str]:
    if around.training is None:
        return []
    count = around.training
    changed = f"{count} file{'s' * (count != 1)} changed" if count else "unchanged"
    return [f"code that trains: {changed}"]


def _owners(around: Surroundings) -> list[str]:
    if not around.owned:
        return []
    shown: list[str] = []
    for path, owners in around.owned.items():
        each = f"{code(path)} ({', '.join(map(code, owners))})"
        if len(shown) == _OWNED_SHOWN or len(", ".join([*shown, each])) > _OWNED_LIMIT:
            shown.append(f"and {len(around.owned) - len(shown)} more")
            break
        shown.append(each)
    return [f"🔐 Needs a code owner (the gates' rules or code change): {', '.join(shown)}"]


def _foot(around: Surroundings) -> str:
    parts = [f"Commit {around.commit}", f"[checked and trained here]({around.run})"]
    if around.run_here:
        parts.append(f"[judged here]({around.run_here})")
    parts += _training(around)
    if around.recorded:
        parts.append("recorded: `git pull` first")
    foot = f"<sub>{' · '.join(parts)}</sub>"
    return foot if around.app else f"{foot}<br><sub>{_NO_APP}</sub>"


def picture_at(server: str, repository: str, commit: str) -> str:
    """Return the address of the image that a commit records.

    Args:
        server: address of GitHub.
        repository: `owner/name`.
        commit: its hash.
    """
    return f"{server}/{repository}/raw/{commit}/reports/{PICTURE}"
