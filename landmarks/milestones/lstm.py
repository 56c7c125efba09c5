"""Long short-term memory (Hochreiter and Schmidhuber 1997): errors that stay what they are over a thousand steps.

S. Hochreiter, J. Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1735–1780 (1997). Equations, tables
and the appendix are numbered as there. New: a linear unit that feeds itself with the weight 1.0 (the constant error
carousel, CEC), written and read through learned multiplicative gates, and a truncated gradient that is exact inside it.
There is no forget gate (that is of 2000), no peephole, and h and g are not tanh(x): see `parts/memory_cells.py`.

Shapes: R replicas learn side by side; x (R, B, T) symbols or (R, B, T, n); through time it is (T, R, B, …).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from landmarks.cards.lstm import CARD, claim_of, concluded
from landmarks.claims import Claim
from landmarks.data.sequences import TASKS, SequenceSettings, lengths, sizes
from landmarks.errors import UsageError
from landmarks.milestone import EACH, Batch, Data, Decision, Layer, Milestone, Phase, Scalars, Split
from landmarks.parts import memory_cells as memory
from landmarks.parts.compiled_cells import CompiledCells
from landmarks.parts.recurrent import Model, RecurrentNets
from landmarks.parts.replicas import ReplicaDescent, Streak, spread
from landmarks.settings import NOT_NEGATIVE, POSITIVE, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    lr: Annotated[float, POSITIVE]
    clip: Annotated[float, POSITIVE] | None


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A replica has learned its task when of its last `window` sequences at most `wrong` are wrong, which is when any
    output errs by `tolerance` or more, and their mean absolute error is below `error`. Strings (task 1) are judged by
    the order of the outputs. `counted`: the window's own sequences are among those that learning took."""

    tolerance: Annotated[float, POSITIVE] | None
    window: Annotated[int, POSITIVE]
    wrong: Annotated[int, NOT_NEGATIVE]
    error: Annotated[float, POSITIVE] | None
    counted: bool


@dataclass(frozen=True, kw_only=True)
class LSTMConfig(Settings):
    precision: Literal["fp32", "tf32"]
    data: SequenceSettings
    model: Model
    gradient: Literal["truncated", "full"]
    update: Literal["sequence", "step"]
    targets: Literal["legal", "next", "end"]
    operator: Literal["torch", "cpp"]
    batch_size: Annotated[int, POSITIVE]
    optimizer: Optimizer
    criterion: Criterion


def check(config: LSTMConfig) -> None:
    """Raise UsageError for what does not go together."""
    model, task = config.model, TASKS[config.data.name]
    if config.steps is None or config.epochs is not None or config.eval_every is None:
        raise UsageError("steps: lstm's length is in updates, so steps and eval_every must be numbers and epochs null")
    if config.gradient == "truncated" and model.cell != "lstm1997":
        raise UsageError(f"gradient must be full for model.cell={model.cell}: the truncated one is of lstm1997")
    if config.update == "step" and (config.gradient == "full" or not task.stepwise):
        raise UsageError("update must be sequence, unless gradient=truncated and the task has targets at every step")
    if config.targets != "legal" and config.data.name != {"next": "reber", "end": "random_lag"}[config.targets]:
        raise UsageError(
            f"targets={config.targets}: is without effect on data.name={config.data.name}; leave it at legal"
        )
    if model.shortcut and not task.stepwise:
        raise UsageError(f"model.shortcut must be false for {config.data.name}, which asks at the end alone")
    if config.operator == "cpp" and not model.gated:
        raise UsageError(f"operator must be torch for model.cell={model.cell}: cpp is of lstm1997 and lstm2000")
    if (config.criterion.tolerance is None) != (config.data.name == "reber"):
        raise UsageError("criterion.tolerance must be null for reber, whose strings are judged by the order of outputs,"
                         " and a number for all others")  # fmt: skip
    rule = config.criterion
    if config.data.name == "reber" and (rule.window, rule.wrong, rule.error, rule.counted) != (1, 0, None, True):
        raise UsageError("criterion.window, wrong, error and counted must be 1, 0, null and true for reber, of which no"
                         " string of either set may be missed")  # fmt: skip
    if config.data.block % config.batch_size:
        raise UsageError(f"data.block must be a multiple of batch_size ({config.batch_size}), got {config.data.block}")
    if config.criterion.tolerance is not None and config.criterion.window < config.batch_size:
        raise UsageError(f"criterion.window must be at least batch_size, got {config.criterion.window}")


