"""What the tests share: toy milestones beside the real ones, and runs in a folder of their own."""

from __future__ import annotations

import copy
import gc
import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import cast

import pytest
from hydra._internal.config_repository import ConfigRepository
from hydra.plugins.config_source import ConfigResult

import landmarks
from landmarks import catalog, config, data, execute, runs
from landmarks.errors import Interrupted
from landmarks.milestone import Batch, Milestone, Scalars
from landmarks.results import Run
from tests import toys

TOYS = {"tenth": "Tenth", "two_phases": "TwoPhases", "adversaries": "Adversaries"}


@pytest.fixture(scope="module")
def compose_once() -> Iterator[None]:
    """Hydra composes the same words once, and reads a file once: to compose is what takes time in some tests."""
    compose, load = config._compose, ConfigRepository.load_config
    trees: dict[tuple[str, ...], config.Tree] = {}
    files: dict[tuple[str, ...], ConfigResult | None] = {}

    def composed(overrides: list[str]) -> config.Tree:
        key = (str(config.folder()), *overrides)
        if key not in trees:
            trees[key] = compose(overrides)
        return copy.deepcopy(trees[key])

    def loaded(self: ConfigRepository, config_path: str) -> ConfigResult | None:
        key = (config_path, *(source.path for source in self.sources))
        if key not in files:
            files[key] = load(self, config_path)
        return copy.deepcopy(files[key])

    gc.freeze()  # what is imported stays: an eighth of the time was spent on looking through it again
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "_compose", composed)
        patch.setattr(ConfigRepository, "load_config", loaded)
        yield
    gc.unfreeze()


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder with an empty home."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("LANDMARKS_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def killed(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Sequence[str]], tuple[Run, Run]]:
    """Makes a run of a milestone whole, and once more, cut within its 51st step and resumed; returns both."""

    def twice(name: str, words: Sequence[str]) -> tuple[Run, Run]:
        whole = landmarks.run(name, *words, quiet=True)
        cls, count = catalog.milestone_class(name), itertools.count()
        ordinary = cls.step

        def step(self: Milestone, batch: Batch) -> Scalars:
            if next(count) == 50:
                raise KeyboardInterrupt("as kill -9: nothing is saved")
            return ordinary(self, batch)

        with monkeypatch.context() as patch:
            patch.setattr(cls, "step", step)
            with pytest.raises(Interrupted):
                landmarks.run(name, *words, quiet=True)
        cut = runs.find("last", "runs")
        execute.resume(cut, quiet=True)
        return whole, landmarks.load(cut)

    return twice


@pytest.fixture
def toy(workplace: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Adds a made-up milestone: a registration and a YAML text beside its class."""
    folder = workplace / "configs"
    shutil.copytree(config.folder(), folder)
    monkeypatch.setattr(config, "folder", lambda: folder)
    monkeypatch.setattr(data, "load", toys.load, raising=False)
    monkeypatch.setitem(
        cast("dict[str, data.Source]", data.SOURCES), "toy", data.Source("toy", "bits", "none", "few", "tests.toys")
    )

    def add(name: str) -> None:
        entry = catalog.Entry(name, "2026", "toy", "nobody", "logic", "none", "1 s", f"tests.toys:{TOYS[name]}")
        monkeypatch.setitem(catalog.CATALOG, name, entry)
        (folder / "milestone" / f"{name}.yaml").write_text(toys.YAML.format(name=name))

    return add
