"""Trials by Optuna: tree-structured Parzen estimator, median pruning, one shared storage.

Bergstra et al., "Algorithms for Hyper-Parameter Optimization", 2011; Akiba et al., "Optuna", 2019.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gatehouse.errors import GatehouseError
from gatehouse.evidence import Better
from gatehouse.gates.accuracy import AccuracyMeasure
from gatehouse.gates.metrics.metric import Metric
from gatehouse.interrupts import shielded
from gatehouse.pipeline.derived import Features
from gatehouse.pipeline.settings import TrainSettings, load_settings
from gatehouse.pipeline.spaces import Space
from gatehouse.policy import POLICY_FILE, load_policy
from gatehouse.remote import shown
from gatehouse.tune.space import applied, check, expanded, present, suggest
from gatehouse.workspace import Workspace

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial, Trial

FOLDER = Path(".gatehouse/tune")
LOCAL = f"sqlite:///{(FOLDER / 'study.db').as_posix()}"
STORAGE_VARIABLE = "GATEHOUSE_TUNE_STORAGE"

FOLD_VALUES = "folds"
SETTINGS = "settings"
PRESENT = "present"
ERROR_TOLD = "error"
"""Attributes stored with a trial: values by fold, its settings, those of params.yaml, its error."""

_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Plan:
    """The definition of a study's trials.

    Attributes:
        storage: SQLAlchemy URL of the database that all workers share.
        name: of the study; equal definitions have the same study.
        trials: total number of trials in the study, including those of earlier calls.
        metric: by which the trials are judged.
        measure: how policy.yaml measures metrics.
        features: derived features, as in params.yaml.
    """

    storage: str
    name: str
    trials: int
    folds: int
    metric: Metric
    measure: AccuracyMeasure
    space: Space
    settings: TrainSettings
    features: Features


def plan_of(workspace: Workspace, storage: str | None, trials: int | None) -> Plan:
    """Return the plan from params.yaml, the contract and the current data.

    Raises:
        GatehouseError: a setting is wrong, or there is no prepared data.
    """
    from gatehouse.pipeline.trainer import find_trainer
    from gatehouse.seal import data_digest
    from gatehouse.tune.metric import metric_of

    settings = load_settings()
    policy = load_policy(workspace.root / POLICY_FILE)
    metric = metric_of(workspace.contract, policy, settings.tune.metric)
    space = settings.tune.space or find_trainer(settings.train.trainer).tried
    check(space, settings.train)
    question = {
        "contract": workspace.contract.digest,
        "data": data_digest(workspace.prepared),
        "features": settings.model_dump(mode="json")["features"],
        "train": expanded(settings.train),
        "space": {key: over.model_dump(mode="json") for key, over in space.items()},
        "folds": settings.tune.folds,
        "metric": metric.name,
    }
    for key in space:  # tuned settings are not part of the study's identity
        _forget(question["train"], key)
    digest = hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()
    return Plan(
        storage=storage or os.environ.get(STORAGE_VARIABLE) or LOCAL,
        name=f"{settings.train.trainer}-{digest[:12]}",
        trials=trials or settings.tune.trials,
        folds=settings.tune.folds,
        metric=metric,
        measure=policy.measure.accuracy,
        space=space,
        settings=settings.train,
        features=settings.features,
    )


def open_study(plan: Plan, seed: int | None = None, *, first: bool = True) -> optuna.Study:
    """Open the study, and create it if it is new.

    Args:
        plan: of the study.
        seed: makes a single worker's draws reproducible; several with one seed would draw the same.
        first: whether to try the current settings if they were not tried yet.

    Raises:
        GatehouseError: the storage can't be reached, or its driver is not installed.
    """
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    from gatehouse.remote import one_line

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if plan.storage == LOCAL:
        FOLDER.mkdir(parents=True, exist_ok=True)
    waits = {"connect_args": {"timeout": 60}} if plan.storage.startswith("sqlite") else {}
    try:
        storage = optuna.storages.RDBStorage(plan.storage, engine_kwargs=waits)
        study = optuna.create_study(
            storage=storage,
            study_name=plan.name,
            direction="minimize" if plan.metric.better is Better.LOWER else "maximize",
            load_if_exists=True,
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0),
        )
        trials = study.get_trials(deepcopy=False)
        now = present(plan.space, plan.settings)
        if now and first and not any(_is_known(trial, now) for trial in trials):
            study.enqueue_trial(now, user_attrs={PRESENT: now})
        if seed is not None:
            # Depends on the number of trials, so that a resumed study does not draw the same trial
            # again.
            study.sampler = optuna.samplers.TPESampler(seed=seed + len(trials))
    except ImportError as error:  # Optuna's own, which names the driver only in its text
        raise GatehouseError(
            f"{_name(plan.storage)}: its driver is not installed ({one_line(error)[:200]}); add it "
            "to requirements/extras.in and `make lock`"
        ) from None
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, ValueError) as error:
        raise GatehouseError(
            f"{_name(plan.storage)}: cannot be used as storage ({one_line(error)}); it is a "
            f"URL such as {LOCAL} or postgresql+psycopg://host/database"
        ) from None
    return study


def _name(storage: str) -> str:
    """Return the part of the storage's URL that may be shown."""
    return shown(storage) if "://" in storage else "the storage"


