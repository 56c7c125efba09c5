"""AlexNet: a large convolutional network, trained on labelled photographs alone, wins ImageNet (2012).

A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", Advances
in Neural Information Processing Systems 25, 1097–1105, 2012.

New together: rectified linear units, two towers on two GPUs that meet in some layers alone, local response
normalisation, overlapping pooling, crops, mirrors and coloured light drawn anew for every picture, dropout.

Shapes: x (B, 3, side, side) uint8, cut to (B, 3, 224, 224); 96 maps 55 × 55, 256 of 27 × 27, then 13 × 13, 6 × 6; two
layers of 4,096 units, 1,000 classes: 60,965,224 parameters. With two towers, one half of the maps each, conv2, conv4
and conv5 see their own tower only. The networks for CIFAR-10 are those of the first author's cuda-convnet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from torch import Tensor, nn

from landmarks import ranks
from landmarks.cards.alexnet import CARD, claim_of, concluded
from landmarks.errors import UsageError
from landmarks.milestone import Batch, Data, Decision, Layer, Phase, Scalars, Split
from landmarks.parts.classifiers import PictureClassifier, PictureConfig
from landmarks.parts.cuda_convnet import ACTIVATIONS, CIFAR, Activation, Dropout, Kind, Maker, Stack, Weights, imagenet
from landmarks.parts.momentum import Momentum
from landmarks.parts.normalisation import AcrossMaps, WithinMap
from landmarks.parts.schedules import Plateau, Stage, check_stages, rate_at
from landmarks.parts.tiles import signed
from landmarks.randomness import stream
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, SHARE, SOME, Check

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from landmarks.claims import Claim

ODD = Check("odd, a unit and as many neighbours to each side", lambda size: size > 0 and size % 2 == 1)


@dataclass(frozen=True, kw_only=True)
class FirstLayer:
    """conv1's kernels. pad null: 0 where they fit the input in whole strides, else 2."""

    kernel: Annotated[int, POSITIVE]
    stride: Annotated[int, POSITIVE]
    pad: Annotated[int, NOT_NEGATIVE] | None


@dataclass(frozen=True, kw_only=True)
class LRN:
    """b = a / (k + α Σ a²)^β over neighbouring `maps`, or `places` of the same map. `divided`: α by how many there are.

    `joined`: a window of maps reaches into the other tower.
    """

    over: Literal["maps", "places"]
    size: Annotated[int, ODD]
    k: Annotated[float, POSITIVE]
    alpha: Annotated[float, NOT_NEGATIVE]
    beta: Annotated[float, POSITIVE]
    divided: bool
    joined: bool


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Null where cuda-convnet's file of a CIFAR network says it: `conv1`, `width`, `towers`, `std`, `bias`."""

    network: Literal["alexnet", "cifar26", "cifar18", "cifar13", "cifar11"]
    input: Annotated[int, POSITIVE]
    conv1: FirstLayer | None
    width: Annotated[float, POSITIVE] | None
    towers: Literal["two", "joined", "one"] | None
    activation: Activation
    pool: Literal[2, 3]
    lrn: LRN | None
    dropout: Annotated[float, SHARE]
    std: Annotated[float, POSITIVE] | None
    rescaled: bool
    bias: float | None
    without: Literal["conv3", "conv4", "conv5", "fc6", "fc7"] | None


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    """`decay` of weights, null: layer by layer as in the file. Biases learn at `bias_times` the rate, without decay."""

    momentum: Annotated[float, SHARE]
    decay: Annotated[float, NOT_NEGATIVE] | None
    bias_times: Annotated[float, POSITIVE]
    plateau: Plateau | None


@dataclass(frozen=True, kw_only=True)
class FoldIn:
    """So many training pictures are not learned from until so many epochs have passed."""

    pictures: Annotated[int, POSITIVE]
    after: Annotated[int, POSITIVE]


@dataclass(frozen=True, kw_only=True)
class AlexNetConfig(PictureConfig):
    model: ModelSettings
    optimizer: OptimizerSettings
    schedule: Annotated[tuple[Stage, ...], SOME]
    fold_in: FoldIn | None
    criterion: Annotated[float, FRACTION] | None


HALVED = ("conv1", "conv2", "conv3", "conv4")
"""What one GPU's net has half of (section 3.2, footnote 1): not the last convolution, nor the full layers."""


