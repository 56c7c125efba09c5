"""The shared training loop. It knows phases, steps, rates, logs and checkpoints, and no milestone by name.

A state of training is (phase, step within it); the order of the data and the base rates are pure functions of it, so
that a run resumed from a checkpoint ends bit for bit where the uninterrupted one would have.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, NoReturn

import torch
from torch import Tensor

from landmarks import device as devices
from landmarks import graphs, measures, ranks
from landmarks.checkpoint import Checkpoints
from landmarks.data.batches import Batches
from landmarks.errors import Interrupted, NotFinite
from landmarks.logger import Logger, Silence
from landmarks.milestone import EACH, Batch, Data, Decision, Milestone, Phase, Scalars
from landmarks.randomness import torch_seed
from landmarks.settings import Settings
from landmarks.signals import Signals

REVISION = 1
"""Raised by hand when a change of the loop changes numbers."""


@dataclass
class State:
    """Where training is: `phase` and `at` (steps made in it) decide everything else; `step` counts on through all.

    `metrics` are the last values, `each` those of every replica where a milestone tells them. `cpu_seconds` are those
    of this process on all its cores together, which do not grow while others keep it waiting.
    """

    phase: int = 0
    at: int = 0
    step: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    each: dict[str, list[float]] = field(default_factory=dict)
    ended: bool = False
    stopped: bool = False


class Sums:
    """Running sums of a step's scalars on the device; one transfer gives the means since the last one.

    Of several processes each adds what its rows say, by their share of the batch.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.totals: dict[str, Tensor] = {}
        self.count = 0

    def add(self, scalars: Scalars) -> None:
        """A step's scalars; the loop counts the steps, as a step that was captured makes this call but once."""
        if not self.totals:
            self.totals = {name: torch.zeros((), device=self.device) for name in scalars}
        for name, value in scalars.items():
            self.totals[name].add_(value.detach() if value.requires_grad else value)

    def means(self) -> dict[str, float]:
        """The means so far; the one place where the host waits for the device."""
        if not self.count:
            return {}
        totals = torch.stack(list(self.totals.values()))
        if ranks.world > 1:
            self.keep(dict(zip(self.totals, ranks.summed(totals), strict=True)))
        values = totals.tolist()
        return {f"train/{name}": value / self.count for name, value in zip(self.totals, values, strict=True)}

    def keep(self, totals: dict[str, Tensor]) -> None:
        """Go on from sums over all processes, which the first one takes along."""
        self.totals = {name: total * int(ranks.first) for name, total in totals.items()}

    def clear(self) -> None:
        """Begin anew, in the same tensors: a captured step writes there."""
        for total in self.totals.values():
            total.zero_()
        self.count = 0


