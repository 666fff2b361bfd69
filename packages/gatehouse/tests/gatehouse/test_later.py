"""Attacks imports that wait: one that does not, and one that never comes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gatehouse.later import loaded_later


def test_a_module_runs_when_it_is_first_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Attacks the wait, for a module and for one of a package, and imports after the block."""
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").touch()
    for name in ("slow", "package/slow", "after"):
        (tmp_path / f"{name}.py").write_text(f"print({name!r})\nvalue = 1\n")
    (tmp_path / "library.py").write_text("import slow\nfrom package import slow as other\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("slow", "package", "package.slow", "after", "library"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    with loaded_later("slow", "package.slow", "after", "no_such_module"):
        import library  # type: ignore[import-not-found]

        with pytest.raises(ModuleNotFoundError):
            import no_such_module  # type: ignore[import-not-found] # noqa: F401
    assert capsys.readouterr().out == ""
    assert library.slow.value == library.other.value == 1
    assert capsys.readouterr().out == "slow\npackage/slow\n"
    import after  # type: ignore[import-not-found] # noqa: F401

    assert capsys.readouterr().out == "after\n"