def table(model: ModelSettings, decay: float | None) -> tuple[Weights | Kind, ...]:
    """The layers of a configuration, in order."""
    if model.network != "alexnet":
        rows = CIFAR[model.network]
        return rows if decay is None else tuple(_changed(row, decay=decay) for row in rows)
    assert model.conv1
    assert model.width
    assert model.std
    assert decay is not None
    assert model.bias is not None
    found: list[Weights | Kind] = []
    away = False
    for row in imagenet(model.std, model.bias, decay):
        if isinstance(row, Weights):
            away = row.name == model.without
            half = model.towers == "one" and row.name in HALVED
            maps = round(row.maps * model.width / (4 if half else 2)) * 2
            row = replace(row, maps=maps, groups=row.groups if model.towers == "two" else 1)
            row = row if model.rescaled else replace(row, fan_in=None)
            if row.name == "conv1":
                row = replace(row, kernel=model.conv1.kernel, stride=model.conv1.stride, pad=_pad(model))
        if not away or row in ("max", "norm"):
            found.append(row)
    return tuple(found)


def _changed(row: Weights | Kind, **values: float) -> Weights | Kind:
    return replace(row, **values) if isinstance(row, Weights) else row  # type: ignore[arg-type]


def _pad(model: ModelSettings) -> int:
    """11 × 11 by strides of 4 fit 227 pixels; 224 have 55 places too with two zeros to each side."""
    assert model.conv1
    fits = (model.input - model.conv1.kernel) % model.conv1.stride == 0
    return model.conv1.pad if model.conv1.pad is not None else 0 if fits else 2


def normalisation(settings: LRN, towers: int) -> nn.Module:
    """The layer of a configuration; `towers` of maps."""
    alpha, size = settings.alpha, settings.size
    if settings.over == "places":
        alpha = alpha / size**2 if settings.divided else alpha
        return WithinMap(size, alpha, settings.beta, settings.k)
    alpha = alpha / size if settings.divided else alpha
    return AcrossMaps(size, alpha, settings.beta, settings.k, 1 if settings.joined else towers)


def build_network(model: ModelSettings, decay: float | None, classes: int) -> Stack:
    """The network of a configuration, without its weights."""
    lrn, pool, p, towers = model.lrn, model.pool, model.dropout, 2 if model.towers == "two" else 1
    up = model.network != "alexnet"  # cuda-convnet's pools round up; of 2012 non-overlapping ones have "equal" outputs
    makers: dict[Kind, Maker | None] = {
        "act": ACTIVATIONS[model.activation],
        "norm": (lambda: normalisation(lrn, towers)) if lrn else None,
        "max": lambda: nn.MaxPool2d(pool, 2, ceil_mode=up),
        "avg": lambda: nn.AvgPool2d(pool, 2, ceil_mode=up),
        "drop": (lambda: Dropout(p)) if p else None,
    }
    return Stack(table(model, decay), model.input, classes, makers)


