"""The perceptron (Rosenblatt 1958, 1962): a threshold unit that finds its weights from its own errors.

1958 is Rosenblatt, "The perceptron", Psychological Review 65(6); the rule w ← w + η t a, on an error only, and its
convergence theorem are of 1960–62. What was new: a randomly wired machine that learns, with a proof that it does.

Reached here: of all functions of 2, 3, 4 inputs 14, 104 and 1,882 are learned and every other one is shown to cycle;
mistakes stay below (R/γ)² in every draw of clouds. The 1958 machine without error correction is in `parts/`.

Shapes: R replicas learn side by side; x (R, N, …), A-units' activity a (R, N, F), weights (R, K, F) of K R-units.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.cards.perceptron import CARD, CLAIMS, FIGURE_10, conclude
from landmarks.claims import Claim
from landmarks.data import Draws
from landmarks.data.pictures import DIGITS
from landmarks.data.points import PointSettings, check_keys, parity, planes
from landmarks.errors import UsageError
from landmarks.milestone import Answer, Batch, Data, Decision, Layer, Milestone, Phase, Scalars, Split, Sums
from landmarks.parts.reinforcement import GAINS, Responses
from landmarks.parts.tiles import signed
from landmarks.randomness import stream
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, kw_only=True)
class Model:
    a_units: Annotated[int, NOT_NEGATIVE]
    excitatory: Annotated[int, NOT_NEGATIVE]
    inhibitory: Annotated[int, NOT_NEGATIVE]
    threshold: int
    masks: Annotated[int, POSITIVE] | None
    bias: bool
    averaged: bool
    connected: Annotated[float, FRACTION]
    system: Literal["sum", "mean"]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    lr: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class PerceptronConfig(Settings):
    precision: Literal["fp32", "tf32"]
    data: PointSettings
    model: Model
    rule: Literal["error_correction", "alpha", "beta", "gamma", "none"]
    batch_size: Annotated[int, POSITIVE] | None
    order: Literal["sequential", "shuffled", "fixed"]
    optimizer: Optimizer


RETINA = slice(4, 24)
"""The 20 × 20 centre of a picture, for the 400 photocells of the Mark I."""
MOST_MASKS = 100_000
"""A-units of `model.masks`: all sets of one or two of the retina's 400 points are 80,200."""


