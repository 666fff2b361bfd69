"""The sample: uniform, bounded, the same whatever the order, and it knows what repeats."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from gatehouse.monitor.sample import Hashes, Sample, merged


def hashes(count: int, seed: int = 0) -> Hashes:
    return np.random.default_rng(seed).integers(0, 2**64, count, np.uint64, endpoint=False)


def filled(size: int, *parts: Hashes) -> Sample:
    sample = Sample(size)
    for part in parts:
        sample.add(pa.table({"hash": part}), part)
    return sample


def test_every_record_is_as_likely() -> None:
    """Attacks a sample that prefers the first, the last, or those of a small part."""
    draws, count, size = 1000, 40, 10
    chosen = np.zeros(count)
    for seed in range(draws):
        drawn = hashes(count, seed)
        sample = filled(size, drawn[:3], drawn[3:35], drawn[35:])
        chosen += np.isin(drawn, sample.hashes)
    assert chosen.sum() == draws * size
    # Draws without replacement vary less than the multinomial of the test, by this factor.
    spread = (count - 1) / (count - size)
    observed = ((chosen - draws * size / count) ** 2 / (draws * size / count)).sum() * spread
    assert 0.001 < stats.chi2(count - 1).sf(observed) < 0.999


@given(
    st.lists(st.lists(st.integers(0, 60), max_size=30), min_size=1, max_size=5), st.integers(1, 20)
)
def test_merged_is_the_sample_of_all(parts: list[list[int]], size: int) -> None:
    """Attacks a merge that is not uniform, forgets how often records came, or grows."""
    arrays = [np.array(part, np.uint64) for part in parts]
    whole = filled(size, *arrays)
    together = merged([filled(size, array) for array in arrays])
    assert together.hashes.tolist() == whole.hashes.tolist()
    assert together.table.equals(whole.table) if together.seen else not whole.seen
    assert (together.seen, together.rows) == (whole.seen, whole.rows)
    assert len(together.hashes) <= size


@given(st.permutations(range(50)), st.integers(1, 60), st.integers(1, 9))
def test_the_order_does_not_count(order: list[int], size: int, part: int) -> None:
    """Attacks a sample that another order of files would change."""
    drawn = hashes(50)
    mixed = drawn[order]
    parts = [mixed[start : start + part] for start in range(0, 50, part)]
    sample = filled(size, *parts)
    assert sample.hashes.tolist() == np.sort(drawn)[:size].tolist()
    assert sample.table["hash"].to_pylist() == sample.hashes.tolist()
    assert sample.rows == 50


def test_the_size_is_bounded_at_all_times() -> None:
    """Attacks memory that grows with the log."""
    sample = Sample(100)
    for seed in range(200):
        drawn = hashes(90, seed)
        sample.add(pa.table({"hash": drawn}), drawn)
        assert sum(table.num_rows for table in sample._tables) <= 300
    assert sample.seen == sample.rows == 18_000
    assert len(sample.hashes) == sample.table.num_rows == 100


@pytest.mark.parametrize("size", [100, 1000, 100_000])
def test_repeated_records_are_told(size: int) -> None:
    """Attacks a count that takes a file that was read twice for more traffic."""
    drawn = hashes(20_000)
    sample = filled(size, drawn, drawn)
    assert (sample.seen, sample.rows) == (40_000, 20_000)
    half = filled(size, drawn, drawn[::2])
    assert half.seen == 30_000
    assert half.rows == pytest.approx(20_000, rel=3 / size**0.5 if size < 20_000 else 1e-9)
    assert filled(size, drawn).rows == 20_000


def test_nothing_is_a_sample_too() -> None:
    """Attacks a window without records."""
    sample = Sample(3)
    sample.add(pa.table({"hash": np.empty(0, np.uint64)}), np.empty(0, np.uint64))
    assert (sample.seen, sample.rows, len(sample.hashes)) == (0, 0, 0)
    with pytest.raises(ValueError, match="no record was given"):
        _ = sample.table
    assert merged([sample, sample]).rows == 0
