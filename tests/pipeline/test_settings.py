"""Settings of the data: what cannot work is refused with file, line, key and fix."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.sample import SAMPLE

from gatehouse.errors import GatehouseError
from pipeline.settings import load_settings


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("source: simulated", "source: oracle", "data.source"),
        ("rows: 48842", "rows: 5", "data.simulated.rows"),
        ("seed: 0\n    drift", "seed: 18446744073709551616\n    drift", "data.simulated.seed"),
        ("drift: 0.0", "drift: .nan", "data.simulated.drift"),
        ("label_bias: 0.0", "label_bias: 1.5", "data.simulated.label_bias"),
        ("missingness: 1.0", "missingness: -1", "data.simulated.missingness"),
        ("label_bias: 0.0", "labelbias: 0.0", "data.simulated.labelbias"),
    ],
)
def test_bad_settings_name_their_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    """Attacks settings that would fail late, or be ignored."""
    text = (SAMPLE / "params.yaml").read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "params.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(GatehouseError) as caught:
        load_settings(path)
    assert f" {key}: " in str(caught.value)
    assert str(path) in str(caught.value)
