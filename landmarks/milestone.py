"""The contract between a milestone and the shared loop.

A milestone owns its network and its learning rule: `step` makes one update and returns scalars. Everything else –
order of the data, rates, logging, evaluation, checkpoints, signals, devices – belongs to the loop
(`landmarks/loop.py`), which knows no milestone by name.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import starmap
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from landmarks import ranks, runs
from landmarks.claims import Claim, Demonstration, Departure, Reading, Station, Study
from landmarks.errors import UsageError
from landmarks.settings import Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

runs.loaded()  # of this code, and of what is imported after it

Scalars = dict[str, Tensor]
"""Name → 0-d tensor, left on the device."""
Sums = dict[str, tuple[Tensor, int]]
"""Name → (sum over a batch, count); the loop adds over batches and divides once."""
EACH = "each/"
"""What `measure` says of each replica, (R,), under a name that begins so: what verdicts count."""
KEPT = "kept/"
LINES = 30
"""Gradients of more parameters than these are shown part by part."""
Schedule = Callable[[float], float]
"""Progress in the unit of the phase's length (epochs or steps) → base rate. A pure function, so it resumes exactly."""


class Batch(NamedTuple):
    """Inputs and targets, indexed out of a split: (B, …), or (R, B, …) for a milestone with replicas."""

    x: Tensor
    y: Tensor


class Split(NamedTuple):
    """A whole data set on the device: x (N, …) as stored (pictures as uint8), y (N, …)."""

    x: Tensor
    y: Tensor

    def batches(self, size: int) -> Iterator[Batch]:
        """All patterns in the order of the split, `size` at a time, the last ones fewer; read ahead out of files."""
        if not isinstance(self.x, Tensor):  # landmarks.data.files.Files, which stands for one
            yield from starmap(Batch, self.x.batches(size, self.y))
            return
        for start in range(0, len(self.x), size):
            yield Batch(self.x[start : start + size], self.y[start : start + size])

    def parts(self, size: int) -> Iterator[Batch]:
        """As `batches`; where processes share them this one's part of each, for which is what is drawn meanwhile."""
        if ranks.world == 1:
            yield from self.batches(size)
            return
        if not isinstance(self.x, Tensor):
            yield from starmap(Batch, self.x.parts(size, self.y))
            return
        for start in range(0, len(self.x), size):
            with ranks.dividing(min(size, len(self.x) - start)) as mine:
                if mine.patterns:
                    chosen = slice(start + mine.start, start + mine.stop)
                    yield Batch(self.x[chosen], self.y[chosen])


@dataclass(frozen=True)
class Data:
    """The splits of one source (`train`, and `valid` or `test` where there are any) and where they come from.

    `own`: every replica has patterns of its own, x (R, N, …) and y (R, N, …).
    `fresh`: every epoch of training has patterns of its own: a pure function of the epoch (counted from 0 in the phase)
    takes the place of the split `train`. `ragged`: patterns are sequences, of any length.
    `classes` are the names of the labels; `form` says, in JSON's types, how x was made of what lies in a file.
    `unreadable`: names of files that were met and left out, because they cannot be read.
    """

    name: str
    splits: Mapping[str, Split]
    checksum: str
    own: bool = False
    classes: tuple[str, ...] = ()
    form: Mapping[str, Any] = field(default_factory=dict)
    fresh: Callable[[int], Split] | None = None
    ragged: bool = False
    unreadable: set[str] = field(default_factory=set)

    @property
    def shapes(self) -> list[list[int | None]]:
        """Of one pattern's x and y; None for the length of a sequence."""
        first = 2 if self.own else 1
        x, y = ([*tensor.shape[first:]] for tensor in next(iter(self.splits.values())))
        if not self.ragged:
            return [x, y]
        return [[None, *x[1:]], [None, *y[1:]] if len(y) > 1 else [*y]]

    def described(self) -> dict[str, Any]:
        """What `data.json` says, for those who bring other files to a run."""
        return {"classes": [*self.classes], "form": dict(self.form), "shapes": self.shapes}

    def to(self, device: torch.device) -> Data:
        def move(split: Split) -> Split:
            return Split(split.x.to(device), split.y.to(device))

        fresh = self.fresh
        moved = {name: move(split) for name, split in self.splits.items()}
        return replace(self, splits=moved, fresh=fresh and (lambda epoch: move(fresh(epoch))))


