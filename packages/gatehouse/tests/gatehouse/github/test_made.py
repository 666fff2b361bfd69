"""Attacks `model-from-run`: a model that no honest run made is never green without an owner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gatehouse.github.start import start_run
from gatehouse.trusted.candidate import outputs_of
from gatehouse.trusted.handover import Measured, evidence_digests
from gatehouse.verdict import Outcome, Verdict
from gatehouse.workspace import VERDICT, Workspace
from tests.gatehouse.github.asking import green, lead, red, trained, write
from tests.gatehouse.github.fork import Fork, measure_by_hand
from tests.gatehouse.github.hub import PIPELINE, READ
from tests.shared import NAMES

EARLIER, LATER = "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"


@pytest.mark.parametrize("paths", [(), ("params.yaml",), ("src/pipeline/network2.py", "README.md")])
def test_modelling_asks_nobody(asking: Fork, paths: tuple[str, ...]) -> None:
    """Another seed, another setting, a new module: the run made the model."""
    green(asking, asking.finish(trained(asking, *paths)))


@pytest.mark.parametrize("path", ["Makefile", ".github/workflows/pipeline.yml"])
def test_a_change_of_what_runs(asking: Fork, path: str) -> None:
    """With the base's data and model nothing is asked; with another model an owner is."""
    judged = asking.judge(asking.finish(asking.pull_request(lambda: write(asking, path))))
    assert judged.overall.state == "success", judged.overall.text
    red(asking, asking.finish(trained(asking, path)), f"the change brings another {path}")


def test_a_branch_behind_its_base(asking: Fork) -> None:
    """Attacks with an older workflow than the default branch's tip has: update the branch."""
    pull = trained(asking)
    event = asking.finish(pull)
    asking.work.git("checkout", "-q", "-f", "main")
    write(asking, "Makefile")
    lead(asking)
    asking.work.git("checkout", "-q", "-f", "change")
    red(asking, event, "update the branch: main has another Makefile")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"path": ".github/workflows/pull-request.yml"}, "has no run on this commit"),
        ({"head_repository": "eve/model"}, "fork"),
    ],
)
def test_another_workflow_and_a_fork(asking: Fork, more: dict[str, Any], message: str) -> None:
    """Attacks with a candidate of another workflow's run, and of a fork's."""
    if "head_repository" in more:
        pull = asking.pull_request(asking.retrain, branch="theirs", lock=True, **more)
        red(asking, asking.finish(pull), message)
        return
    event = asking.finish(trained(asking), **more)
    judged = asking.judge(event)
    assert judged.overall.state == "failure"
    assert message in judged.overall.text


def test_the_newest_attempt_s_only_candidate(asking: Fork) -> None:
    """Attacks with two candidates in one attempt, and with one of an older attempt."""
    event = asking.finish(trained(asking))
    asking.github.artifact(asking.runs, "candidate-twin", asking.candidate())
    red(asking, event, "the run uploaded 2 candidates")

    event = asking.finish(trained(asking))
    run = asking.github.state.runs[asking.runs]
    run.attempt, run.started = 2, LATER
    red(asking, event, "older attempt")


def test_a_base_that_was_another_one_when_the_run_began(asking: Fork) -> None:
    """Attacks by retargeting: the run took another branch's workflow, then main is the base."""
    pull = trained(asking)
    event = asking.finish(pull)
    asking.github.state.pulls[pull].events.append(("base_ref_changed", LATER))
    red(asking, event, f"#{pull} did not go into main")
    asking.github.state.pulls[pull].events[:] = [("base_ref_changed", EARLIER)]
    green(asking, event)
    # A second pull request of the branch, closed since.
    asking.github.git.git("update-ref", "refs/heads/evil", "refs/heads/main")
    other = asking.open("change", base_branch="evil")
    asking.github.state.pulls[other].state = "closed"
    asking.github.state.pulls[other].closed = LATER
    asking.github.state.pulls[other].created = EARLIER
    red(asking, event, f"#{other} did not go into main")


def test_a_push_that_changes_nothing_that_trains(asking: Fork) -> None:
    """Its run makes nothing: the candidate of the earlier run is judged, and is green."""
    pull = trained(asking)
    event = asking.finish(pull)
    green(asking, event)
    asking.publish(event)
    follow(asking, "README.md")
    judged = green(asking, asking.finish(pull, upload=False))
    assert not judged.record, "it is recorded already"


def follow(fork: Fork, *paths: str) -> None:
    """The author takes what was recorded, and pushes a commit."""
    fork.work.git("fetch", "-q", str(fork.github.origin), "change")
    fork.work.git("checkout", "-q", "-f", "-B", "change", "FETCH_HEAD")
    for path in paths:
        write(fork, path)
    fork.work.commit("more")
    fork.push("change")


def test_a_push_after_an_owner_s_word(asking: Fork) -> None:
    """A model that needs an owner is not made anew by other words, so that a word on it holds."""
    pull = trained(asking, "Makefile")
    event = asking.finish(pull)
    red(asking, event, "the change brings another Makefile")
    (offer,) = (line for line in asking.said().splitlines() if line.startswith("/gatehouse accept"))
    asking.publish(event)
    follow(asking, "README.md")
    red(asking, asking.finish(pull, upload=False), "the change brings another Makefile")
    assert offer in asking.said().splitlines()


