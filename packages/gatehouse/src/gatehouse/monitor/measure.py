"""Measure windows of the inference log with the gates that judge pull requests.

Drift compares rows and predictions of a window with the training rows, and with the test split's
predictions, of the model that served them. With a season, enough windows for a complete cycle are
pooled, so that the cycle is the same on both sides. The newest window is then also compared with
those one, two and more cycles before.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property

import pandas as pd

from gatehouse.contract import UNLISTED, Contract
from gatehouse.errors import GatehouseError
from gatehouse.evidence import Evidence, Measurement, Of, Subject
from gatehouse.gates.accuracy import ACCURACY
from gatehouse.gates.accuracy import measure as accuracy
from gatehouse.gates.drift import measure as drift
from gatehouse.gates.fairness import measure as fairness
from gatehouse.gates.predictions import Predictions
from gatehouse.gates.tools import versions
from gatehouse.monitor import logged
from gatehouse.monitor.gates import watched_gates
from gatehouse.monitor.labels import Labels, check_protected
from gatehouse.monitor.sample import Sample, merged
from gatehouse.monitor.scan import PLACE, Scan
from gatehouse.monitor.verdict import SEASON_AGO
from gatehouse.policy import Policy, show_span
from gatehouse.workspace import Workspace


@dataclass(frozen=True)
class Watched:
    """A model in production: its log, its training data, and labels that arrived later."""

    scan: Scan
    model: str
    reference: Workspace
    policy: Policy
    labels: Labels | None

    @property
    def contract(self) -> Contract:
        return self.reference.contract

    @property
    def cycle(self) -> int:
        """Number of pooled windows; 1 without a season."""
        season, window = self.policy.monitor.season, self.scan.span.window
        return season // window if season is not None else 1

    def sample(self, number: int) -> Sample:
        return self.scan.of(number, self.model)

    def pooled(self, number: int) -> Sample:
        """Return the window and, with a season, the earlier windows that complete the cycle."""
        return merged([self.sample(number + back) for back in range(self.cycle)])

    def before(self, number: int) -> Sample:
        """Return the windows one, two and more cycles before; an empty sample if there are none."""
        back = range(number + self.cycle, self.scan.span.windows, self.cycle)
        return merged([Sample(self.scan.size), *(self.sample(each) for each in back)])

    def logged(self, number: int) -> pd.DataFrame:
        """Return the logged columns of a window's sampled records, [N, columns].

        Raises:
            GatehouseError: the window has no record.
        """
        sample = self.sample(number)
        if not sample.seen:
            raise GatehouseError(f"no record of this model {self._when(number)}")
        return _rows(sample, self.contract)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The training rows, as the log would store them."""
        rows = self.reference.split("train")[list(self.contract.logged)]
        for name, column in self.contract.logged.items():
            if column.categories is not None:
                listed = rows[name].isna() | rows[name].isin(column.categories)
                rows[name] = rows[name].where(listed, UNLISTED)
        return drift.sample_rows(rows, self.policy.measure.drift, self.policy.measure.seed)

    @cached_property
    def reference_predictions(self) -> pd.Series:
        """The part of the model's predictions on its own test split that can drift."""
        settings, seed = self.policy.measure.drift, self.policy.measure.seed
        rows = drift.sample_rows(self.reference.split("test"), settings, seed)
        return drift.predictions_of(self.reference.model, rows)

    def measure_drift(self, number: int) -> list[Measurement]:
        """Return measurements of the drift gate on a window.

        Raises:
            GatehouseError: the window has no record.
        """
        self.logged(number)  # raises if this window is empty
        pooled = self.pooled(number)
        new = _rows(pooled, self.contract)
        settings, seed = self.policy.measure.drift, self.policy.measure.seed
        tests = drift.compare_tables(self.rows, new, list(new), settings, seed)
        predicted = logged.drifting(pooled.table, self.contract)
        tests.append(
            drift.compare_predictions(self.reference_predictions, predicted, settings.rare_level)
        )
        if self.cycle > 1 and self.before(number).seen:
            tests += self._against_cycles_before(number)
        joint = drift.compare_jointly(self.rows, new, list(new), settings, seed)
        return [drift.schema_changes(self.rows, new), *drift.adjusted(tests), joint]

    def _against_cycles_before(self, number: int) -> list[drift.Test]:
        now, then = self.sample(number), self.before(number)
        new, old = _rows(now, self.contract), _rows(then, self.contract)
        settings, seed = self.policy.measure.drift, self.policy.measure.seed
        tests = drift.compare_tables(old, new, list(new), settings, seed)
        before, after = (logged.drifting(each.table, self.contract) for each in (then, now))
        tests.append(drift.compare_predictions(before, after, settings.rare_level))
        return [replace(test, slice=test.slice + SEASON_AGO) for test in tests]

    def measure_accuracy(self, number: int, policy: Policy) -> list[Measurement]:
        """Return metrics on the window's labelled records.

        Raises:
            GatehouseError: there are none.
        """
        predictions, _ = self.answered(number)
        measured = accuracy.measure_models({Of.CANDIDATE: predictions}, policy)
        return measured + logged.not_logged([Of.CANDIDATE], self.contract.task)

    def measure_fairness(self, number: int, policy: Policy) -> list[Measurement]:
        """Return group metrics and gaps on the window's labelled records.

        Raises:
            GatehouseError: there are none, or the labels lack a protected attribute.
        """
        predictions, truth = self.answered(number)
        check_protected(truth, self.contract)
        return fairness.measure_rows(truth, self.contract.protected, [predictions], policy)

    def labelled(self, number: int) -> int:
        """Count the labelled records of a window."""
        return self._with_label(number).rows

    @cached_property
    def label_window(self) -> int:
        """Return the newest window with enough labels, else with any: labels arrive late."""
        rules = self.policy.rules.values()
        enough = max((r.minimum_n for r in rules if r.gate == ACCURACY.name), default=1)
        numbers = range(self.scan.span.windows)
        for least in (max(enough, 1), 1):
            for number in numbers:
                if self.labelled(number) >= least:
                    return number
        return 0

    def _with_label(self, number: int) -> Sample:
        return self.scan.labelled.get((number, self.model)) or Sample(self.scan.size)

    def answered(self, number: int) -> tuple[Predictions, pd.DataFrame]:
        """Return predictions and labels of a window's labelled records, [N, columns].

        Raises:
            GatehouseError: there are none.
        """
        sample = self._with_label(number)
        if self.labels is None or not sample.seen:
            raise GatehouseError(f"no label belongs to a record of this model {self._when(number)}")
        table = sample.table
        truth = self.labels.frame.iloc[table[PLACE].to_numpy()].reset_index(drop=True)
        return logged.predictions(table, truth, self.contract), truth

    def _when(self, number: int) -> str:
        start, end = self.scan.span.start(number), self.scan.span.end(number)
        return f"from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC"

    def subject(self, number: int = 0) -> Subject:
        """Return the subject of a window's evidence."""
        digest = hashlib.sha256(self._when(number).encode())
        digest.update(self.pooled(number).hashes.tobytes())
        digest.update(self._labels_digest)
        return Subject(
            contract=self.contract.digest, data=f"sha256:{digest.hexdigest()}", model=self.model
        )

    @cached_property
    def _labels_digest(self) -> bytes:
        if self.labels is None:
            return b""
        digest = hashlib.sha256(self.labels.hashes.tobytes())
        digest.update(pd.util.hash_pandas_object(self.labels.frame).to_numpy().tobytes())
        return digest.digest()

    def evidence(self, gate: str, number: int = 0, policy: Policy | None = None) -> Evidence | str:
        """Return evidence of a window (0 is the newest), or why there is none.

        `policy` overrides the measuring settings. The newest window's accuracy and fairness are
        measured on `label_window`, as their slices show.
        """
        policy = policy or self.policy
        spec = next(each for each in watched_gates(self.policy) if each.name == gate)
        watch = spec.production
        assert watch is not None
        silent = self.scan.silent
        if number == 0 and self.sample(0).seen and silent > self.scan.span.window / 2:
            return (
                f"nothing was logged for {show_span(silent)}, more than half of a window; does the "
                "service log, and does its log arrive here?"
            )
        late = number == 0 and watch.labels and self.label_window > 0
        window = self.label_window if late else number
        try:
            measurements = watch.measure(self, window, policy)
        except GatehouseError as error:
            return str(error)
        return Evidence(
            gate=gate,
            candidate=self.subject(number),
            base=self.reference.subject(spec),
            settings=policy.settings(spec),
            tools=versions(*watch.tools),
            measurements=tuple(self._dated(measurements) if late else measurements),
        )

    def _dated(self, measurements: list[Measurement]) -> list[Measurement]:
        """Add the window to measurements that are not of the newest one."""
        when = f"labels {self._when(self.label_window)}"
        return [
            m.model_copy(update={"note": f"{m.note}; {when}" if m.note else when})
            for m in measurements
        ]


def _rows(sample: Sample, contract: Contract) -> pd.DataFrame:
    """Return the logged columns of sampled records, without columns that the log lacks."""
    row = sample.table["row"].combine_chunks()
    held = [name for name in contract.logged if row.type.get_field_index(name) >= 0]
    return pd.DataFrame({name: row.field(name).to_pandas() for name in held})