class Answer(NamedTuple):
    """What a classifier says of patterns: the class (B,), the number behind it (B,), and what that number is.

    `probabilities` of all classes (B, classes), where the classifier has them.
    """

    label: Tensor
    score: Tensor
    kind: Literal["probability", "distance", "activity", "weighted sum"]
    probabilities: Tensor | None = None

    @classmethod
    def of(cls, probabilities: Tensor) -> Answer:
        """The most probable class of each pattern; probabilities (B, classes)."""
        score, label = probabilities.max(1)
        return cls(label, score, "probability", probabilities)


class Optimizer(Protocol):
    """What the loop needs of a learning rule's state; every `torch.optim` optimiser has it.

    `param_groups[i]["lr"]` is a 0-d tensor on the device that the loop fills before a step when the rate changes.
    """

    param_groups: list[dict[str, Any]]

    def step(self) -> Any: ...

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state: dict[str, Any]) -> None: ...


class Decision(enum.Enum):
    """What `decide` may ask of the loop after an evaluation."""

    CONTINUE = "continue"
    END_PHASE = "end phase"
    STOP = "stop"


@dataclass(frozen=True)
class Phase:
    """A stretch of training with its own data, trained parameters, optimisers and length.

    `epochs` or `steps` is the length (exactly one is given); `batch_size` None means the whole split in one batch.
    `order`: a new shuffle each epoch, one random order kept, or the order of the file.
    `trains`: prefixes of the parameters that learn; empty means all. `schedules` maps an optimiser's name to its rate;
    with `rate_by_step` they count steps even where the length counts epochs.
    `measures`: the splits that each evaluation measures, where there are any; the others are measured once, at the end.
    `withheld`: so many patterns, the same for every seed, are not learned from here, for a later phase to fold in.
    """

    name: str
    optimizers: Mapping[str, Optimizer]
    schedules: Mapping[str, Schedule]
    epochs: int | None = None
    steps: int | None = None
    batch_size: int | None = None
    data: str = "train"
    order: Literal["shuffled", "fixed", "sequential"] = "shuffled"
    trains: tuple[str, ...] = ()
    measures: tuple[str, ...] = ("valid", "test")
    rate_by_step: bool = False
    withheld: int = 0


@dataclass(frozen=True)
class Layer:
    """A line of the layer table: output shape as text, trainable parameters, and for one pattern the multiply-adds.

    `connections` are those that the paper counts (None where it counts none).
    """

    name: str
    output: str
    parameters: int
    connections: int | None = None
    multiply_adds: int | None = None


