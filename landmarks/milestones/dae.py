"""Stacked denoising autoencoders: layers that learn to rebuild a clean pattern from a corrupted one (2008, 2010).

P. Vincent, H. Larochelle, Y. Bengio, P.-A. Manzagol, "Extracting and Composing Robust Features with Denoising
Autoencoders", ICML 2008; with I. Lajoie, "Stacked Denoising Autoencoders", JMLR 11, 3371–3408, 2010.

New: the identity rebuilds nothing that is missing, so layers wider than their input learn features without a
bottleneck, sparsity or weight decay; stacked, and then trained as one classifier, they reach deep belief nets.

Layer k learns on the uncorrupted code of the layers below it; the noise is there only while it learns. Then a softmax
layer comes on top, and all weights learn the classes, until the error on held-out patterns falls no more.

Shapes: x (B, 28, 28) uint8, codes (B, units) in (0, 1), y (B,) int64. In the paper's widths one autoencoder has 785,784
parameters, each further one 1,002,000, the classifier of three layers 2,797,010.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks.cards.dae import CARD, claim_of, concluded
from landmarks.data.pictures import SIDE
from landmarks.data.variations import SIZES, VariationSettings, check_keys, classes
from landmarks.errors import UsageError
from landmarks.milestone import Answer, Batch, Data, Decision, Layer, Milestone, Phase, Scalars, Sums
from landmarks.parts import probe
from landmarks.parts.denoising import Corruption, corrupted, losses, tied
from landmarks.parts.descent import sgd
from landmarks.parts.tiles import signed
from landmarks.randomness import stream
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, SOME, Check, Settings

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from landmarks.claims import Claim


AT_MOST_NINE = Check("nine layers at most", lambda widths: len(widths) <= 9)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    hidden: Annotated[tuple[Annotated[int, POSITIVE], ...], SOME, AT_MOST_NINE]
    decoder: Literal["sigmoid", "linear"]
    init: Literal["tutorial", "fan_in"]


@dataclass(frozen=True, kw_only=True)
class CorruptionSettings:
    """`level` is ν, the share of the components, or σ of the gaussian noise."""

    name: Corruption
    level: Annotated[float, FRACTION]
    during: Literal["pretraining", "finetuning"]


@dataclass(frozen=True, kw_only=True)
class Emphasis:
    """How much the corrupted components (α) and the intact ones (β) count."""

    corrupted: Annotated[float, NOT_NEGATIVE]
    intact: Annotated[float, NOT_NEGATIVE]


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Of each layer; no epochs: none is pretrained."""

    epochs: Annotated[int, NOT_NEGATIVE]
    lr: Annotated[float, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """`patience`: so many evaluations without a lower validation error end it."""

    lr: Annotated[float, POSITIVE]
    patience: Annotated[int, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class Probe:
    """Softmax regression on the code of so many labelled patterns, with the best of some penalties."""

    labels: Annotated[int, POSITIVE]
    penalties: Annotated[tuple[Annotated[float, POSITIVE], ...], SOME]


@dataclass(frozen=True, kw_only=True)
class DAEConfig(Settings):
    data: VariationSettings
    model: ModelSettings
    corruption: CorruptionSettings
    emphasis: Emphasis
    pretraining: Pretraining
    finetuning: Finetuning
    probe: Probe | None
    batch_size: Annotated[int, POSITIVE]


class DAE(Milestone):
    """A stack of tied sigmoid autoencoders, y = s(Wx̃ + b), z = s(Wᵀy + b′), under a softmax layer.

    `encoders` hold W (units, inputs) and b, `visible` the b′, `output` the softmax layer – which, with `probe`, no
    gradient reaches: it is fitted to the code whenever the run is measured.
    """

    Config = DAEConfig
    card = CARD
    may_end_early = True
    config: DAEConfig

    def __init__(self, config: DAEConfig) -> None:
        super().__init__(config)
        check(config)
        widths = [SIDE * SIDE, *config.model.hidden]
        self.encoders = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(widths))
        self.visible = nn.ParameterList(torch.zeros(width) for width in widths[:-1])
        self.output = nn.Linear(widths[-1], len(config.data.classes or classes(config.data.name)))
        self.initialise()

    @torch.no_grad()
    def initialise(self) -> None:
        """Weights uniform in ±4 √(6 / (inputs + units)), the softmax layer 0; or all in ±1/√inputs. Biases 0."""
        draw = stream(self.config.seed, self.config.first_replica, "weights")
        for layer in (*self.layer_list, self.output):
            units, inputs = layer.weight.shape
            bound = 4 * (6 / (inputs + units)) ** 0.5 if layer is not self.output else 0.0
            bound = bound if self.config.model.init == "tutorial" else inputs**-0.5
            layer.weight.copy_(torch.from_numpy(bound * draw.uniform(-1, 1, (units, inputs))))
            layer.bias.zero_()

    @property
    def layer_list(self) -> list[nn.Linear]:
        return [layer for layer in self.encoders if isinstance(layer, nn.Linear)]

    @property
    def learning(self) -> int | None:
        """The layer that learns as an autoencoder, from 0; None where the whole stack learns the classes, or has."""
        phase = getattr(self, "phase", None)  # a model that is only looked at has none
        return int(phase.name.removeprefix(LAYER)) - 1 if phase is not None and phase.name != FINETUNING else None

    def code(self, x: Tensor, depth: int | None = None) -> Tensor:
        """What the first `depth` layers (None: all) make of x (B, 28, 28): (B, units); of none pixels in [0, 1]."""
        return self.encode(x.flatten(1).float() / 255, depth)

    def encode(self, y: Tensor, depth: int | None = None) -> Tensor:
        for layer in self.layer_list[:depth]:
            y = layer(y).sigmoid()
        return y

    def rebuilt(self, k: int, x: Tensor) -> Tensor:
        """What layer k makes of its own inputs x (B, inputs), before the squashing: Wᵀ s(Wx + b) + b′, with one W."""
        layer = self.layer_list[k]
        return tied(x, layer.weight, layer.bias, self.visible[k])

    def linear(self, k: int) -> bool:
        """Whether layer k rebuilds real values: the first may; those above rebuild codes, which lie in (0, 1)."""
        return k == 0 and self.config.model.decoder == "linear"

    def corrupt(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return corrupted(x, self.config.corruption.name, self.config.corruption.level)

    def denoising(self, k: int, x: Tensor) -> Tensor:
        """L(x, z) of layer k for its clean inputs x (B, inputs), each corrupted anew: (B,)."""
        noisy, touched = self.corrupt(x) if self.config.corruption.during == "pretraining" else (x, None)
        outputs = self.rebuilt(k, noisy)
        alpha, beta = self.config.emphasis.corrupted, self.config.emphasis.intact
        weights = None
        if touched is not None and not alpha == beta == 1:
            weights = torch.full_like(x, beta).masked_fill_(touched, alpha)  # of two numbers `where` may wait for CUDA
        return losses(outputs, x, weights, self.linear(k))

    def forward(self, x: Tensor) -> Tensor:
        """The softmax layer's activations (B, classes) for x (B, 28, 28)."""
        answers: Tensor = self.output(self.code(x))
        return answers

    def phases(self) -> tuple[Phase, ...]:
        """One for each layer, then one for all of them together; with `probe` the layers alone."""
        config, found = self.config, []
        for k in range(len(self.encoders) if config.pretraining.epochs else 0):
            names = (f"encoders.{k}.", f"visible.{k}")
            found.append(self._phase(f"{LAYER}{k + 1}", names, config.pretraining.lr, config.pretraining.epochs))
        if config.probe is None:
            found.append(self._phase(FINETUNING, ("encoders.", "output."), config.finetuning.lr, config.epochs or 0))
        return tuple(found)

    def _phase(self, name: str, trains: tuple[str, ...], lr: float, epochs: int) -> Phase:
        parameters = [parameter for n, parameter in self.named_parameters() if n.startswith(trains)]
        rule, rates, size = {"main": sgd(parameters)}, {"main": lambda epoch: lr}, self.config.batch_size
        return Phase(name, rule, rates, epochs=epochs, batch_size=size, trains=trains, measures=("valid",))

    def step(self, batch: Batch) -> Scalars:
        k = self.learning
        if k is not None:
            with torch.no_grad():
                below = self.code(batch.x, k)
            loss = self.denoising(k, below).mean()
            self.descend(loss)
            return {"rebuilding": loss}
        x = self.code(batch.x, 0)
        if self.config.corruption.during == "finetuning":
            x, _ = self.corrupt(x)
        answers = self.output(self.encode(x))
        loss = F.cross_entropy(answers, batch.y)
        self.descend(loss)
        return {"loss": loss, "error": (answers.argmax(1) != batch.y).float().mean()}

    def calibrate(self, data: Data) -> None:
        """Fit the probe to the labelled patterns – drawn once for a seed – and choose its penalty on `valid`.

        Where one of the two is missing, as of other files that are only measured, the probe stays as it is.
        """
        if (settings := self.config.probe) is None or not {"train", "valid"} <= data.splits.keys():
            return
        train, valid = data.splits["train"], data.splits["valid"]
        drawn = stream(self.config.seed, self.config.first_replica, "evaluation")
        some = torch.from_numpy(drawn.permutation(len(train.x))[: settings.labels]).to(train.x.device)
        learned, held_out = (self.code(train.x[some]), train.y[some]), (self.code(valid.x), valid.y)
        weight, bias = probe.chosen(learned, held_out, self.output.out_features, settings.penalties)
        self.output.weight.copy_(weight)
        self.output.bias.copy_(bias)

    def evaluate(self, batch: Batch) -> Sums:
        count, k, found = len(batch.x), self.learning, {}
        if k is not None:
            found["rebuilding"] = self.denoising(k, self.code(batch.x, k)).sum(), count
        if k is not None and self.config.probe is None:
            return found
        answers = self(batch.x)
        wrong = (answers.argmax(1) != batch.y).sum(), count
        if self.config.probe is not None:
            return found | {"probe_error": wrong}
        return {"loss": (F.cross_entropy(answers, batch.y, reduction="sum"), count), "error": wrong}

    @torch.no_grad()
    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """Keep the weights of the lowest validation error; end when it has not fallen for so many evaluations."""
        if self.learning is not None or "valid/error" not in metrics or self.config.probe is not None:
            return Decision.CONTINUE
        error, kept = torch.tensor(metrics["valid/error"]), self.memory
        if not kept or error < kept["error"].cpu():
            kept |= {"error": error, "waited": torch.tensor(0)}
            self.keep_weights()
            return Decision.CONTINUE
        kept["waited"] = kept["waited"] + 1
        return Decision.END_PHASE if int(kept["waited"]) >= self.config.finetuning.patience else Decision.CONTINUE

    def end_phase(self) -> bool:
        """Put the best weights back, unless they are the last ones."""
        return bool(self.memory) and int(self.memory["waited"]) > 0 and self.put_weights_back()

    def answer(self, x: Tensor) -> Answer:
        return Answer.of(self(x).softmax(1))

    def layers(self) -> Sequence[Layer]:
        """The classifier's layers; with `probe` the autoencoders, which it leaves as they are."""
        rows = []
        for k, layer in enumerate(self.layer_list):
            weights = layer.weight.numel()
            own, used = (self.visible[k].numel(), 2 * weights) if self.config.probe else (0, weights)
            name = f"autoencoder {k + 1}" if self.config.probe else f"hidden {k + 1}"
            rows.append(Layer(name, f"{len(layer.bias)}", weights + len(layer.bias) + own, multiply_adds=used))
        if self.config.probe is None:
            weights, biases = self.output.weight.numel(), len(self.output.bias)
            rows.append(Layer("softmax", f"{biases}", weights + biases, multiply_adds=weights))
        return rows

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        """Filters of the first layer; and patterns, below them as corrupted and as rebuilt."""
        yield "filters", signed(self.layer_list[0].weight[:100].view(-1, SIDE, SIDE))
        yield "rebuilt", torch.cat([x.view(-1, SIDE, SIDE) for x in self.rebuilding(data, 18)], 1)

    def rebuilding(self, data: Data, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Patterns (count, 784) that are not learned, corrupted, and what the first layer rebuilds of those."""
        split = next(data.splits[name] for name in ("test", "valid", "train") if name in data.splits)
        clean = self.code(split.x[:count], 0)
        noisy = self.corrupt(clean)[0]
        outputs = self.rebuilt(0, noisy)
        return clean, noisy, outputs if self.linear(0) else outputs.sigmoid()

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import dae as draw

        with torch.no_grad():
            yield "filters", draw.filters({draw.described(self.config): self.layer_list[0].weight})
            yield "rebuilt", draw.rebuilt(*self.rebuilding(data, draw.SHOWN))

    @property
    def claim(self) -> Claim | None:
        return claim_of(self.config)

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return concluded(self.config, metrics)


LAYER, FINETUNING = "layer ", "fine-tuning"


def check(config: DAEConfig) -> None:
    """Raise UsageError for what does not go together, and for keys without effect."""
    check_keys(config.data)
    probed, source = config.probe is not None, config.data
    if source.name == "csv":
        raise UsageError("data.name=csv: dae learns pictures, 28 × 28; perceptron and mlp_xor take tables")
    if config.steps is not None:
        raise UsageError("steps: dae's length is in epochs, of each layer and of all together, so steps must be null")
    if probed and config.epochs is not None:
        raise UsageError("epochs: with a probe nothing is fine-tuned; pretraining.epochs is the length, epochs null")
    if not probed and config.epochs is None:
        raise UsageError("epochs must be a whole number: the passes of the fine-tuning at most")
    if probed and not config.pretraining.epochs:
        raise UsageError("pretraining.epochs: with a probe nothing else learns, so it must be > 0")
    if probed and not (source.name in SIZES or source.name == "mnist50k" or source.valid):
        raise UsageError(
            f"probe: its penalty is chosen on held-out patterns, and {source.name} has none; give data.valid=N"
        )
    if probed and config.corruption.during == "finetuning":
        raise UsageError("corruption.during=finetuning: with a probe nothing is fine-tuned; leave it at pretraining")
    if config.corruption.name != "gaussian" and config.corruption.level == 1:
        raise UsageError("corruption.level: at 1 nothing of a pattern is left to rebuild it from; give less")
    if config.corruption.name == "gaussian" and config.emphasis != Emphasis(corrupted=1.0, intact=1.0):
        raise UsageError("emphasis: gaussian noise leaves no component intact, so both must be 1")
    rebuilds = config.pretraining.epochs > 0
    noisy = rebuilds and config.corruption.level > 0 and config.corruption.during == "pretraining"
    if not noisy and config.emphasis != Emphasis(corrupted=1.0, intact=1.0):
        raise UsageError("emphasis: no layer rebuilds anything from noise here, so both must be 1")
    if not rebuilds and config.model.decoder != "sigmoid":
        raise UsageError("model.decoder: without pretraining nothing is rebuilt, so it must be sigmoid")
    if config.emphasis.corrupted == config.emphasis.intact == 0:
        raise UsageError("emphasis: where nothing counts nothing is learned; one of the two must be > 0")
