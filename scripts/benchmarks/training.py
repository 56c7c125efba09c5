"""A milestone in the shared loop, with its whole log, that goes on by a stretch of steps whenever it is asked to."""

from __future__ import annotations

import tempfile
import time
import weakref
from pathlib import Path
from typing import Any

import torch

from landmarks import assemble, catalog, compiling, config, execute, loop
from landmarks import device as devices
from landmarks.checkpoint import Checkpoints
from landmarks.logger import Console, Logger
from landmarks.milestone import Data, Decision, Milestone, Phase, Split
from landmarks.signals import Signals


class Stretches(loop.Loop):
    """Training alone is timed: where an evaluation is due the loop stops, measures nothing, and saves nothing.

    `losses`: the first scalar of a step, of each line of the log.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.losses: list[float] = []
        self.entered: Phase | None = None

    def _enter(self, phase: Phase) -> None:
        """Once for a phase: what is captured as a CUDA graph stays."""
        if self.entered is not phase:
            super()._enter(phase)
            self.entered = phase

    def _evaluate(self, phase: str) -> Decision:
        self._tick()
        return Decision.STOP

    def _measure(self, *splits: str) -> dict[str, float]:
        return {}

    def _save(self) -> None:
        pass

    def _write(self, phase: str, values: dict[str, float]) -> None:
        super()._write(phase, values)
        self.losses += [value for name, value in values.items() if name.startswith("train/")][:1]


class Training:
    """`Training("lenet", "batch_size=16", steps=250)()` makes 250 steps and returns the seconds that one took.

    On the CPU, unless the overrides say device=cuda. `data` in place of what the configuration names: random pictures
    of the right size. Nothing is compiled unless the overrides say compile=true; on CUDA a step is one graph anyway.
    """

    def __init__(self, name: str, *overrides: str, steps: int, data: Data | None = None) -> None:
        words = ["device=cpu", f"eval_every={steps}", "histograms=false", "figures=false", *overrides]
        composed = config.compose(name, words)
        if data is None:
            run = execute.Run(composed, quiet=True)
            self.milestone: Milestone = run.milestone
            self.data, self.settings, self.device = run.data, run.settings, run.device
        else:
            self.settings = assemble.settings_of(composed)
            self.device = devices.resolve(self.settings.device)
            self.milestone = catalog.milestone_class(name)(self.settings).to(self.device)
            self.data = data.to(self.device)
        compiling.check(self.milestone, self.device)
        if compiling.choose(self.milestone, self.device, lambda: 0).compiled:
            compiling.apply(self.milestone, print)
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        folder = Path(self.place.name)
        logger, store = Logger(folder, Console(quiet=True), name, self.milestone.claim), Checkpoints(folder, 1)
        weakref.finalize(self, logger.close)
        self.loop = Stretches(self.milestone, self.data, self.settings, self.device, logger, store, Signals())
        self.items_per_second = 0.0
        """Of the last stretch, by the clock of the benchmark; what the log says is `loop.speed`."""

    def __call__(self) -> float:
        training = self.loop
        training.state.stopped = False
        size = training.batches[training.state.phase].size * self.settings.replicas
        with devices.prepared(self.settings):
            start, first = time.perf_counter(), training.state.step
            training.run()
            elapsed = time.perf_counter() - start
        made = training.state.step - first
        self.items_per_second = made * size / elapsed
        return elapsed / made


def random_pictures(count: int, shape: tuple[int, ...], classes: int) -> Data:
    """A set of noise: a network takes as long over it as over photographs."""
    draw = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (count, *shape), dtype=torch.uint8, generator=draw)
    y = torch.randint(0, classes, (count,), generator=draw)
    return Data("noise", {"train": Split(x, y)}, "none")
