"""Whether an alarm starts a retraining: once for each served model, and only if it may help."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gatehouse.github.client import connect, setting, telling
from gatehouse.github.monitor_result import Judged, MonitorResult
from gatehouse.places import PARAMS
from gatehouse.policy import Policy
from gatehouse.typed import parse_yaml, read_text
from gatehouse.verdict import Outcome

if TYPE_CHECKING:
    from github.Repository import Repository

WORKFLOW = "retrain.yml"
BRANCHES = "retrain-"
"""Prefix of the branches from which the workflow opens pull requests."""


@dataclass(frozen=True)
class RetrainDecision:
    """Whether to start a retraining, and the issue's text about it, as Markdown."""

    start: bool
    text: str


def plan(
    repository: Repository,
    look: MonitorResult,
    policy: Policy,
    model: str | None,
    retrained: frozenset[str],
    data: str,
) -> RetrainDecision:
    """Decide what to do about a monitoring result that did not pass.

    Args:
        repository: accessed with a token that may read pull requests.
        look: the result that did not pass.
        policy: of the default branch.
        model: digest of the served model, if known.
        retrained: digests of the models for which a retraining was started.
        data: value of the repository variable RETRAIN_DATA; empty if unset.
    """
    if not policy.monitor.retrain:
        return RetrainDecision(
            False, "None is started by itself: `monitor.retrain` in `policy.yaml` is off."
        )
    if model in retrained:
        return RetrainDecision(
            False,
            f"One was started for this model already, or may have been ({_seen()}). Whether its "
            "run failed or its pull request is red: no other is started until another model is "
            "served. Run _Retrain_ by hand to try again.",
        )
    if not isinstance(look, Judged) or not measured_failures(look, policy):
        return RetrainDecision(
            False,
            "None is started: nothing that was measured lies beyond its limit, so more training "
            "would not fix it.",
        )
    if waiting := _open_pull(repository):
        return RetrainDecision(False, f"None is started: {waiting} is open. Merge or close it.")
    if not data:
        return RetrainDecision(
            False,
            "None is started: the repository variable `RETRAIN_DATA` is empty, and training again "
            "on the data that this model learned from would change nothing. Add new rows by "
            "`gatehouse data add`, or set the variable.",
        )
    if _has_secret(data):
        return RetrainDecision(
            False,
            "None is started: the URL in the repository variable `RETRAIN_DATA` holds a password "
            "or a query, such as a signature, and a retraining would show it to everyone who "
            "reads here. Name one without, and give the keys to the environment.",
        )
    return RetrainDecision(
        True,
        f"This look starts one, with the data that the repository variable `RETRAIN_DATA` names "
        f"({_seen()}). The result is a pull request, judged like any other.",
    )


def may_have_started() -> str:
    """Return the issue's text if GitHub answered the start with an error, or not at all."""
    return (
        f"This look tried to start one, and GitHub answered by an error, so it may run or not: see "
        f"{_seen()}. No other is started for this model; run _Retrain_ by hand if none is there."
    )


def start(data: str, issue_url: str) -> None:
    """Start the workflow on the default branch with one call that is never retried.

    If the current rows come from a file, the new rows are added to them. Replacing them would
    remove the exam, which needs an owner's approval.

    Raises:
        GatehouseError: GitHub answered with an error, or not at all; the workflow may have started
            even so.
    """
    with telling(f"start the workflow {WORKFLOW}"):
        connect(once=True).get_workflow(WORKFLOW).create_dispatch(
            setting("GITHUB_REF_NAME"),
            {
                "data": data,
                "append": str(_reads_a_file()).lower(),
                "reason": f"Production's alarm: {issue_url}",
            },
            throw=True,
        )


def _reads_a_file() -> bool:
    """Return whether the settings here name a file of rows."""
    settings = parse_yaml(read_text(PARAMS), PARAMS)
    data = settings.get("data") if isinstance(settings, dict) else None
    return isinstance(data, dict) and data.get("source") == "file"


def measured_failures(look: Judged, policy: Policy) -> list[str]:
    """Return the rules of the monitor's gates whose measured value is beyond its limit.

    Errors, and rules that are undecided for lack of rows or labels, are not included.
    """
    return [
        result.rule
        for result in look.verdict.rules
        if result.gate in policy.monitor.gates
        and result.blocks
        and any(finding.outcome is Outcome.FAIL for finding in result.findings)
    ]


def _open_pull(repository: Repository) -> str | None:
    """Return the number of an open retraining pull request, if any."""
    here = setting("GITHUB_REPOSITORY")
    with telling("list the open pull requests"):
        for pull in repository.get_pulls(state="open"):
            source = pull.head.repo
            if pull.head.ref.startswith(BRANCHES) and source and source.full_name == here:
                return f"#{pull.number}"
    return None


def _has_secret(data: str) -> bool:
    """Return whether a URL has a password or a query."""
    # Parsed by hand, because a password may contain any character.
    rests = [part.partition("://")[2] for part in data.split("::")]
    return any("?" in rest or "#" in rest or ":" in rest.rpartition("@")[0] for rest in rests)


def _seen() -> str:
    """Return where to find the runs and pull requests of retrainings, as Markdown."""
    place = f"{setting('GITHUB_SERVER_URL')}/{setting('GITHUB_REPOSITORY')}"
    pulls = f"{place}/pulls?q=is%3Apr+head%3A{BRANCHES}"
    return f"[Actions]({place}/actions/workflows/{WORKFLOW}), [pull requests]({pulls})"