def finished(study: optuna.Study) -> int:
    """Count the trials that ended, including pruned and failed ones."""
    return sum(counts(trial) for trial in study.get_trials(deepcopy=False))


def _is_known(trial: FrozenTrial, settings: dict[str, Any]) -> bool:
    """Return whether it tries or tried these settings; interrupted trials are tried again."""
    waits = trial.state.name == "WAITING"
    return trial.user_attrs.get(PRESENT) == settings and (waits or counts(trial))


def counts(trial: FrozenTrial) -> bool:
    """Return whether the trial ended by itself rather than being interrupted."""
    return trial.state.is_finished() and (
        trial.state.name != "FAIL" or ERROR_TOLD in trial.user_attrs
    )


def search(plan: Plan, workers: int, report: Callable[[optuna.Study], None]) -> optuna.Study:
    """Run trials until the study has the planned number; return the study.

    Args:
        plan: what to try.
        workers: number of processes on this machine; others may share the storage.
        report: called after each trial, or occasionally with several workers.

    Raises:
        GatehouseError: the current settings can't be trained, or a worker failed.
    """
    study = open_study(plan, plan.settings.seed if workers == 1 else None)
    if finished(study) >= plan.trials:
        return study
    if workers == 1:
        _work(plan, study, report)
        return study
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_worker, args=(plan,)) for _ in range(workers)]
    try:
        for process in processes:
            with shielded():
                process.start()
            # SQLite has no row locks: two processes that look at once would both take the waiting
            # trial.
            while process.is_alive() and _waiting(study):
                process.join(_POLL_SECONDS)
        for process in processes:
            while process.is_alive():
                process.join(_POLL_SECONDS)
                report(study)
    finally:
        for process in processes:
            if process.pid is not None:
                process.terminate()
                process.join()
    if any(process.exitcode for process in processes):
        raise GatehouseError("a worker failed; the reason is above")
    return study


def _waiting(study: optuna.Study) -> bool:
    return any(trial.state.name == "WAITING" for trial in study.get_trials(deepcopy=False))


def _worker(plan: Plan) -> None:
    import sys

    from gatehouse import exits

    try:
        _work(plan, open_study(plan, first=False), lambda _: None)
    except GatehouseError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(exits.ERROR)


def _work(plan: Plan, study: optuna.Study, report: Callable[[optuna.Study], None]) -> None:

    from gatehouse.tune.folds import folds_of

    folds = list(folds_of(Workspace(), plan.folds, plan.features))

    def after(study: optuna.Study, trial: FrozenTrial) -> None:
        report(study)
        if PRESENT in trial.user_attrs and ERROR_TOLD in trial.user_attrs:
            raise GatehouseError(trial.user_attrs[ERROR_TOLD])
        if finished(study) >= plan.trials:
            study.stop()

    study.optimize(
        lambda trial: _value(trial, plan, folds), callbacks=[after], catch=(GatehouseError,)
    )


def _value(trial: Trial, plan: Plan, folds: list[Any]) -> float:
    """Return the mean over the folds; prune a trial that is worse than most on the first."""
    import optuna

    from gatehouse.pipeline.trainer import find_trainer
    from gatehouse.tune.metric import value_on

    changes = suggest(trial, plan.space)
    trial.set_user_attr(SETTINGS, changes)
    settings = applied(plan.settings, changes)
    trainer = find_trainer(settings.trainer)
    values: list[float] = []
    for step, fold in enumerate(folds):
        try:
            with tempfile.TemporaryDirectory() as folder, _quiet():
                trained = trainer(fold.data, settings, Path(folder))
            values.append(value_on(fold, trained, settings, plan.metric, plan.measure))
        except GatehouseError as error:
            trial.set_user_attr(ERROR_TOLD, str(error))
            raise
        trial.set_user_attr(FOLD_VALUES, values)
        mean = sum(values) / len(values)
        trial.report(mean, step)
        if step + 1 < len(folds) and trial.should_prune():
            raise optuna.TrialPruned
    return mean


def _forget(values: Any, key: str) -> None:
    *above, last = key.split(".")
    for part in above:
        values = values[part]
    del values[last]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Suppress trainers' output: for hundreds of models, it would hide the tuning's own."""
    with (
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        contextlib.redirect_stdout(nowhere),
    ):
        yield