class Loop:
    """Trains one milestone on one device, out of and into one run's folder."""

    def __init__(
        self,
        milestone: Milestone,
        data: Data,
        settings: Settings,
        device: torch.device,
        logger: Logger | Silence,
        store: Checkpoints,
        signals: Signals,
    ) -> None:
        self.milestone = milestone
        self.data = data
        self.settings = settings
        self.device = device
        self.logger = logger
        self.store = store
        self.signals = signals
        self.phases = milestone.phases()
        self.batches = [Batches(phase, data, milestone, settings) for phase in self.phases]
        self.sums = Sums(device)
        self.state = State()
        self.marked, self.used = time.perf_counter(), time.process_time()
        self.busy, self.items, self.speed = 0.0, 0, 0.0
        self.stretch = 1 if ranks.world > 1 else sys.maxsize
        """How many steps are made, at most, until processes agree on whether to stop."""
        self.drawn = 0
        """The step of the last pictures."""
        self.captured: graphs.Captured | None = None
        """What makes the steps of a phase on CUDA."""
        self.rates: dict[str, float] = {}
        self.latest: dict[str, float] = {}
        """What was measured last, in this phase."""
        self.current: set[str] = set()
        """The splits that were measured with the weights as they are."""
        torch.manual_seed(torch_seed(settings.seed, settings.first_replica, "training"))

    def run(self) -> State:
        """Train to the end. Raises Interrupted after saving, NotFinite where a value is no longer finite."""
        state = self.state
        if self.phases and not state.step:
            self._draw()
        while state.phase < len(self.phases):
            self._train(self.phases[state.phase])
            if state.stopped:
                break
            state.phase, state.at, state.ended = state.phase + 1, 0, False
        if not self.phases:
            self._evaluate("")
            self.current = {*self._watched()}
            if self.signals.asked:
                raise Interrupted("interrupted", self.signals.asked)
        if rest := [name for name in self.data.splits if name not in self.current]:
            self._write("end", self._measure(*rest))
        return state

    def _train(self, phase: Phase) -> None:
        """One phase, in stretches that end where a log line, an evaluation or a checkpoint is due."""
        self._enter(phase)
        state, settings = self.state, self.settings
        length = self.length(state.phase)
        every = [
            n or self.batches[state.phase].per_epoch
            for n in (settings.log_every, settings.eval_every, settings.checkpoint_every)
        ]
        while state.at < length and not state.ended and not state.stopped:
            start = state.at
            due = min(length, start + self.stretch, *(start - start % n + n for n in every))
            with devices.autocast(self.device, settings.precision):  # of the steps alone: measures are in fp32
                self._steps(phase, due, log=due % every[0] == 0 or due == length)
            elapsed = self._tick()
            self.busy += elapsed
            if ranks.world > 1:
                self.stretch = self.signals.agree(elapsed / (state.at - start))
            last, asked = state.at == length, self.signals.asked
            if last or state.at % every[0] == 0:
                self._log(phase)
            if last or state.at % every[1] == 0:
                decision = self._evaluate(phase.name)
                state.ended, state.stopped = decision is Decision.END_PHASE, decision is Decision.STOP
                if last or state.ended or state.stopped or state.step >= 2 * self.drawn:
                    self._draw()
                if (state.ended or state.stopped) and self.sums.count:
                    self._log(phase)
            if last or state.ended or state.stopped or asked or state.at % every[2] == 0:
                self._save()
            if asked:
                raise Interrupted(f"interrupted at step {state.step}, saved", asked)
            self._progress(phase.name, length)
        self.current = set() if self.milestone.end_phase() else {*self._watched()}

    def _steps(self, phase: Phase, due: int, log: bool) -> None:
        """The tight stretch: nothing here waits for the device."""
        state, milestone, sums, signals = self.state, self.milestone, self.sums, self.signals
        batches, in_epochs = self.batches[state.phase], phase.epochs is not None and not phase.rate_by_step
        start = state.at
        per_epoch, batch = batches.per_epoch, batches.begin(start // batches.per_epoch)
        take = self.captured or self._add
        for at in range(start, due):
            epoch, position = divmod(at, per_epoch)
            if position == 0:
                batch, milestone.epoch = batches.begin(epoch), epoch
                milestone.begin_epoch(self.data)
                if self.captured:
                    self.captured.begin_epoch()
            self._set_rates(phase, at / per_epoch if in_epochs else at)
            if at == due - 1:
                milestone.watching = log
            if ranks.world == 1:
                take(batch(position))
            else:
                with ranks.dividing(batches.rows(position)) as mine:
                    sums.add({name: value * mine.share for name, value in milestone.step(batch(position)).items()})
            if signals.asked:
                due = at + 1
                break
        milestone.watching = False
        sums.count += due - start
        state.at, state.step = due, state.step + due - start
        self.items += (due - start) * batches.size * self.settings.replicas

    def length(self, index: int) -> int:
        """The steps of a phase."""
        return length(self.phases[index], self.batches[index].per_epoch)

    def _enter(self, phase: Phase) -> None:
        """Let only this phase's parameters learn, and forget the rates of the last one."""
        self.milestone.phase = phase
        self.milestone.train()
        for name, parameter in self.milestone.named_parameters():
            parameter.requires_grad_(not phase.trains or name.startswith(phase.trains))
        self.rates, self.latest = {}, {}
        if not self.sums.count:
            self.sums.totals = {}  # its scalars have names of their own
        self.captured = None
        if self.device.type == "cuda" and self.settings.compile is not False and ranks.world == 1:
            self.captured = graphs.Captured(self._add, self.milestone, graphs.Cuda(self.device), self.logger.say)

    def _add(self, batch: Batch) -> None:
        """One step on a batch, with its scalars added to the sums."""
        self.sums.add(self.milestone.step(batch))

    def _set_rates(self, phase: Phase, progress: float) -> None:
        """base(progress) × factor, written to the device only where it changed."""
        for name, schedule in phase.schedules.items():
            rate = schedule(progress) * self.milestone.factor
            if self.rates.get(name) != rate:
                self.rates[name] = rate
                for group in phase.optimizers[name].param_groups:
                    group["lr"].fill_(rate)

    def _log(self, phase: Phase) -> None:
        """Means since the last line, rates, gradient norms and speed: one transfer, one check, one write."""
        means = self._means()
        norms = {f"gradient/{name}": value for name, value in self.milestone.gradient_norms.items()}
        gradients = dict(zip(norms, torch.stack([*norms.values()]).tolist(), strict=True)) if norms else {}
        self._check(gradients)
        self.busy += self._tick()
        self.speed = self.items / self.busy
        self._write(
            phase.name,
            means
            | {f"rate/{name}": rate for name, rate in self.rates.items()}
            | gradients
            | {"speed/items_per_s": self.speed},
        )
        self.busy, self.items = 0.0, 0
        self.sums.clear()

    def _evaluate(self, phase: str) -> Decision:
        """Measure the splits that are only looked at (where there are none, the training set), then decide."""
        if names := self._watched():
            metrics = self._measure(*names)
            self._write(phase, metrics)
            said = {name: value for name, value in metrics.items() if not measures.of_one_replica(name)}
            values = "  ".join(f"{name} {measures.show(name, value)}" for name, value in said.items())
            self.logger.note(f"{phase}  epoch {self.milestone.epoch + 1:,}  step {self.state.step:,}  {values}")
        if self.settings.histograms:
            self.logger.histograms(self.state.step, self.milestone.named_parameters())
        self._tick()
        return self.milestone.decide(self.state.metrics)

    def _draw(self) -> None:
        """Pictures of what is learned: at the start, and at evaluations whose step has doubled or is a phase's last."""
        self.drawn = self.state.step
        if not self.settings.figures or not ranks.first:
            return
        self.milestone.eval()
        seed = torch_seed(self.settings.seed, self.settings.first_replica, "evaluation")
        with torch.no_grad(), devices.own_randomness(self.device, seed):
            self.logger.pictures(self.state.step, self.milestone.images(self.data))
        self.milestone.train()
        self._tick()

    def _watched(self) -> list[str]:
        """The splits that each evaluation measures: those that the phase names, or else the training set.

        A phase that names none measures none.
        """
        named = self.milestone.phase.measures if self.phases else Phase.measures
        return [name for name in named if name in self.data.splits] or ["train"] * bool(named)

    def _measure(self, *splits: str) -> dict[str, float]:
        """The splits' measures, with draws of their own. Raises NotFinite where one is not finite."""
        self.milestone.eval()
        measured = measure(self.milestone, self.data, splits, self.device)
        found, each = ranks.of_first(lambda: measured)  # what processes decide by must be the same to the last bit
        self.milestone.train()
        self._check(found)
        self.state.each |= each
        return found

    def _write(self, phase: str, values: dict[str, float]) -> None:
        self.latest |= {name: value for name, value in values.items() if not name.startswith("speed/")}
        self.state.metrics |= self.latest
        self.logger.scalars(self.state.step, phase, self.milestone.epoch + 1, self.state.seconds, values)

    def _tick(self) -> float:
        """Seconds since the last tick, added to the run's own time."""
        now, used = time.perf_counter(), time.process_time()
        elapsed, self.marked = now - self.marked, now
        self.state.seconds += elapsed
        self.state.cpu_seconds += used - self.used
        self.used = used
        return elapsed

    def _means(self) -> dict[str, float]:
        """The means since the last line. Raises NotFinite where one of them is not finite."""
        means = self.sums.means()
        self._check(means)
        return means

    def _check(self, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            if not math.isfinite(value):
                self._refuse(name)

    def _refuse(self, what: str) -> NoReturn:
        paths = self.store.paths()
        good = f"the last good checkpoint is {paths[0]}" if paths else "no checkpoint was written yet"
        rates = ", ".join(f"{name} {rate:g}" for name, rate in self.rates.items())
        at, remedy = (f" (rate: {rates})", "a smaller rate") if rates else ("", "other settings")
        raise NotFinite(f"step {self.state.step}: {what} is not finite{at}; {good}; start anew with {remedy}")

    def _save(self) -> None:
        """A checkpoint of everything that later steps depend on."""
        self._means()
        if not torch.stack([torch.isfinite(p).all() for p in self.milestone.parameters()]).all():
            self._refuse("a weight")
        self._tick()
        if ranks.world > 1:
            self.data.unreadable.update(*ranks.gathered(self.data.unreadable))
        if not ranks.first:
            return
        phase = self.phases[self.state.phase]
        state = {
            "state": vars(self.state).copy(),
            "length": [self.settings.epochs, self.settings.steps],
            "model": self.milestone.state_dict(),
            "factor": self.milestone.factor,
            "memory": self.milestone.memory,
            "optimizers": {name: optimizer.state_dict() for name, optimizer in phase.optimizers.items()},
            "sums": dict(self.sums.totals),
            "count": self.sums.count,
            "random": devices.random_state(self.device),
            "unreadable": sorted(self.data.unreadable),
            "metrics_bytes": self.logger.flush(),
        }
        self.store.save(self.state.step, state)
        self._tick()

    def restore(self, checkpoint: dict[str, Any]) -> None:
        """Stand where a checkpoint stood; what `decide` stopped there goes on if the run has become longer."""
        self.state = State(**checkpoint["state"])
        self.drawn = self.state.step
        same = checkpoint["length"] == [self.settings.epochs, self.settings.steps]
        passed = self.state.phase < len(self.phases) - 1  # a longer run would have gone on to the next phase, too
        self.state.ended, self.state.stopped = self.state.ended and (same or passed), self.state.stopped and same
        self.milestone.load_state_dict(checkpoint["model"])
        self.milestone.factor = checkpoint["factor"]
        self.milestone.memory = {name: kept.to(self.device) for name, kept in checkpoint["memory"].items()}
        phase = self.milestone.phase = self.phases[self.state.phase]
        self.milestone.epoch = max(self.state.at - 1, 0) // self.batches[self.state.phase].per_epoch
        for name, optimizer in phase.optimizers.items():
            optimizer.load_state_dict(checkpoint["optimizers"][name])
            for group in optimizer.param_groups:
                group["lr"] = group["lr"].to(self.device)
                if "capturable" in group:  # the checkpoint may come from another kind of device
                    group["capturable"] = self.device.type == "cuda"
        self.sums.keep({name: total.to(self.device) for name, total in checkpoint["sums"].items()})
        self.sums.count = checkpoint["count"]
        self.data.unreadable.update(checkpoint.get("unreadable", ()))
        devices.set_random_state(self.device, checkpoint["random"])

    def _progress(self, phase: str, length: int) -> None:
        state = self.state
        ahead = length - state.at + sum(self.length(later) for later in range(state.phase + 1, len(self.phases)))
        left = state.seconds / max(state.step, 1) * ahead
        loss = [name for name in self.latest if name.startswith("train/")][:1]
        others = [name for split in ("test/", "valid/", "train/") for name in self.latest if name.startswith(split)]
        measure = [name for name in others if not name.endswith("/loss") and name not in loss][:1]
        values = "  ".join(f"{name} {measures.show(name, self.latest[name])}" for name in loss + measure)
        most = "at most " if self.milestone.may_end_early else ""
        minutes, seconds = divmod(round(left), 60)
        clock = f"{minutes}:{seconds:02}" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
        speed = f"{self.speed:,.0f} items/s  " if self.speed else ""  # known from the first line of the log on
        self.logger.console.progress(f"{phase}  {state.at:,}/{length:,}  {values}  {speed}{most}{clock} left")


def patterns(milestone: Milestone, data: Data, settings: Settings) -> int:
    """How many patterns a training sees, over all its phases, those that come again counted again."""
    taken = [(phase, Batches(phase, data, milestone, settings)) for phase in milestone.phases()]
    return sum(length(phase, batches.per_epoch) * batches.size for phase, batches in taken)


def length(phase: Phase, per_epoch: int) -> int:
    """The steps of a phase."""
    return phase.steps if phase.steps is not None else (phase.epochs or 0) * per_epoch


class Measures(NamedTuple):
    """Values by name, and of some names the values of each replica."""

    values: dict[str, float]
    each: dict[str, list[float]]


def measure(
    milestone: Milestone, data: Data, splits: Iterable[str], device: torch.device, calibrate: bool = True
) -> Measures:
    """Measures of splits as `test/…`, of the training set as `train_set/…`, with draws that are the same each time.

    Without `calibrate` what measuring needs stays as a run's own data have made it.
    """
    settings = milestone.config
    seed = torch_seed(settings.seed, settings.first_replica, "evaluation")
    found = Measures({}, {})
    if calibrate:
        with torch.no_grad(), devices.own_randomness(device, seed):
            milestone.calibrate(data)
    for name in splits:
        with torch.no_grad(), devices.own_randomness(device, seed):
            measured = milestone.measure(data.splits[name])
        said = "train_set" if name == "train" else name
        for key, value in measured.items():
            if key.startswith(EACH):
                whole = value.int() if value.dtype == torch.bool else value
                found.each[f"{said}/{key.removeprefix(EACH)}"] = whole.tolist()
            else:
                found.values[f"{said}/{key}"] = float(value)
    return found
