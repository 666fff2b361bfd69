"""A change on its way with a cloud's role in the place of keys, with the workflows run for real."""

from __future__ import annotations

from tests.github.tokens import BEARER, serving
from tests.workflows.world import World

ROLE = "arn:aws:iam::123456789012:role/"


def test_a_change_is_trained_judged_and_kept_without_a_key(world: World) -> None:
    """Attacks the way of what was fetched by another job, and a step that measures with a token.

    One token per job that fetches or pushes: of the run that trains, of the judge, of Keep. Here
    every step has what asks for one, as on GitHub every step of such a job has.
    """
    world.variables = {"CLOUD_IDENTITY": f"{ROLE}read", "CLOUD_PUSH_IDENTITY": f"{ROLE}add"}
    pull = world.open(lambda fork: fork.replace("params.yaml", "epochs: 6", "epochs: 7"))
    with serving() as tokens:
        offered = {
            "ACTIONS_ID_TOKEN_REQUEST_URL": tokens.url,
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": BEARER,
        }
        run, checked = world.check(pull, environment=offered)
        assert checked.code == 0, checked.log[-6000:]
        assert checked.results["fetch"] == checked.results["pipeline"] == "success"
        assert tokens.asked == ["sts.amazonaws.com"]
        assert "can't be read" not in checked.log
        judged = world.judge(run, environment=offered)
        assert judged.code == 0, judged.log[-6000:]
        assert judged.results["keep"] == "success", judged.log[-6000:]
        assert len(tokens.asked) == 3
    assert world.status(world.tip("change")).startswith("success: ")
    for log in (checked.log, judged.log):
        assert "token-" not in log.replace("add-mask::token-", ""), "a token is shown"
