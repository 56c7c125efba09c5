"""What the tests share: toy milestones beside the real ones, and runs in a folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from landmarks import catalog, config, data
from tests import toys

TOYS = {"tenth": "Tenth", "two_phases": "TwoPhases", "adversaries": "Adversaries"}


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LANDMARKS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def toy(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Adds a made-up milestone: a registration and a YAML text beside its class."""
    folder = workplace / "configs"
    shutil.copytree(config.folder(), folder)
    monkeypatch.setattr(config, "folder", lambda: folder)
    monkeypatch.setattr(data, "load", toys.load, raising=False)

    def add(name: str) -> None:
        entry = catalog.Entry(name, "2026", "toy", "nobody", "logic", "none", "1 s", f"tests.toys:{TOYS[name]}")
        monkeypatch.setitem(catalog.CATALOG, name, entry)
        (folder / "milestone" / f"{name}.yaml").write_text(toys.YAML.format(name=name))

    return add
