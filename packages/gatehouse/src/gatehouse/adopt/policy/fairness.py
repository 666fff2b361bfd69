"""Rules of the fairness gate."""

from __future__ import annotations

from gatehouse.adopt.policy.sizes import Groups, Sizes
from gatehouse.adopt.policy.words import rule
from gatehouse.contract import Task


def fairness_rules(task: Task, groups: Groups, sizes: Sizes) -> list[str]:
    unsure = {True: "warn", False: "pass"}
    few = "too few rows to compare all groups: what can't be measured passes"
    if task is Task.REGRESSION:
        gaps = [
            ("loss", "group_loss_difference", 0.25, "fail", groups.some,
             "Errors must not be larger for one group than for another"),
            ("bias", "mean_error_difference", 0.25, "fail", groups.some,
             "No group may be put too high or too low more than another"),
        ]  # fmt: skip
    else:
        gaps = [
            ("equalized-odds", "equalized_odds_difference", 0.25, "fail", groups.some_of_class,
             "Errors must not fall on one group much more than on another"),
            ("parity", "demographic_parity_difference", 0.10, "warn", groups.some,
             "Groups are decided on at unlike rates; the labels may do so too, people must know"),
        ]  # fmt: skip
    if task is Task.MULTICLASS:
        gaps.append(
            ("accuracy", "accuracy_score_difference", 0.25, "warn", groups.some,
             "The model must not be right for one group much more often than for another")
        )  # fmt: skip
    sigma = "in standard deviations of the target" if task is Task.REGRESSION else ""
    return [
        "\n",
        *(
            rule(
                f"fairness-{name}", "fairness", measurement, why,
                comment="\n".join(filter(None, [sigma, "" if enough else few])),
                slice="*", at_most=limit, on_fail=on_fail if on_fail == "warn" else None,
                inconclusive=unsure[enough],
            )
            for name, measurement, limit, on_fail, enough, why in gaps
        ),
        *(
            rule(
                f"fairness-{name}-base", "fairness", measurement,
                "Not less fair than the base beyond this",
                # On 600 test rows, trainings of one network differ by 0.05, and surely so.
                of="comparison", slice="*", at_most=0.10 if sizes.few else 0.05,
                inconclusive="pass",
            )
            for name, measurement, _, on_fail, _, _ in gaps
            if on_fail == "fail"
        ),
    ]  # fmt: skip