class Perceptron(Milestone):
    """Fixed A-units, trainable threshold units behind them, error correction; R perceptrons at once.

    Buffers: `mistakes` (R, K), the updates made so far, `seen`, the patterns shown so far, `moment` (R, K, F), each
    update times the number of its pattern; `resting`, whether the last pass was without a mistake, by those `before`;
    `cycling` (R,), whether a replica came back to weights that it had left, which `mark` and `marked` hold (Brent
    1980): in one fixed order the same weights make the same mistakes for ever.
    With the stimuli of 1958 `responses` holds the source-sets, and `weight` (1, 1, A) the values of the A-units.
    """

    Config = PerceptronConfig
    card = CARD
    revision = 2
    replicated = True
    may_end_early = True
    config: PerceptronConfig

    def __init__(self, config: PerceptronConfig) -> None:
        super().__init__(config)
        if config.epochs is None and config.steps is None:
            raise UsageError("epochs must be a whole number: how many passes to make at most")
        check_keys(config.data)
        forced = config.data.name == "stimuli"
        if config.rule != "none" and forced != (config.rule in GAINS):
            raise UsageError(
                f"rule={config.rule} does not learn data.name={config.data.name}: alpha, beta and gamma of 1958 learn"
                " stimuli, error_correction learns everything else; see experiment=reinforcement"
            )
        self.generated = config.data.name in ("clouds", "functions")
        self.pictures = not self.generated and config.data.name != "csv" and not forced
        replicas, points = config.replicas, self.points
        self.bias = config.model.bias and not forced
        wiring, threshold = self.wire()
        self.register_buffer("wiring", wiring)
        self.register_buffer("threshold", threshold)
        features = (points if wiring is None else wiring.shape[2]) + self.bias
        classes = len(config.data.classes or DIGITS) if self.pictures or config.data.name == "csv" else 2
        units = classes if classes > 2 else 1
        self.weight = nn.Parameter(torch.zeros(replicas, units, features))
        self.responses = self.source_sets() if forced else None
        self.register_buffer("mistakes", torch.zeros(replicas, units, dtype=torch.int64))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("moment", torch.zeros_like(self.weight))
        self.register_buffer("resting", torch.zeros((), dtype=torch.bool))
        self.register_buffer("before", torch.full_like(self.mistakes, -1))
        self.register_buffer("cycling", torch.zeros(replicas, dtype=torch.bool))
        self.register_buffer("mark", torch.zeros_like(self.weight))
        self.register_buffer("marked", torch.zeros_like(self.mistakes))

    wiring: Tensor | None
    threshold: Tensor | None
    mistakes: Tensor
    seen: Tensor
    moment: Tensor
    resting: Tensor
    before: Tensor
    cycling: Tensor
    mark: Tensor
    marked: Tensor

    @property
    def points(self) -> int:
        """The S-points: how many numbers a pattern has. Raises UsageError for a table that is not known yet."""
        data = self.config.data
        if self.pictures:
            return 20 * 20
        known = {"functions": data.bits, "csv": data.inputs}.get(data.name, data.dimensions)
        if known is None:
            raise UsageError(
                "data.name=csv wants a table of your own: data.root=FILE.csv, the last column is the label"
            )
        return known

    def wire(self) -> tuple[Tensor | None, Tensor | None]:
        """The A-units' wiring, (R or 1, points, A), and thresholds (A,); None where R-units look at raw points.

        Random: each A-unit counts +1 for each of its excitatory points and −1 for each inhibitory one, any point may be
        drawn twice. Masks: an A-unit for each set of at most k points, on where all of them are.
        Raises UsageError where both are asked for, for A-units before A-units, and for masks of more points than there
        are, or of too many sets.
        """
        model, n, config = self.config.model, self.points, self.config
        if config.data.name == "stimuli" and (model.masks or model.a_units):
            raise UsageError("data.name=stimuli are A-units at work, so model.a_units must be 0 and model.masks null")
        if model.masks:
            if model.a_units:
                raise UsageError("model.masks are A-units themselves, so model.a_units must be 0 beside them")
            if model.masks > n:
                raise UsageError(f"model.masks must be at most {n}, the number of points, got {model.masks}")
            sizes = range(1, model.masks + 1)
            if sum(comb(n, size) for size in sizes) > MOST_MASKS:
                raise UsageError(
                    f"model.masks={model.masks}: each set of at most so many of {n} points would be an A-unit,"
                    f" which are more than {MOST_MASKS:,}; choose a smaller model.masks"
                )
            sets = [chosen for size in sizes for chosen in combinations(range(n), size)]
            masks = torch.tensor([[float(i in chosen) for chosen in sets] for i in range(n)])
            return masks[None], masks.sum(0)
        if not model.a_units:
            return None, None
        wiring = np.zeros((config.replicas, n, model.a_units), dtype=np.float32)
        origins = (model.a_units, model.excitatory + model.inhibitory)
        signs = np.repeat([1.0, -1.0], [model.excitatory, model.inhibitory])
        for r in range(config.replicas):
            drawn = stream(config.seed, config.first_replica + r, "weights").integers(n, size=origins)
            np.add.at(wiring[r], (drawn, np.arange(model.a_units)[:, None]), signs)
        return torch.from_numpy(wiring), torch.full((model.a_units,), float(model.threshold))

    def source_sets(self) -> Responses:
        """What the responses of 1958 listen to."""
        config, data = self.config, self.config.data
        return Responses(data.dimensions, data.responses, config.model.connected, config.seed, config.first_replica)

    def activity(self, x: Tensor) -> Tensor:
        """What the R-units get, (…, F), of patterns as stored: points or A-units, then a 1 for the bias.

        A picture's points are its centre, on where darker than half. An A-unit is on where its excitatory minus its
        inhibitory impulses reach its threshold (1958, p. 389).
        """
        a = (x[..., RETINA, RETINA].flatten(-2) > 127).float() if self.pictures else x
        if self.wiring is not None and self.threshold is not None:
            a = ((a > 0).float() @ self.wiring >= self.threshold).float()
        return torch.cat((a, a.new_ones(*a.shape[:-1], 1)), -1) if self.bias else a

    def targets(self, y: Tensor) -> Tensor:
        """What each R-unit should say, −1 or +1, (…, K): y itself where generated, else its label against the rest."""
        if self.generated:
            return y.unsqueeze(-1)
        classes = torch.arange(1, 2, device=y.device) if self.weight.shape[1] == 1 else self.labels
        return (y.unsqueeze(-1) == classes).float() * 2 - 1

    @property
    def labels(self) -> Tensor:
        return torch.arange(self.weight.shape[1], device=self.weight.device)

    def phases(self) -> tuple[Phase, ...]:
        config = self.config
        if config.rule == "none":
            return ()
        name, length = config.rule.replace("_", " "), None if config.steps else config.epochs
        return (Phase(name, {}, {}, length, config.steps, config.batch_size, order=config.order),)

    @torch.no_grad()
    def begin_epoch(self, data: Data) -> None:
        """Did the pass before end in rest? And, where the order of the patterns is always the same, is it a cycle?

        It is where weights are as at an earlier pass, with mistakes since. The mark that they are compared with moves
        on after 1, 2, 4, 8, … passes, so that it comes to stand in every cycle.
        """
        self.resting.copy_((self.mistakes == self.before).all())
        self.before.copy_(self.mistakes)
        if self.config.order == "shuffled":
            return
        back = (self.weight == self.mark).flatten(1).all(1) & (self.mistakes != self.marked).any(1)
        self.cycling.logical_or_(back)
        if (self.epoch + 1).bit_count() == 1:
            self.mark.copy_(self.weight)
            self.marked.copy_(self.mistakes)

    @torch.no_grad()
    def step(self, batch: Batch) -> Scalars:
        """Error correction for the patterns of a batch one after another: w ← w + η t a where t (w·a) ≤ 0.

        In 1958 the responses are forced, so that an order is without effect: all stimuli of a batch at once.
        """
        if self.responses is not None:
            self.weight[0, 0] += self.responses.gain(self.config.rule, batch.x[0], batch.y[0])
            return {"value": self.weight.mean()}
        shared = batch.x.stride(0) == 0  # all replicas look at the same patterns: what A-units do is the same
        a, t = self.activity(batch.x[:1] if shared else batch.x), self.targets(batch.y)
        changes = torch.zeros_like(t)
        for active, target, change in zip(a.unbind(1), t.unbind(1), changes.unbind(1), strict=True):
            total = self.weight @ active[0] if len(active) == 1 else torch.bmm(self.weight, active[:, :, None])[..., 0]
            torch.mul(target, target * total <= 0, out=change)
            self.weight.addcmul_(change[:, :, None], active[:, None], value=self.config.optimizer.lr)
        wrong = changes.abs()
        self.mistakes.add_(wrong.sum(1).long())
        if self.config.model.averaged:
            number = self.seen + 1 + torch.arange(t.shape[1], device=t.device)
            self.moment.add_(torch.einsum("n,rnk,rnf->rkf", number.float(), changes, a.expand(len(t), -1, -1)))
        self.seen.add_(t.shape[1])
        return {"mistakes": wrong.mean()}

    def reader(self) -> Tensor:
        """The weights that answer, (R, K, F): the last ones, or the sum of those after each pattern shown.

        An update d made at pattern j is in the weights after patterns j … T, so Σ w = (T + 1) w − η Σ j d.
        """
        if not self.config.model.averaged:
            return self.weight
        return (self.seen + 1) * self.weight - self.config.optimizer.lr * self.moment

    def sums(self, x: Tensor) -> Tensor:
        """The weighted sums (R, N, K) of patterns (R or 1, N, …)."""
        return self.activity(x) @ self.reader().transpose(1, 2)

    def given(self, sums: Tensor) -> Tensor:
        """The class (R, N) by the sums (R, N, K): the unit of the largest, or the sign of the only one."""
        return sums.argmax(-1) if sums.shape[-1] > 1 else (sums[..., 0] > 0).long()

    def learned(self, split: Split) -> Tensor:
        """Which replicas answer all their generated patterns right, (R,) bool."""
        right = self.targets(split.y) * self.sums(split.x) > 0
        return right.flatten(1).all(1)

    def evaluate(self, batch: Batch) -> Sums:
        """The share of patterns that are misread; of the stimuli of 1958, how often the correct response wins."""
        if self.responses is not None:
            won = self.responses.correct(self.weight[0, 0], batch.x, batch.y, self.config.model.system)
            return {"correct": (won.sum(), len(batch.y))}
        wrong = (self.given(self.sums(batch.x[None])) != batch.y).float()
        return {"error": (wrong.mean(0).sum(), len(batch.y))}

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Labelled patterns: the error. Generated ones, over the replicas: how many are learned, how many cycle, and
        the mistakes of those that are learned, left out where none is; of clouds also how many are learned within
        Novikoff's bound, which one that is not learned may yet pass."""
        if not self.generated:
            return super().measure(split, size)
        learned = self.learned(split)
        cycling = self.cycling & ~learned
        found = {
            "learned": learned.sum(),
            "cycling": cycling.sum(),
            "undecided": (~learned & ~cycling).sum(),
            "separated": learned.float().mean(),
        }
        if learned.any():
            mistakes = self.mistakes[learned, 0].float()
            found |= {"mistakes_median": mistakes.quantile(0.5), "mistakes_max": mistakes.max()}
        if self.bounded:
            bound = self.bound(split)
            found["bound_median"] = bound.quantile(0.5)
            found["within_bound"] = (learned & (self.mistakes[:, 0] <= bound)).float().mean()
        return found

    @property
    def bounded(self) -> bool:
        """Whether a plane is known that parts the patterns as the R-units see them."""
        config = self.config
        return config.data.name == "clouds" and self.wiring is None and (config.model.bias or not config.data.offset)

    def bound(self, split: Split) -> Tensor:
        """Novikoff's bound (R/γ)² on the mistakes of each replica, (R,), by its own longest pattern and least margin.

        The margin is that of the plane with which the clouds were drawn; the best plane's would give a lower one.
        """
        config = self.config
        drawn = planes(config.data, Draws.of(config))
        a = self.activity(split.x).double()
        plane = torch.from_numpy(drawn[:, : a.shape[2]]).to(a.device)
        margin = (torch.einsum("rnf,rf->rn", a, plane / plane.norm(dim=1, keepdim=True)) * split.y).amin(1)
        bound: Tensor = (a.norm(dim=2).amax(1) / margin).square()
        return bound

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """Stop where every replica has learned or is shown to cycle, or a whole pass was without a mistake."""
        return Decision.STOP if metrics.get("train_set/undecided") == 0 or self.resting else Decision.CONTINUE

    def answer(self, x: Tensor) -> Answer:
        if self.responses is not None:
            return super().answer(x)
        sums = self.sums(x[None])
        score = sums.abs() if sums.shape[2] == 1 else sums
        return Answer(self.given(sums)[0], score[0].amax(1), "weighted sum")

    def layers(self) -> Sequence[Layer]:
        """Of one replica; each weight is one connection, and so is each origin point of an A-unit: a product by ±1."""
        _, units, features = self.weight.shape
        if self.responses is not None:
            responses, wires = len(self.responses.sets), int(self.responses.sets.sum())
            return [Layer("A-units", str(features), features), Layer("R-units", str(responses), 0, wires, wires)]
        found = [Layer("S-points", str(self.points), 0)]
        if self.wiring is not None:
            wires = int(self.wiring[0].abs().sum())
            found.append(Layer("A-units, fixed", str(self.wiring.shape[2]), 0, wires, wires))
        weights = units * features
        return [*found, Layer("R-units", str(units), weights, weights, weights - units * self.bias)]

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        if self.pictures:
            yield "templates", signed(self.templates())

    def templates(self) -> Tensor:
        """What each R-unit looks for, (K, 20, 20): its weights, carried back through its A-units to the retina."""
        reader = self.reader().detach()[0, :, : self.weight.shape[2] - self.bias]
        return (reader if self.wiring is None else reader @ self.wiring[0].T).reshape(-1, 20, 20)

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import perceptron as draw

        if self.config.data.name == "clouds" and self.config.data.dimensions == 2 and self.wiring is None:
            yield "boundary", draw.boundary(self, data)
        if self.bounded and self.config.replicas > 1:
            yield "mistakes", draw.mistakes(self, data)
        if self.config.data.name == "functions" and self.config.replicas > 1:
            yield "functions", draw.functions(self, data)
        if self.responses is not None:
            yield "responses", draw.responses(self, self.responses, data)
        if self.pictures:
            yield "templates", draw.templates(self)

    @property
    def claim(self) -> Claim | None:
        """What is proved of this configuration; None where the papers have no number for it, or nothing is learned."""
        config, known = self.config, {claim.id: claim for claim in CLAIMS}
        if config.rule == "none":
            return None
        if config.experiment == "reinforcement":
            return known.get(FIGURE_10.get((config.rule, config.data.points), ""))
        if config.data.name == "clouds":
            return known["P2"] if self.bounded else None
        if config.data.name != "functions" or config.model.a_units:
            return None
        bits, every = config.data.bits, config.replicas == 2**2**config.data.bits
        if every and not config.model.masks:
            return known.get({2: "P1a", 3: "P1b", 4: "P1c"}.get(bits, ""))
        only = config.replicas == 1 and config.first_replica == parity(bits)
        return known["P9"] if only and config.model.masks == bits else None

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return conclude(self, metrics)