@pytest.mark.parametrize("path", ["params.yaml", "src/pipeline/x.py"])
def test_an_archive_that_claims_equal_inputs(asking: Fork, path: str) -> None:
    """Attacks with an earlier candidate under the same name: the Git tree says what is equal."""
    pull = trained(asking)
    event = asking.finish(pull)
    green(asking, event)
    asking.publish(event)
    follow(asking, path)
    judged = asking.judge(asking.finish(pull, upload=False))
    assert judged.overall.state == "failure"
    assert "uploaded no candidate" in judged.overall.text


def test_a_reverted_evil_commit_below_a_clean_diff(asking: Fork) -> None:
    """Attacks with the candidate of an earlier push whose workflow was another one."""
    pull = trained(asking, ".github/workflows/pipeline.yml")
    red(asking, asking.finish(pull), "pipeline.yml")
    asking.work.git("revert", "--no-edit", "HEAD")
    asking.push("change")
    judged = asking.judge(asking.finish(pull, upload=False))
    assert "uploaded no candidate" in judged.overall.text


def test_a_revert_of_a_retraining(asking: Fork) -> None:
    """What main once recorded is green without an owner, whoever made the archive."""
    old = (asking.root / "dvc.lock").read_text()
    asking.work.git("checkout", "-q", "-f", "main")
    record(asking)
    asking.retrain()
    record(asking)
    asking.run(head_branch="main", head_sha=asking.work.git("rev-parse", "HEAD").strip())
    asking.upload()  # main's data and model, which are the base's now

    def revert() -> None:
        (asking.root / "dvc.lock").write_text(old)

    event = asking.finish(asking.pull_request(revert, lock=True))
    asking.github.artifact(asking.runs, "candidate-twin", asking.candidate())
    green(asking, event)


def record(fork: Fork) -> None:
    """Main's tip records what lies here, as the gates would have."""
    verdict = Verdict(
        outcome=Outcome.PASS, candidate=Workspace(fork.root).present(), base=None, policy="p",
        policy_from="here", rules=(), errors={},
    )  # fmt: skip
    verdict.write(fork.root / VERDICT)
    lead(fork)


def test_a_runner_that_served_another_run(asking: Fork) -> None:
    """Attacks with a machine of one's own that is used again; one for each run is fine."""
    own = {"name": "Pipeline", "labels": ["self-hosted", "gpu"]}
    event = asking.finish(asking.pull_request(), jobs=[own | {"runner_id": 3}])
    green(asking, event)
    red(asking, asking.finish(trained(asking), jobs=[own | {"runner_id": 3}]), "ephemeral")
    green(asking, asking.finish(trained(asking), jobs=[own | {"runner_id": 4}]))


def test_models_from_elsewhere(asking: Fork) -> None:
    """`model: recorded`: each changed model needs an owner, and the base's needs none."""
    asking.work.git("checkout", "-q", "-f", "main")
    write(asking, "policy.yaml", "model: recorded\n")
    lead(asking)
    judged = asking.judge(asking.finish(asking.pull_request()))
    assert judged.overall.state == "success", judged.overall.text
    red(asking, asking.finish(trained(asking)), "it was not made here")


def test_what_the_measuring_process_says_of_it_is_dropped(
    asking: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attacks with evidence, made beside a stranger's files, that says all is well."""
    from gatehouse.evidence import evidence_path, read_evidence
    from gatehouse.origin import with_origin
    from gatehouse.workspace import EVIDENCE

    def forging(folder: Path, draws: str) -> Measured:
        measured = measure_by_hand(folder, draws)
        path = evidence_path(folder / EVIDENCE, "rows")
        with_origin(read_evidence(path, "rows"), None).write(path)
        made = measured.made | evidence_digests(folder, NAMES)
        return measured.model_copy(update={"made": made})

    monkeypatch.setattr("gatehouse.trusted.measuring.measure_all", forging)
    red(asking, asking.finish(trained(asking, "Makefile")), "Makefile")


def test_a_diff_of_the_lock_alone(asking: Fork) -> None:
    """Attacks with a dvc.lock that names data and a model of its own, and nothing else changed.

    The run starts from the base's record, so that its model is judged, and the lock is corrected.
    """
    main = asking.work.git("show", "main:dvc.lock")
    wanted = outputs_of(main, "main's")

    for number, text in enumerate((None, "schema: '2.0'\nstages: {}\n", "no: [lock", "")):

        def change(text: str | None = text) -> None:
            asking.retrain()
            if text is not None:
                (asking.root / "dvc.lock").write_text(text)

        pull = asking.pull_request(change, branch=f"lock{number}", lock=True)
        head = asking.head(pull)
        asking.run(head_branch=f"lock{number}", head_sha=head, conclusion=None, **PIPELINE)
        records = asking.folder / f"records{number}"
        records.mkdir()
        repository = asking.connect(READ)
        assert start_run(repository, asking.runs, records, asking.trusted, "main") == ""
        assert (records / "dvc.lock").read_text() == main
        # From this record nothing is trained: what the run uploads is the base's.
        asking.reset()
        event = asking.finish(pull)
        judged = green(asking, event)
        assert judged.record, "the lock has to be corrected"
        asking.publish(event)
        recorded = asking.head(pull)
        assert recorded != head
        assert (asking.state(head), asking.state(recorded)) == ("pending", "success")
        corrected = asking.github.git.git("show", f"{recorded}:dvc.lock")
        assert outputs_of(corrected, "corrected") == wanted
