"""Residual networks: blocks that learn what is to be added to their input (2015).

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", arXiv:1512.03385, 2015; CVPR 2016,
770–778. Sections, tables and figures below are the paper's.

New: a plain net's *training* error rises with its depth, although nothing that a shallow net does is out of a deeper
one's reach; blocks that learn F(x) and put out F(x) + x let 110 layers, and 1,202, learn without difficulty.

Shapes: x (B, 3, 32, 32) uint8; a first convolution, then n blocks at each of 16 maps 32 × 32, 32 maps 16 × 16 and 64
maps 8 × 8, their means over all places, ten classes: 6n + 2 layers. Depths 20, 32, 44, 56, 110 and 1202 have 269,722,
464,154, 658,586, 853,018, 1,727,962 and 19,421,274 parameters, with or without shortcuts. The networks of Table 1, of
18 to 152 layers, see (B, 3, 224, 224).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from torch import Tensor, nn

from landmarks.cards.resnet import CARD, claim_of, concluded
from landmarks.errors import UsageError
from landmarks.milestone import Data, Decision, Layer, Phase
from landmarks.parts.classifiers import PictureClassifier, PictureConfig
from landmarks.parts.momentum import Momentum
from landmarks.parts.residual import BOTTLENECK, Form, Network, Shortcut, Zeros, blocks_of, initialise
from landmarks.parts.schedules import Plateau, Stage, check_stages, rate_at
from landmarks.parts.tiles import signed
from landmarks.randomness import stream
from landmarks.settings import FRACTION, NOT_NEGATIVE, POSITIVE, SHARE, SOME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from landmarks.claims import Claim

ESTIMATED = 10_000
"""Training pictures, at most, of which the statistics of the normalisations are estimated anew."""


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """`shortcut` null: the paper's at this depth, or none of a plain net. `input`: the side of what the network sees.

    `zeros`: where option A puts its channels of zeros. `stride_on`: the first 1×1 of a bottleneck, or its 3×3.
    `statistics`: by which mean and variance BN normalises when it is tested.
    """

    form: Literal["cifar", "imagenet"]
    depth: Annotated[int, POSITIVE]
    residual: bool
    shortcut: Shortcut | None
    zeros: Zeros
    widths: tuple[Annotated[int, POSITIVE], ...]
    stride_on: Literal["first", "second"]
    input: Annotated[int, POSITIVE]
    init: Literal["fan_in", "fan_out"]
    statistics: Literal["moving", "reestimated"]


@dataclass(frozen=True, kw_only=True)
class WarmUp:
    """Another rate until the training error, the mean since the last line of the log, is below a share."""

    rate: Annotated[float, POSITIVE]
    below: Annotated[float, FRACTION]


@dataclass(frozen=True, kw_only=True)
class OptimizerSettings:
    momentum: Annotated[float, SHARE]
    decay: Annotated[float, NOT_NEGATIVE]
    warmup: WarmUp | None
    plateau: Plateau | None


@dataclass(frozen=True, kw_only=True)
class ResNetConfig(PictureConfig):
    model: ModelSettings
    optimizer: OptimizerSettings
    schedule: Annotated[tuple[Stage, ...], SOME]


def form_of(model: ModelSettings, classes: int) -> Form:
    """The architecture of a configuration; its shortcuts are A on CIFAR and below 50 layers, B from there on (4.1)."""
    bottleneck = model.form == "imagenet" and model.depth >= BOTTLENECK
    usual: Shortcut = "B" if bottleneck else "A"
    return Form(
        blocks_of(model.form, model.depth),
        model.widths,
        classes,
        (model.shortcut or usual) if model.residual else None,
        bottleneck,
        3 if model.form == "cifar" else 7,
        model.stride_on == "first",
        model.zeros,
    )


class ResNet(PictureClassifier):
    """A residual network or its plain twin, by steepest descent with momentum. Shapes as said above.

    The rate is the schedule's times `factor`, which is less than 1 while warming up, and after each plateau. `memory`:
    of the plateau rule the lowest validation error, how many evaluations have passed since, how often the rate fell.
    """

    Config = ResNetConfig
    card = CARD
    compiled = ("network",)
    config: ResNetConfig
    network: Network

    def __init__(self, config: ResNetConfig) -> None:
        check(config)
        super().__init__(config)
        self.network = Network(form_of(config.model, self.known))
        initialise(self.network, config.model.init, stream(config.seed, config.first_replica, "weights"))
        if config.optimizer.warmup:
            self.factor = config.optimizer.warmup.rate / config.schedule[0].rate

    def phases(self) -> tuple[Phase, ...]:
        config = self.config
        group = {"params": [*self.network.parameters()], "decay": config.optimizer.decay}
        rates = {"main": lambda steps: rate_at(config.schedule, steps)}
        rule = Momentum([group], config.optimizer.momentum)
        return (Phase("training", {"main": rule}, rates, steps=config.steps, batch_size=config.batch_size),)

    def check_data(self, data: Data) -> None:
        if self.config.optimizer.plateau:
            self.config.optimizer.plateau.check(data)
        count, size = len(data.splits["train"].x), self.config.batch_size
        if count % size == 1 % size and self.network.last(self.config.model.input) == 1:
            raise UsageError(
                f"batch_size={size}: the last batch of {count:,} pictures is a single one, and its last maps have one"
                " place, which is too little for BN; give another batch_size"
            )

    def decide(self, metrics: Mapping[str, float]) -> Decision:
        """End the warm-up where the training error has fallen far enough; divide the rate on a plateau."""
        options = self.config.optimizer
        if options.warmup and metrics.get("train/error", 1.0) < options.warmup.below:
            self.factor = 1.0
        if options.plateau and "valid/error" in metrics and options.plateau.falls(self.memory, metrics["valid/error"]):
            self.factor /= options.plateau.by
        return Decision.CONTINUE

    def calibrate(self, data: Data) -> None:
        """Estimate what BN normalises by when it is tested: the averages over batches of training pictures.

        While learning, BN normalises by its batch alone, so that nothing later depends on it.
        """
        if self.config.model.statistics == "moving" or "train" not in data.splits:
            return
        train, size = data.splits["train"], self.config.batch_size
        drawn = stream(self.config.seed, self.config.first_replica, "evaluation").permutation(len(train.x))
        count = min(len(drawn), ESTIMATED)
        some = torch.from_numpy(drawn[: count - count % size or count]).to(train.y.device)
        layers = [module for module in self.network.modules() if isinstance(module, nn.BatchNorm2d)]
        for layer in layers:
            layer.reset_running_stats()
            layer.train()
            layer.momentum = None  # the mean over all batches instead of a moving one
        for part in torch.split(some, size):  # of files no more are read at once
            self.answers(self.augmented(train.x[part]))
        for layer in layers:
            layer.eval()
            layer.momentum = 0.1

    def layers(self) -> Sequence[Layer]:
        return self.network.rows(self.config.model.input)

    def images(self, data: Data) -> Iterable[tuple[str, Tensor]]:
        yield "conv1", signed(self.network.conv1.weight)

    def figures(self, data: Data) -> Iterable[tuple[str, Figure]]:
        from landmarks.figures import resnet as draw

        return draw.pictures(self, data)

    @property
    def claim(self) -> Claim | None:
        return claim_of(self.config)

    def conclude(self, metrics: Mapping[str, float]) -> str:
        return concluded(self.config, self.known, metrics)


def check(config: ResNetConfig) -> None:
    """Raise UsageError for what does not go together, and for keys without effect."""
    model, options = config.model, config.optimizer
    if config.steps is None or config.epochs is not None:
        raise UsageError("steps: resnet's length is in steps, so steps must be a number and epochs null")
    try:
        form = form_of(model, 1)
    except ValueError as error:
        raise UsageError(f"model.depth={model.depth}: of the {model.form} form it must be {error}") from error
    check_stages(config.schedule)
    if len(form.blocks) != len(model.widths):
        raise UsageError(f"model.widths: the {model.form} form has {len(form.blocks)} stages, so give as many widths")
    if not model.residual and model.shortcut is not None:
        raise UsageError(f"model.shortcut={model.shortcut}: a plain net has no shortcuts, so it must be null")
    if form.shortcut != "A" and model.zeros != "back":
        raise UsageError(f"model.zeros={model.zeros}: only shortcuts of option A have zeros; leave it at back")
    if form.shortcut == "A" and [*model.widths] != sorted(model.widths):
        raise UsageError("model.widths: shortcuts of option A add channels of zeros, so no stage may be narrower")
    if not form.bottleneck and model.stride_on != "first":
        raise UsageError(f"model.stride_on={model.stride_on}: only a bottleneck has a choice; leave it at first")
    if options.warmup and options.plateau:
        raise UsageError("optimizer.warmup, optimizer.plateau: both change the rate, so one of them must be null")