class Sampler(Protocol):
    """What `landmarks sample` needs of a trained generator: an `nn.Module` whose parameters are a part of the run's.

    `prefix` is where they stand in the milestone's state.
    """

    prefix: str

    def load_state_dict(self, state: Mapping[str, Tensor]) -> Any: ...

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` patterns: pictures (count, height, width) in [0, 1], or points (count, 2)."""
        ...


@dataclass(frozen=True)
class Card:
    """What a reader should know before the curves: citation, what was new, the claim that heads the milestone.

    `errata` is the place, `module:attribute`, of what the paper contradicts itself in; "" where nothing is known.
    """

    title: str
    citation: str
    new: str
    headline: Claim
    claims: tuple[Claim, ...] = ()
    readings: tuple[Reading, ...] = ()
    departures: tuple[Departure, ...] = ()
    switches: Mapping[str, str] = field(default_factory=dict)
    demonstration: Demonstration | None = None
    studies: tuple[Study, ...] = ()
    station: Station | None = None
    bibtex: str = ""
    errata: str = ""


class Milestone(nn.Module):
    """One historical model with its learning rule.

    A subclass sets `Config` (its typed configuration), `card`, and raises `revision` when its numbers change; `added`
    are keys (`group.name`) that came after results were recorded, each with the value that stands for what was done
    before: at that value a run is the same as without the key;
    `compiled` names the submodules that gain by `torch.compile` while they learn, tensor to tensor;
    `replicated` says that its parameters carry a leading R and that its batches do too; `replicable` that this is so
    where there are several replicas alone (its instances tell); `may_end_early` that `decide` may end a phase before
    its length.
    The loop sets `phase`, `epoch` (counted from 0 in the phase) and `watching`. Draws made while training come from
    torch's default generator, which the loop seeds, saves with a checkpoint and keeps from all others.
    `memory` holds tensors that only training needs (the best weights so far): a checkpoint has them, a finished model
    has not.
    """

    Config: ClassVar[type[Settings]]
    card: ClassVar[Card]
    revision: ClassVar[int] = 1
    added: ClassVar[Mapping[str, Any]] = {}
    compiled: ClassVar[tuple[str, ...]] = ()
    replicated: bool = False
    replicable: ClassVar[bool] = False
    may_end_early: ClassVar[bool] = False

    phase: Phase
    epoch: int = 0
    watching: bool = False

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.config = config
        self.factor = 1.0
        self.gradient_norms: Scalars = {}
        self.memory: dict[str, Tensor] = {}

    def phases(self) -> tuple[Phase, ...]:
        """The phases in order, with fresh optimisers; () where nothing is learned."""
        return ()

    def step(self, batch: Batch) -> Scalars:
        """Make one update by this milestone's own rule; return 0-d tensors, left on the device."""
        raise TypeError(f"{type(self).__name__} has phases but no step")

    def evaluate(self, batch: Batch) -> Sums:
        """Return {name: (sum, count)} over a batch of a split that is only looked at."""
        return {}

    def calibrate(self, data: Data) -> None:
        """Called before splits are measured: fit on `train` and `valid` what measuring needs, into buffers.

        The width of a Parzen window, a linear probe. In evaluation mode, without gradients, with draws of its own.
        """

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Measure a whole split: `evaluate` over its batches, which processes share.

        Overridden where a measure is no sum; that is then made by every process for itself. A measure of each replica
        (R,) may stand beside the 0-d ones as `each/NAME`, with `each/solved` where some never met a criterion: what
        they took is then how long they tried.
        """
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for batch in split.parts(size):
            for name, (value, count) in self.evaluate(batch).items():
                sums[name] = sums[name] + value if name in sums else value
                counts[name] = counts.get(name, 0) + count
        if ranks.world > 1:
            found = ranks.means({name: (float(value), counts[name]) for name, value in sums.items()})
            return {name: torch.tensor(value) for name, value in found.items()}
        return {name: value / counts[name] for name, value in sums.items()}

    @property
    def undivided(self) -> str:
        """Why no processes can share a run, after the milestone's name; "" where all its gradients go by `descend`."""
        return "its networks learn side by side as replicas, in one process" if self.replicated else ""

    def check_data(self, data: Data) -> None:
        """Called before a run has a folder. Raise UsageError where the data do not allow what is configured."""

    def begin_epoch(self, data: Data) -> None:
        """Called before each epoch of a phase; LeNet re-estimates its curvature here."""

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """On the host after each evaluation: the only place that changes `factor`, keeps weights or stops."""
        return Decision.CONTINUE

    def end_phase(self) -> bool:
        """Called once a phase has ended; put back the weights that `decide` kept. Returns whether any changed."""
        return False

    def answer(self, x: Tensor) -> Answer:
        """The class of each pattern x (B, …), counted as in `Data.classes`, by the first replica. Raises UsageError."""
        raise UsageError(f"{self.config.milestone} is no classifier as configured, so there is nothing to predict")

    def exported(self) -> dict[str, Tensor]:
        """The tensors of `landmarks export`, under the names by which other programs know them."""
        return self.state_dict()

    def export_notes(self) -> dict[str, str]:
        """What those who use them must know, for the file's metadata."""
        return {}

    def keep_weights(self) -> None:
        """Remember parameters and buffers as they stand, in `memory`, in place of what was kept before."""
        self.memory |= {KEPT + name: tensor.detach().clone() for name, tensor in self.state_dict().items()}

    def put_weights_back(self) -> bool:
        """Return to what was kept last; whether anything was."""
        kept = {n.removeprefix(KEPT): tensor for n, tensor in self.memory.items() if n.startswith(KEPT)}
        if kept:
            self.load_state_dict(kept)
        return bool(kept)

    @classmethod
    def sampler(cls, config: Any) -> Sampler:
        """The generator alone, untrained, for `landmarks sample`. Raises UsageError where there is none."""
        raise UsageError(f"{config.milestone} generates nothing; gan does")

    def layers(self) -> Sequence[Layer]:
        """The layer table, computed from the model."""
        return [Layer(name, "", sum(p.numel() for p in child.parameters())) for name, child in self.named_children()]

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        """What the paper draws: (file name without ending, figure)."""
        return ()

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        """What is learned so far, cheap to make: (name, tiles (n, h, w) or (n, 3, h, w) in [0, 1]) for TensorBoard.

        Asked for a few times in a run, by one process, in evaluation mode, without gradients, with draws of its own.
        """
        return ()

    @property
    def claim(self) -> Claim | None:
        """The published number beside which this configuration's result stands; None where the paper has none."""
        return self.card.headline

    def conclude(self, metrics: Mapping[str, float]) -> str:
        """One sentence: what came out, in the units of print."""
        claim = self.claim
        if claim is None or claim.metric not in metrics:
            return "finished"
        return f"{claim.metric} {claim.format(metrics[claim.metric])}"

    def descend(self, loss: Tensor, optimizer: str = "main") -> None:
        """The door for gradients: differentiate `loss` by this optimiser's parameters alone, then `update`.

        `loss` is a mean over the batch; where processes share that, each counts by its share of the rows.
        """
        groups = self.phase.optimizers[optimizer].param_groups
        parameters = [parameter for group in groups for parameter in group["params"]]
        if ranks.rows is not None:
            loss = loss * ranks.rows.share
        gradients = ranks.combined(torch.autograd.grad(loss, parameters))
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        self.update(optimizer)

    def update(self, optimizer: str = "main") -> None:
        """Apply the gradients that stand in `.grad` of this optimiser's parameters."""
        if self.watching:
            mine = {id(p) for group in self.phase.optimizers[optimizer].param_groups for p in group["params"]}
            self.observe({name: p.grad for name, p in self.named_parameters() if id(p) in mine and p.grad is not None})
        self.phase.optimizers[optimizer].step()

    def observe(self, gradients: Mapping[str, Tensor]) -> None:
        """Note the gradients' norms for the log; the loop sets `watching` where it will ask.

        Of every parameter; of a deep net of every part, which is what the first two words of a name say.
        """
        parts: dict[str, list[Tensor]] = {}
        words = 2 if len(gradients) > LINES else None
        each = torch._foreach_norm([gradient.detach() for gradient in gradients.values()])
        for name, norm in zip(gradients, each, strict=True):
            parts.setdefault(".".join(name.split(".")[:words]), []).append(norm)
        norms = {name: torch.stack(found).norm() if found[1:] else found[0] for name, found in parts.items()}
        self.gradient_norms = norms | {"all": torch.stack(list(norms.values())).norm()}
