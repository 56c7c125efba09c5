"""Back-propagation of errors (Rumelhart, Hinton, Williams 1986), on the problems that the letter and the chapter show.

PDP is the chapter "Learning Internal Representations by Error Propagation"; Nature the letter "Learning representations
by back-propagating errors". What was new: hidden units that nobody tells what to do learn a code of their own.

Reached here: with one hidden unit and direct links 997 of 1,000 starts solve XOR within 10,000 sweeps, after a median
of 390; the chapter reports one run of 558. The learning rule is written out by hand, equations 1 to 9 of Nature.

Shapes: R replicas learn side by side; x (R, N, n), a group's activity (R, N, size), a link's weights (R, fan-in, size).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.cards.mlp_xor import CARD, CLAIMS, NETWORKS, conclude
from landmarks.claims import Claim
from landmarks.data.patterns import PICTURED, PatternSettings, coded, sizes
from landmarks.data.pictures import DIGITS
from landmarks.errors import UsageError
from landmarks.milestone import EACH, Answer, Batch, Data, Decision, Layer, Milestone, Phase, Scalars, Split
from landmarks.parts.replicas import spread
from landmarks.parts.tiles import signed
from landmarks.randomness import stream
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Model:
    network: Literal["layered", "family_trees"]
    hidden: Annotated[int, NOT_NEGATIVE]
    shortcut: bool
    init: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class Early:
    """Rate and momentum of the first sweeps."""

    sweeps: Annotated[int, POSITIVE]
    lr: Annotated[float, POSITIVE]
    momentum: Annotated[float, FRACTION]


@dataclass(frozen=True, kw_only=True)
class Rule:
    lr: Annotated[float, POSITIVE]
    momentum: Annotated[float, FRACTION]
    early: Early | None
    decay: Annotated[float, FRACTION]
    dead_zone: Annotated[float, FRACTION]


@dataclass(frozen=True, kw_only=True)
class Criterion:
    tolerance: Annotated[float, POSITIVE] | None


@dataclass(frozen=True, kw_only=True)
class XORConfig(Settings):
    precision: Literal["fp32", "tf32"]
    data: PatternSettings
    model: Model
    update: Literal["sweep", "pattern"]
    order: Literal["shuffled", "fixed", "sequential"]
    optimizer: Rule
    criterion: Criterion


@dataclass(frozen=True)
class Group:
    """Units side by side, fed by whole groups before them: "links may skip layers" (Nature, p. 533)."""

    name: str
    size: int
    sources: tuple[str, ...]


INPUTS = {"layered": {"input": slice(None)}, "family_trees": {"person": slice(0, 24), "relation": slice(24, 36)}}
FAMILY_TREES = (
    Group("person_code", 6, ("person",)),
    Group("relation_code", 6, ("relation",)),
    Group("middle", 12, ("person_code", "relation_code")),
    Group("answer_code", 6, ("middle",)),
    Group("output", 24, ("answer_code",)),
)
"""Nature, Fig. 3: 24 + 12 inputs → 6 + 6 → 12 → 6 → 24, 630 weights with the biases."""


def groups(config: XORConfig) -> tuple[Group, ...]:
    """The groups above the input, lowest first, `output` last. Raises UsageError where network and data disagree."""
    model, (_, outputs) = config.model, sizes(config.data)
    if model.network == "family_trees":
        if config.data.name != "family_trees":
            raise UsageError(f"model.network=family_trees learns data.name=family_trees alone, got {config.data.name}")
        return FAMILY_TREES
    if not model.hidden:
        return (Group("output", outputs, ("input",)),)
    sources = ("input", "hidden") if model.shortcut else ("hidden",)
    return Group("hidden", model.hidden, ("input",)), Group("output", outputs, sources)


class MomentumDescent:
    """Δw(t) = −ε ∂E/∂w(t) + α Δw(t−1) (Nature, eq. 9), for all weights of all replicas (R, P) at once.

    Where `learning` (R,) is false a replica keeps its weights to the bit. `decay` takes its share of every weight after
    a change.
    """

    def __init__(self, weights: Tensor, learning: Tensor, decay: float) -> None:
        rate, momentum = weights.new_zeros(()), weights.new_zeros(())
        self.param_groups: list[dict[str, Any]] = [{"params": [weights], "lr": rate, "momentum": momentum}]
        self.weights, self.learning, self.decay = weights, learning.unsqueeze(1), decay
        self.gradient = torch.zeros_like(weights)
        self.velocity = torch.zeros_like(weights)

    def step(self) -> None:
        group = self.param_groups[0]
        self.velocity.mul_(group["momentum"]).addcmul_(self.gradient, group["lr"], value=-1)
        self.weights.addcmul_(self.velocity, self.learning)
        if self.decay:
            self.weights.mul_(1 - self.decay * self.learning)

    def state_dict(self) -> dict[str, Any]:
        return {"velocity": self.velocity}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.velocity.copy_(state["velocity"])


class MLPXOR(Milestone):
    """Logistic units, squared error and back-propagation with momentum, R networks at once.

    Buffers: `done` (R,), whether a replica has met the criterion, and `sweeps` (R,), the sweeps that it had made by
    then (so far, where it has not). The criterion is looked at before each sweep, on the device: counts are exact.
    """

    Config = XORConfig
    card = CARD
    replicated = True
    may_end_early = True
    config: XORConfig

    def __init__(self, config: XORConfig) -> None:
        super().__init__(config)
        if config.data.name == "family_trees" and config.criterion.tolerance is not None:
            raise UsageError("criterion.tolerance must be null for family_trees, whose training has a fixed length")
        if config.epochs is None and config.steps is None:
            raise UsageError("epochs must be a whole number: how many sweeps to make at most")
        self.pictures = config.data.name in PICTURED
        self.labelled = self.pictures or config.data.name == "csv"
        self.inputs = INPUTS[config.model.network]
        self.groups = groups(config)
        widths = {"input": sizes(config.data)[0], "person": 24, "relation": 12}
        widths |= {group.name: group.size for group in self.groups}
        self.shapes: dict[str, tuple[int, int]] = {}
        for group in self.groups:
            self.shapes |= {f"{group.name}_from_{source}": (widths[source], group.size) for source in group.sources}
            self.shapes[f"{group.name}_bias"] = (1, group.size)
        for name, view in self.views(self.starts()).items():
            self.register_parameter(name, nn.Parameter(view))
        self.register_buffer("done", torch.zeros(config.replicas, dtype=torch.bool))
        self.register_buffer("sweeps", torch.zeros(config.replicas, dtype=torch.int64))
        self.lay_out()

    done: Tensor
    sweeps: Tensor

    def starts(self) -> Tensor:
        """Initial weights (R, P), uniform in ±model.init, one draw a replica in the order of `shapes`."""
        config, count = self.config, sum(fan * size for fan, size in self.shapes.values())
        drawn = [
            stream(config.seed, config.first_replica + r, "weights").uniform(-1, 1, count)
            for r in range(config.replicas)
        ]
        return torch.from_numpy(config.model.init * np.stack(drawn)).float()

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The columns of (R, P) as each link's weights (R, fan-in, size) and each group's biases (R, 1, size)."""
        parts = torch.split(flat, [fan * size for fan, size in self.shapes.values()], dim=1)
        return {n: part.view(-1, *shape) for (n, shape), part in zip(self.shapes.items(), parts, strict=True)}

    def lay_out(self) -> None:
        """Put all parameters side by side into `flat` (R, P), so that one operation changes them all."""
        self.flat = torch.cat([parameter.detach().flatten(1) for parameter in self.parameters()], 1)
        self.weights = self.views(self.flat)
        for name, parameter in self.named_parameters():
            parameter.data = self.weights[name]

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> MLPXOR:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.lay_out()  # a move to another device gives each parameter a memory of its own
        return self

    def points(self, x: Tensor) -> Tensor:
        """Patterns (R, N, n); of pictures (R, N, 28, 28), uint8, their pixels in [0, 1]."""
        return x.flatten(-2).float() / 255 if x.dtype == torch.uint8 else x

    def activities(self, x: Tensor, weights: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
        """The forward pass: y = 1 / (1 + exp(−Σ y w − b)), group by group, for x (R, N, n) (Nature, eqs. 1–2)."""
        weights = weights or self.weights
        x = self.points(x)
        y = {name: x[..., part] for name, part in self.inputs.items()}
        for group in self.groups:
            total = weights[f"{group.name}_bias"]
            for source in group.sources:
                total = torch.baddbmm(total, y[source], weights[f"{group.name}_from_{source}"])
            y[group.name] = total.sigmoid_()
        return y

    def forward(self, x: Tensor) -> Tensor:
        return self.activities(x)["output"]

    def back_propagate(self, y: Mapping[str, Tensor], error: Tensor, slopes: Mapping[str, Tensor]) -> None:
        """The backward pass: write ∂E/∂w of E = ½ Σ error² into `slopes`, from `output` down (Nature, eqs. 4–7).

        δ = ∂E/∂y · y (1 − y) is a unit's share of the blame; a link's slope is Σ y_source δ, and y_source itself is to
        blame for δ · w.
        """
        blame = {"output": error}
        for group in reversed(self.groups):
            delta = torch.ops.aten.sigmoid_backward(
                blame[group.name], y[group.name]
            )  # one operation for blame · y (1 − y)
            torch.sum(delta, 1, keepdim=True, out=slopes[f"{group.name}_bias"])
            for source in group.sources:
                link = f"{group.name}_from_{source}"
                torch.bmm(y[source].transpose(1, 2), delta, out=slopes[link])
                if source not in self.inputs:
                    passed = torch.bmm(delta, self.weights[link].transpose(1, 2))
                    blame[source] = blame[source] + passed if source in blame else passed

    def phases(self) -> tuple[Phase, ...]:
        rule = self.config.optimizer
        self.learning = self.done.logical_not()
        self.descent = MomentumDescent(self.flat, self.learning, rule.decay)
        self.slopes = self.views(self.descent.gradient)
        self.momentum = -1.0
        return (
            Phase(
                "back-propagation",
                {"main": self.descent},
                {"main": lambda sweep: rule.early.lr if rule.early and sweep < rule.early.sweeps else rule.lr},
                epochs=None if self.config.steps else self.config.epochs,
                steps=self.config.steps,
                order=self.config.order if self.config.update == "pattern" else "sequential",
            ),
        )

    def begin_epoch(self, data: Data) -> None:
        """Set the momentum of this sweep, a pure function of its number, on the device where it changes."""
        rule = self.config.optimizer
        momentum = rule.early.momentum if rule.early and self.epoch < rule.early.sweeps else rule.momentum
        if momentum != self.momentum:
            self.momentum = momentum
            self.descent.param_groups[0]["momentum"].fill_(momentum)

    def step(self, batch: Batch) -> Scalars:
        """One sweep over all patterns; the weights change once, or after each pattern in the order of the batch."""
        x, target = self.points(batch.x), self.targets(batch.y)
        y = self.activities(x)
        error = y["output"] - target
        if self.config.criterion.tolerance is not None:
            self.done.copy_(self.met(error))
        torch.logical_not(self.done, out=self.learning)
        self.sweeps.add_(self.learning)
        if self.config.update == "sweep":
            self.learn(y, error)
        else:
            for i in range(x.shape[1]):
                y = self.activities(x[:, i : i + 1])
                self.learn(y, y["output"] - target[:, i : i + 1])
        if self.watching:
            self.observe(self.slopes)
        found = {"loss": self.energy(error)}
        if self.config.criterion.tolerance is not None:
            found["solved"] = self.done.mean(dtype=torch.float32)
        return found

    def met(self, error: Tensor) -> Tensor:
        """Which replicas (R,) meet the criterion with these errors (R, N, m) over a sweep, or did before."""
        worst = error.abs().amax((1, 2))  # of a thousand replicas a fourteenth of the time of a norm
        return self.done | (worst < (self.config.criterion.tolerance or 0))

    def learn(self, y: Mapping[str, Tensor], error: Tensor) -> None:
        if self.labelled:  # so that a rate that suits XOR's four patterns suits any number of them
            error = error * (min(4, error.shape[1]) / error.shape[1])
        if self.config.optimizer.dead_zone:  # good enough counts as right (Nature, p. 535)
            error = error * (error.abs() > self.config.optimizer.dead_zone)
        self.back_propagate(y, error, self.slopes)
        self.descent.step()

    def energy(self, error: Tensor) -> Tensor:
        """E = ½ Σ error² over a sweep (Nature, eq. 3), the mean over the replicas."""
        errors = error.flatten()
        return torch.dot(errors, errors) * (0.5 / len(error))

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Over the replicas: the error, the share of patterns on the right side of the middle, who met the criterion.

        Quartiles and mean of the sweeps are over those that met it, and left out where none did.
        """
        outputs = self(split.x.expand(len(self.done), *split.x.shape))
        error = outputs - self.targets(split.y)
        if self.labelled:
            return {"loss": self.energy(error), "error": (self.classes(outputs) != split.y).float().mean()}
        worst = error.abs().amax(2)
        low, high = self.config.data.targets
        found = {"loss": self.energy(error), "right": (worst < (high - low) / 2).float().mean()}
        if self.config.optimizer.dead_zone:
            found["sure"] = (worst < self.config.optimizer.dead_zone).float().mean()
        if self.config.criterion.tolerance is None:
            return found
        met = self.met(error)
        found |= {"solved": met.float().mean(), "unsolved": 1 - met.float().mean()}
        found |= {EACH + "solved": met, EACH + "sweeps": self.sweeps}
        sweeps = self.sweeps[met].float()
        if len(sweeps):
            found |= spread("sweeps", sweeps)
        return found

    def targets(self, y: Tensor) -> Tensor:
        """What the output units should say, (…, N, m): y itself where generated, else its labels in code."""
        classes = DIGITS if self.pictures else self.config.data.classes or ()
        return coded(y, len(classes), self.config.data.targets) if self.labelled else y

    def classes(self, outputs: Tensor) -> Tensor:
        """Outputs (…, m) as classes (…): on which side of the middle a single one lies, the largest of several."""
        if outputs.shape[-1] == 1:
            return (outputs[..., 0] > sum(self.config.data.targets) / 2).long()
        return outputs.argmax(-1)

    def answer(self, x: Tensor) -> Answer:
        """By the first replica, with the activity of the class's unit; for the first of two, what is left of one."""
        if not self.labelled:
            return super().answer(x)
        y = self(x.expand(len(self.done), *x.shape))[0]
        label = self.classes(y)
        activity = y if y.shape[1] > 1 else torch.cat([1 - y, y], 1)
        return Answer(label, activity.gather(1, label[:, None])[:, 0], "activity")

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        solved = bool(self.done.all()) if self.labelled else metrics.get("train_set/solved") == 1
        return Decision.STOP if solved else Decision.CONTINUE

    def layers(self) -> Sequence[Layer]:
        """Of one replica; every weight that is no bias is used once for a pattern."""
        rows = []
        for group in self.groups:
            links = sum(math.prod(self.shapes[f"{group.name}_from_{source}"]) for source in group.sources)
            rows.append(Layer(group.name, str(group.size), links + group.size, multiply_adds=links))
        return rows

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        """One replica's hidden units: their activity, a column for each pattern, and their weights, a row each."""
        x, name = data.splits["train"].x, "hidden_from_input"
        if name not in self.weights or x.numel() > ROOM or x.shape[1] > 36:
            return
        shown = int(self.done.int().argmax())
        yield "hidden_code", self.activities(x.expand(self.config.replicas, *x.shape))["hidden"][shown, None, :64].mT
        yield "hidden_weights", signed(torch.cat((self.weights[name], self.weights["hidden_bias"]), 1)[shown, None].mT)

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import mlp_xor as draw

        if data.splits["train"].x.numel() <= ROOM and data.splits["train"].x.shape[1] <= 36:
            yield "hidden_code", draw.hidden_code(self, data)
            if "hidden_from_input" in self.weights:
                yield "weights", draw.weights(self, data)
            yield "error_surface", draw.error_surface(self, data)
        if self.config.replicas > 1 and self.config.criterion.tolerance is not None:
            yield "sweeps", draw.sweeps(self, data)

    @property
    def claim(self) -> Claim | None:
        """What the paper says of this problem and network; None where it has no number for them."""
        data, model = self.config.data, self.config.model
        known = {claim.id: claim for claim in CLAIMS}
        problem = data.function if data.name == "logic" else data.name
        if problem == "xor" and model.hidden > 1 and not model.shortcut and self.config.update == "pattern":
            return replace(known["X4"], published=280 - 33 * math.log2(model.hidden))
        return known.get(NETWORKS.get((problem, data.bits, model.hidden, model.shortcut), ""))

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return conclude(self, metrics)

    @property
    def length(self) -> int:
        return self.config.steps or self.config.epochs or 0


ROOM = 20_000
"""So many numbers at most go through the pictures of a whole training set."""