class LSTM(Milestone):
    """One hidden layer through time and an output layer, R of them at once.

    Buffers: `done` (R,), who has met the criterion and is frozen; `sequences` (R,), how many each had seen by then (so
    far, where it has not), without those of a window that is not counted; `first` (R,), when its mistakes were first
    few enough (task 3: ST1), 0 before; `recent` (R,), its errors since the last evaluation, which `memory["error"]`
    keeps for the pictures. `memory["stretch"]` is the sum of the losses since then, and of how many updates.
    """

    Config = LSTMConfig
    card = CARD
    replicated = True
    may_end_early = True
    config: LSTMConfig
    done: Tensor
    sequences: Tensor
    first: Tensor
    recent: Tensor

    def __init__(self, config: LSTMConfig) -> None:
        super().__init__(config)
        check(config)
        self.task = TASKS[config.data.name]
        self.nets = RecurrentNets(config.model, *sizes(config.data), self.task.stepwise)
        self.nets.start(config.seed, config.first_replica, config.replicas)
        replicas, rule = config.replicas, config.criterion
        self.register_buffer("done", torch.zeros(replicas, dtype=torch.bool))
        self.register_buffer("sequences", torch.zeros(replicas, dtype=torch.int64))
        self.register_buffer("first", torch.zeros(replicas, dtype=torch.int64))
        self.register_buffer("recent", torch.zeros(replicas))
        self.streak = Streak(replicas, rule.window, rule.wrong, rule.error)
        self.alone = False

    def forward(self, x: Tensor) -> Tensor:
        """The outputs (S, R, B, m) of x (R, B, T) or (R, B, T, n)."""
        nets = self.nets
        return nets.answer(self.seen(nets.asked(nets.hidden(x), x)), x)

    def check_data(self, data: Data) -> None:
        """With operator=cpp what trains are the compiled cells. Raises UsageError where there can be none."""
        if self.config.operator == "cpp":
            self.nets.cells = CompiledCells(next(iter(data.splits.values())).x.device)

    def phases(self) -> tuple[Phase, ...]:
        """One; in tasks 2a and 2b the cell comes in once the links from inputs to outputs alone learn no more."""
        config = self.config
        self.learning = self.done.logical_not()
        self.memory["stretch"] = self.recent.new_zeros(2)

        def phase(name: str, trains: tuple[str, ...]) -> Phase:
            learned = [p for n, p in self.named_parameters() if not trains or n in trains]
            rule = ReplicaDescent(learned, self.learning, config.optimizer.clip)
            rates = {"main": lambda step: config.optimizer.lr}
            measures = ("train", "test") if config.data.name == "reber" else ()
            return Phase(
                name, {"main": rule}, rates, steps=config.steps, batch_size=config.batch_size, order="sequential",
                trains=trains, measures=measures,
            )  # fmt: skip

        with_cells = phase("gradient descent", ())
        return (phase(ALONE, ("nets.shortcut",)), with_cells) if config.model.shortcut else (with_cells,)

    def step(self, batch: Batch) -> Scalars:
        """One update by the sequences of a batch, or one after each of their steps (`update`)."""
        x, y = batch
        self.alone = self.phase.name == ALONE
        torch.logical_not(self.done, out=self.learning)
        self.sequences.add_(x.shape[1] * self.learning)
        clean, target = self.targets(x, y)
        if self.config.gradient == "full":
            output = self(x)
            error = (output - target) * self.asked(x)
            self.descend(0.5 * error.square().sum())
        else:
            output = self.by_step(x, target) if self.config.update == "step" else self.by_sequence(x, target)
            error = (output - target) * self.asked(x)
        return self.note(x, output.detach(), clean, error.detach())

    @torch.inference_mode()
    def by_sequence(self, x: Tensor, target: Tensor) -> Tensor:
        """The truncated gradient over whole sequences, added up, then one change of the weights (eq. 19)."""
        nets = self.nets
        tape = nets.cells.run(nets.form, nets.net(x), nets.recurrent)
        seen = self.seen(nets.asked(tape.y[1:, ..., : nets.form.cells], x))
        output = nets.answer(seen, x)
        error = nets.by_output((output - target) * self.asked(x), output)
        self.change(nets.judge(x, error, seen, tape))
        return output

    @torch.inference_mode()
    def by_step(self, x: Tensor, target: Tensor) -> Tensor:
        """Weights change at every step of a sequence, by ∂s/∂w carried forward (eqs. 14, 15)."""
        nets, form, tape, found = self.nets, self.nets.form, None, list[Tensor]()
        partials: memory.Partials | None = None
        each = torch.split(nets.dense(x), 1, 2), torch.split(target, 1), torch.split(self.asked(x), 1)
        for here, right, asked in zip(*each, strict=True):
            tape = nets.cells.run(form, nets.net(here), nets.recurrent, tape)
            seen = self.seen(tape.y[1:, ..., : form.cells])
            output = nets.answer(seen, here)
            found.append(output)
            error = nets.by_output((output - right) * asked, output)
            blame = nets.cells.truncated(form, tape, nets.blame(error))
            sources = nets.sources(here.squeeze(2), tape.y[0])
            partials = partials or memory.Partials(form, sources, sources.shape[-1])
            partials.advance(tape, sources)
            self.change(nets.split(partials.gradient(blame, sources)) | nets.above(here, error, seen))
        return torch.cat(found)

    def change(self, slopes: Mapping[str, Tensor]) -> None:
        for name, slope in slopes.items():
            self.nets.get_parameter(name).grad = slope
        self.update()

    def seen(self, cells: Tensor) -> Tensor:
        """What the output units see of the cells: nothing, as long as they learn from the inputs alone."""
        return torch.zeros_like(cells) if self.alone else cells

    def asked(self, x: Tensor) -> Tensor:
        """Which steps have a target, (S, R, B, 1): those of a sequence, with targets=end its last; or the only one."""
        if not self.task.stepwise:
            return x.new_ones(1, *x.shape[:2], 1, dtype=torch.float32)
        step = torch.arange(x.shape[2], device=x.device)[:, None, None]
        asked = step == lengths(x) - 1 if self.config.targets == "end" else step < lengths(x)
        return asked[..., None].float()

    def targets(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """What is right, and what is learned, (S, R, B, m): the same but for noisy targets (3c) and targets=next."""
        if not self.task.stepwise:
            count = self.nets.shapes["output"][1]
            return y[None, ..., :count], y[None, ..., -count:]
        clean = y.permute(2, 0, 1, 3)
        if self.config.targets != "next":
            return clean, clean
        later = torch.cat([x[..., 1:], torch.full_like(x[..., :1], -1)], -1).permute(2, 0, 1)
        came = F.one_hot(later.long().clamp(min=0), y.shape[-1]).float()
        return clean, torch.where((later >= 0)[..., None], came, clean)

    def judged(self, x: Tensor, output: Tensor, clean: Tensor) -> tuple[Tensor, Tensor]:
        """Which sequences were missed, (R, B), and the mean absolute error of each, (R, B)."""
        asked = self.asked(x)
        error = (output - clean).abs() * asked
        absolute = error.sum((0, 3)) / (asked.sum((0, 3)) * error.shape[-1])
        if self.config.criterion.tolerance is None:  # the legal symbols are the most active ones, at every step
            worst_legal = output.masked_fill(clean == 0, torch.inf).amin(-1)
            best_other = output.masked_fill(clean > 0, -torch.inf).amax(-1)
            return ((worst_legal <= best_other) & (asked[..., 0] > 0)).any(0), absolute
        if self.config.data.name == "random_lag":  # only the last symbol can be known
            last = (asked.cumsum(0) == asked.sum(0)) * asked
            error = error * last
        return error.amax((0, 3)) >= self.config.criterion.tolerance, absolute

    @torch.inference_mode()
    def note(self, x: Tensor, output: Tensor, clean: Tensor, error: Tensor) -> Scalars:
        """Judge a batch as it was answered before its change, and who has met the criterion by it."""
        missed, absolute = self.judged(x, output, clean)
        self.recent.add_(missed.mean(1, dtype=torch.float32))
        loss = 0.5 * error.square().sum() / missed.numel()
        self.memory["stretch"].add_(torch.stack([loss, torch.ones_like(loss)]))
        if self.config.criterion.tolerance is not None:
            self.meet(*self.streak.add(missed, absolute))
        return {
            "loss": loss,
            "error": missed.mean(dtype=torch.float32),
            "absolute_error": absolute.mean(),
            "solved": self.done.mean(dtype=torch.float32),
        }

    def meet(self, few: Tensor, met: Tensor) -> None:
        """Note who makes few mistakes and who has met the criterion, (R,) each."""
        if not self.config.criterion.counted:
            self.sequences.sub_(self.config.criterion.window * (met & ~self.done))
        self.first.copy_(torch.where((self.first == 0) & few, self.sequences, self.first))
        self.done.logical_or_(met)

    @torch.no_grad()
    def begin_epoch(self, data: Data) -> None:
        """Task 1 is learned when no string of either set is missed; that is looked at between blocks."""
        if self.config.criterion.tolerance is None and self.epoch:
            sets = [self.missed(data.splits[name])[0] for name in ("train", "test")]
            passed = ~torch.cat(sets, 1).any(1)
            self.meet(passed, passed)

    def missed(self, split: Split, size: int = 256) -> tuple[Tensor, Tensor, Tensor]:
        """Of each sequence, (R, N): was it missed, its mean absolute error, is the right unit the most active one."""
        found = []
        for part in range(0, split.x.shape[1], size):
            x, y = split.x[:, part : part + size], split.y[:, part : part + size]
            output, (clean, _) = self(x), self.targets(x, y)
            best = (output.argmax(-1) == clean.argmax(-1)).all(0)
            found.append((*self.judged(x, output, clean), best))
        missed, absolute, best = (torch.cat(each, 1) for each in zip(*found, strict=True))
        return missed, absolute, best

    def measure(self, split: Split, size: int = 256) -> Scalars:
        """Over the replicas: wrong sequences, how many replicas have none, who met the criterion and after how many.

        Quartiles and mean of the sequences are over those that met it, and left out where none did.
        """
        missed, absolute, best = self.missed(split, size)
        found = {
            "error": missed.float().mean(),
            "absolute_error": absolute.mean(),
            "faultless": (~missed.any(1)).float().mean(),
            "solved": self.done.float().mean(),
        }
        if not self.task.stepwise and self.nets.shapes["output"][1] > 1:
            found["class_right"] = best.float().mean()
            found["best_class_right"] = best.float().mean(1).amax()
        wrong = missed.float().mean(1)
        each = {"solved": self.done, "sequences": self.sequences, "first": self.first, "solved_error": wrong}
        found |= {EACH + name: values for name, values in each.items()}
        if self.done.any():
            found["solved_error"] = missed[self.done].float().mean()
            found |= spread("sequences", self.sequences[self.done].float())
            found["first_mean"] = self.first[self.done].float().mean()
        return found

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """Stop when all have met the criterion. Tasks 2a, 2b: let the cell in once the error falls no more without."""
        loss, steps = self.memory["stretch"].tolist()
        self.memory["stretch"].zero_()
        error = (self.recent / steps)[None].clone()
        self.memory["error"] = torch.cat([self.memory.get("error", error[:0]), error])
        self.recent.zero_()
        if self.alone:
            now, before = loss / steps, float(self.memory.get("loss", torch.inf))
            self.memory["loss"] = torch.tensor(now)
            return Decision.END_PHASE if now > 0.9 * before else Decision.CONTINUE
        return Decision.STOP if bool(self.done.all()) else Decision.CONTINUE

    def layers(self) -> Sequence[Layer]:
        """Of one replica, multiply-adds at each step of a sequence."""
        seen, outputs = self.nets.shapes["output"]
        asked = "each step" if self.task.stepwise else "the end"
        rows = {"hidden, at each step": seen, f"output, at {asked}": outputs}
        found = []
        for (layer, units), above in zip(rows.items(), (False, True), strict=True):
            shapes = {n: a * b for n, (a, b) in self.nets.shapes.items() if (n in ABOVE) == above}
            products = sum(count for name, count in shapes.items() if "bias" not in name)
            found.append(Layer(layer, str(units), sum(shapes.values()), None, products))
        return found

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        """The gates of one start over one test sequence: a row for each, a column for each step."""
        if self.config.model.cell == "lstm1997":
            replica, _, tape = self.traced(data)
            gates = [tape.y[1:, replica, 0, at] for kind, at in self.nets.form.columns.items() if kind != "cells"]
            yield "gates", torch.cat(gates, 1).T[None]

    def traced(self, data: Data) -> tuple[int, Tensor, memory.Tape]:
        """A start that has learned (or the first one), its first test sequence and what went on in it."""
        replica = int(self.done.int().argmax())
        x = data.splits["test"].x[:, :1]
        with torch.no_grad():
            tape = memory.run(self.nets.form, self.nets.net(x), self.nets.recurrent)
        return replica, x[replica, 0], tape

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import lstm as draw

        yield from draw.figures(self, data)

    @property
    def claim(self) -> Claim | None:
        return claim_of(self.config)

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return concluded(self.config, metrics, self.claim)


ABOVE = ("output", "output_bias", "shortcut")
"""The parameters of the output layer."""
ALONE = "inputs alone"
"""The phase of tasks 2a and 2b before "the memory cell and its input gate are added" (section 5.2)."""