class AlexNet(PictureClassifier):
    """The network of 2012 or one of those for CIFAR-10, by steepest descent with momentum. Shapes as said above.

    `memory`: of the plateau rule the lowest validation error, how many evaluations have passed since, how often the
    rate has fallen; with a criterion the training errors of the epochs so far.
    """

    Config = AlexNetConfig
    card = CARD
    config: AlexNetConfig
    network: Stack

    def __init__(self, config: AlexNetConfig) -> None:
        check(config)
        super().__init__(config)
        self.network = self.untrained()

    def untrained(self) -> Stack:
        """The network with its initial weights."""
        config = self.config
        network = build_network(config.model, config.optimizer.decay, self.known)
        network.initialise(stream(config.seed, config.first_replica, "weights"))
        return network

    def phases(self) -> tuple[Phase, ...]:
        """One; or two, of which the second learns from the pictures that the first one has left out."""
        config, fold = self.config, self.config.fold_in
        epochs = config.epochs or 0
        if fold is None:
            return (self._phase("training", 0, epochs),)
        parts = self._phase("without some", 0, fold.after), self._phase("with all", fold.after, epochs - fold.after)
        return replace(parts[0], withheld=fold.pictures), parts[1]

    def _phase(self, name: str, begun: int, epochs: int) -> Phase:
        config = self.config
        rule = Momentum(self.network.groups(config.optimizer.bias_times), config.optimizer.momentum)
        rates = {"main": lambda passes: rate_at(config.schedule, begun + passes)}
        # where pictures are held out to choose by, those of the test are looked at once: ten views cost as much as
        # learning does
        measures = ("valid",) if config.optimizer.plateau else Phase.measures
        return Phase(name, {"main": rule}, rates, epochs=epochs, batch_size=config.batch_size, measures=measures)

    def check_data(self, data: Data) -> None:
        if self.config.optimizer.plateau:
            self.config.optimizer.plateau.check(data)

    def begin_epoch(self, data: Data) -> None:
        super().begin_epoch(data)
        if self.config.criterion is not None:
            self.memory["errors"] = self.errors()
            counts = {"wrong": 0.0, "seen": 0.0, "of": float(len(data.splits["train"].x))}
            self.memory |= {name: torch.tensor(value, device=self.mean.device) for name, value in counts.items()}

    def errors(self) -> Tensor:
        """The training error of each whole epoch so far: of every picture just before it was learned from."""
        kept = self.memory
        if "seen" not in kept:
            return torch.zeros(0, device=self.mean.device)
        now = (kept["wrong"] / kept["seen"])[None]
        return torch.cat([kept["errors"], now]) if kept["seen"] == kept["of"] else kept["errors"]

    def step(self, batch: Batch) -> Scalars:
        scalars = super().step(batch)
        if self.config.criterion is not None:
            seen = ranks.size(batch.x)
            self.memory["wrong"] += ranks.mean(scalars["error"]) * seen
            self.memory["seen"] += seen
        return scalars

    def measure(self, split: Split, size: int = 500) -> Scalars:
        """Losses and errors; with a criterion also whether and after how many epochs the training error met it."""
        found, wanted = super().measure(split, size), self.config.criterion
        if wanted is not None and self.memory:
            met = (self.errors() <= wanted).nonzero()
            found["solved"] = torch.tensor(float(len(met) > 0))
            if len(met):
                found["epochs_needed"] = met[0, 0] + 1
        return found

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """Divide the rate where the validation error falls no more."""
        rule = self.config.optimizer.plateau
        if rule is not None and "valid/error" in metrics and rule.falls(self.memory, metrics["valid/error"]):
            self.factor /= rule.by
        return Decision.CONTINUE

    def layers(self) -> Sequence[Layer]:
        return self.network.rows()

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        yield "conv1", signed(self.network.get_parameter("conv1.weight"))

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import alexnet as draw

        return draw.pictures(self, data)

    @property
    def claim(self) -> Claim | None:
        return claim_of(self.config)

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return concluded(self.config, self.known, metrics)


OF_2012 = ("conv1", "width", "towers", "std", "bias")
"""What the table of a CIFAR network says itself."""


def check(config: AlexNetConfig) -> None:
    """Raise UsageError for what does not go together, and for keys without effect."""
    model = config.model
    if config.epochs is None or config.steps is not None:
        raise UsageError("epochs: alexnet's length is in epochs, so epochs must be a number and steps null")
    if config.evaluation.scales is not None:
        raise UsageError("evaluation.scales: alexnet's full layers see one size alone, so it must be null")
    check_stages(config.schedule)
    cifar, remedy = model.network != "alexnet", f"experiment={model.network} sets it"
    for key in OF_2012:
        if (getattr(model, key) is None) != cifar:
            said = f"its file in cuda-convnet says it, so it must be null; {remedy}" if cifar else "it must be given"
            raise UsageError(f"model.{key}: of {model.network} {said}")
    if cifar and (model.dropout or model.without):
        key = "dropout" if model.dropout else "without"
        raise UsageError(f"model.{key}: without effect on {model.network}, so leave it out; {remedy}")
    if not cifar and config.optimizer.decay is None:
        raise UsageError("optimizer.decay: of alexnet it must be given; only the files of cuda-convnet say it by layer")
    if not cifar and not all(row.maps for row in table(model, 0.0)[:-1] if isinstance(row, Weights)):
        raise UsageError(f"model.width={model.width:g}: leaves a layer without maps; give a larger one")
    if model.lrn and model.lrn.joined and (model.lrn.over == "places" or model.towers != "two"):
        raise UsageError("model.lrn.joined: only windows over maps of two towers can be joined, so it must be false")
    if config.fold_in and not config.fold_in.after < config.epochs:
        raise UsageError(f"fold_in.after={config.fold_in.after}: must be less than epochs={config.epochs}")
    for key, asked in (("optimizer.plateau", config.optimizer.plateau), ("criterion", config.criterion)):
        if config.fold_in and asked is not None:
            raise UsageError(f"{key}: with fold_in the lengths are fixed and the pictures change, so it must be null")
    if model.rescaled and cifar:
        raise UsageError(f"model.rescaled: of {model.network} its file says the spreads, so it must be false; {remedy}")
