"""Who can accept a failure here: the users who own the policy, and teams that an App can read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gatehouse.codeowners import OWNERS_FILE, owners_of, parse
from gatehouse.doctor.finding import Area, Finding
from gatehouse.errors import GatehouseError
from gatehouse.github.acceptors import is_alone, is_user
from gatehouse.github.settings_api import Api
from gatehouse.github.settings_steps import APP_VARIABLE
from gatehouse.ownership import PLACEHOLDER
from gatehouse.policy import POLICY_FILE, load_policy

AREA = Area("github")
_APP = "give the App the organization permission Members: read (docs/github.md), or name users too"


def check_acceptors(root: Path, repo: str, api: Api) -> Iterator[Finding]:
    """Yield the policy's owners whose acceptance counts, and those whose acceptance does not."""
    text = (root / OWNERS_FILE).read_text("utf-8") if (root / OWNERS_FILE).is_file() else ""
    rules = parse(text)
    named = owners_of(rules, POLICY_FILE.as_posix())
    if not named or PLACEHOLDER in named:
        return  # reported with the settings
    users = [each for each in named if is_user(each)]
    if users:
        yield AREA.fine(f"can accept a failure: {', '.join(users)}")
    owner = repo.partition("/")[0]
    teams = [each for each in named if each.lower().startswith(f"@{owner.lower()}/")]
    if teams:
        yield _of_teams(teams, repo, api)
    if others := [each for each in named if each not in (*users, *teams)]:
        yield AREA.warning(
            f"{', '.join(others)} owns {POLICY_FILE}, and cannot accept a failure",
            f"name users, or teams of {owner}, in .github/ownership.txt",
        )
    alone = is_alone(each for rule in rules for each in rule.owners)
    if load_policy(root / POLICY_FILE).solo and not alone:
        yield AREA.warning(
            f"{POLICY_FILE} says solo, so each owner can accept a change of their own",
            "take the line away, now that there are several owners",
        )


def _of_teams(teams: list[str], repo: str, api: Api) -> Finding:
    """Check whether the App that sets the status can read the members of these teams."""
    whose = f"members of {', '.join(teams)} can accept a failure"
    variable = api.read(f"repos/{repo}/actions/variables/{APP_VARIABLE}")
    if not variable or not variable["value"]:
        return AREA.warning(
            f"no {whose}: no App reads who is in the team",
            f"make an App that may read members (docs/github.md), or name users of {POLICY_FILE}",
        )
    try:
        listed: Any = api.read(f"orgs/{repo.partition('/')[0]}/installations?per_page=100")
    except GatehouseError as error:
        return AREA.unseen(f"whether {whose}: {str(error).splitlines()[0]}", _APP)
    found = [
        each
        for each in (listed or {}).get("installations", [])
        if str(each["app_id"]) == variable["value"]
    ]
    if not found:
        return AREA.unseen(f"whether {whose}: only the organization's owners see its Apps", _APP)
    if "members" not in found[0]["permissions"]:
        return AREA.warning(f"no {whose}: the App may not read who is in the team", _APP)
    return AREA.fine(whose)
