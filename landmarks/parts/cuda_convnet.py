"""Krizhevsky's networks as tables of layers: the one of 2012, and those for CIFAR-10 of his cuda-convnet.

The files `layers-*.cfg` and `layer-params-*.cfg` of cuda-convnet (2011 and 2012) give each layer its own initial spread
and decay; pools round up there, 32 → 16 → 8 → 4, so that the last window may hang over the edge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.errors import UsageError
from landmarks.milestone import Layer
from landmarks.parts import draws
from landmarks.parts.unshared import LocallyConnected

Activation = Literal["relu", "tanh", "logistic"]
Maker = Callable[[], nn.Module]
ACTIVATIONS: Mapping[Activation, Maker] = {
    "relu": lambda: nn.ReLU(inplace=True),
    "tanh": nn.Tanh,
    "logistic": nn.Sigmoid,
}


@dataclass(frozen=True)
class Weights:
    """A layer with weights ~ N(0, std²) and constant biases. `kernel` 0: fully connected; `maps` 0: as many as classes.

    `groups` of its inputs see nothing of each other; not `shared`: kernels of its own at every place. `pad` None: half
    of the kernel. With `fan_in` std is that of units with so many inputs: with others it changes by the square root, so
    that a unit receives as much.
    """

    name: str
    maps: int
    kernel: int = 0
    stride: int = 1
    pad: int | None = None
    groups: int = 1
    shared: bool = True
    std: float = 0.01
    fan_in: int | None = None
    bias: float = 0.0
    decay: float = 0.0


Kind = Literal["act", "norm", "max", "avg", "drop"]
Table = Sequence[Weights | Kind]


def imagenet(std: float, bias: float, decay: float) -> tuple[Weights | Kind, ...]:
    """The eight layers of 2012, sections 3.5 and 5: biases of conv2, conv4, conv5 and the hidden full layers differ."""
    rule = Weights("", 0, std=std, decay=decay)
    biased = replace(rule, bias=bias)
    return (
        replace(rule, name="conv1", maps=96, kernel=11, stride=4, fan_in=363), "act", "norm", "max",
        replace(biased, name="conv2", maps=256, kernel=5, groups=2, fan_in=1200), "act", "norm", "max",
        replace(rule, name="conv3", maps=384, kernel=3, fan_in=2304), "act",
        replace(biased, name="conv4", maps=384, kernel=3, groups=2, fan_in=1728), "act",
        replace(biased, name="conv5", maps=256, kernel=3, groups=2, fan_in=1728), "act", "max",
        replace(biased, name="fc6", maps=4096, fan_in=9216), "act", "drop",
        replace(biased, name="fc7", maps=4096, fan_in=4096), "act", "drop",
        replace(rule, name="fc8", maps=0, fan_in=4096),
    )  # fmt: skip


def _local(maps: int, decay: float) -> tuple[Weights | Kind, ...]:
    """The nets of 13 and 11 % differ in normalisation, in the maps of local3 and in the decay of the last layer."""
    return (
        Weights("conv1", 64, 5, std=1e-4), "act", "max", "norm",
        Weights("conv2", 64, 5), "act", "norm", "max",
        Weights("local3", maps, 3, shared=False, std=0.04, decay=0.004), "act",
        Weights("local4", 32, 3, shared=False, std=0.04, decay=0.004), "act",
        Weights("fc", 0, decay=decay),
    )  # fmt: skip


CIFAR: Mapping[str, tuple[Weights | Kind, ...]] = {
    "cifar26": (
        Weights("conv1", 32, 5, std=1e-4, decay=0.004), "max", "act",
        Weights("conv2", 32, 5, decay=0.004), "act", "avg",
        Weights("conv3", 64, 5, decay=0.004), "act", "avg",
        Weights("fc64", 64, std=0.1, decay=0.03), "act",
        Weights("fc", 0, std=0.1, decay=0.03),
    ),
    "cifar18": (
        Weights("conv1", 32, 5, std=1e-4, decay=0.004), "max", "act", "norm",
        Weights("conv2", 32, 5, decay=0.004), "act", "avg", "norm",
        Weights("conv3", 64, 5, decay=0.004), "act", "avg",
        Weights("fc", 0, decay=1.0),
    ),
    "cifar13": _local(32, 0.004),
    "cifar11": _local(64, 0.01),
}  # fmt: skip
"""By the error that their author reports on CIFAR-10, in percent."""


class Dropout(nn.Module):
    """Each unit silent with probability p while learning; all of them times 1 − p in a test (2012, section 4.2)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        return x * (draws.rand_like(x) >= self.p) if self.training else x * (1 - self.p)


class Stack(nn.Sequential):
    """The layers of a table, in order, for pictures (B, 3, side, side); `rules` are its rows with weights, by name.

    `makers` make what has no weights, of which a layer is named for the one that it follows: act1, norm1, pool1. What
    has no maker is left out. Raises UsageError for a side too small for a layer.
    """

    def __init__(self, table: Table, side: int, classes: int, makers: Mapping[Kind, Maker | None]) -> None:
        super().__init__()
        self.rules: dict[str, Weights] = {}
        self.side = side
        channels, number, flat = 3, "", False
        for row in table:
            if isinstance(row, Weights):
                if not row.kernel and not flat:
                    self.add_module("flat", nn.Flatten())
                    channels, side, flat = channels * side * side, 1, True
                layer = _layer(row, channels, row.maps or classes, side)
                channels, number = row.maps or classes, "".join(filter(str.isdigit, row.name))
                self.rules[row.name] = row
                self.add_module(row.name, layer)
            elif (make := makers[row]) is not None:
                layer = make()
                self.add_module(f"{'pool' if row in ('max', 'avg') else row}{number}", layer)
            else:
                continue
            side = _after(layer, side)
            if side < 1:
                last = [*self._modules][-1]
                raise UsageError(f"model.input={self.side}: too small, {last} has no place in it; give a larger one")

    @torch.no_grad()
    def initialise(self, draw: np.random.Generator) -> None:
        """Weights ~ N(0, std²), layer by layer, biases constant."""
        for name, rule in self.rules.items():
            weight, bias = self.get_parameter(f"{name}.weight"), self.get_parameter(f"{name}.bias")
            std = rule.std * (rule.fan_in / weight[0].numel()) ** 0.5 if rule.fan_in else rule.std
            weight.copy_(torch.from_numpy(std * draw.standard_normal(tuple(weight.shape), dtype=np.float32)))
            bias.fill_(rule.bias)

    def groups(self, bias_times: float) -> Iterable[dict[str, object]]:
        """What `Momentum` takes: weights by their decay; biases, which never decay, at so many times the rate."""
        for decay in dict.fromkeys(rule.decay for rule in self.rules.values()):
            names = [name for name, rule in self.rules.items() if rule.decay == decay]
            yield {"params": [self.get_parameter(f"{name}.weight") for name in names], "decay": decay}
        yield {"params": [self.get_parameter(f"{name}.bias") for name in self.rules], "times": bias_times}

    def rows(self) -> list[Layer]:
        """The layer table: what each layer makes of a picture."""
        x, rows = torch.zeros(1, 3, self.side, self.side, device=next(self.parameters()).device), []
        with torch.no_grad():
            for name, layer in self.named_children():
                x = layer(x)
                if name.startswith("act") or name == "flat":
                    continue
                own = sum(p.numel() for p in layer.parameters())
                weights = self.get_parameter(f"{name}.weight") if name in self.rules else None
                places = x.shape[2] * x.shape[3] if isinstance(layer, nn.Conv2d) else 1
                shape = f"{x.shape[1]}@{x.shape[2]}×{x.shape[3]}" if x.ndim == 4 else f"{x.shape[1]}"
                rows.append(Layer(name, shape, own, multiply_adds=0 if weights is None else weights.numel() * places))
        return rows


def _layer(row: Weights, channels: int, maps: int, side: int) -> nn.Module:
    if not row.kernel:
        return nn.Linear(channels, maps)
    if not row.shared:
        return LocallyConnected(channels, maps, row.kernel, side)
    pad = row.kernel // 2 if row.pad is None else row.pad
    return nn.Conv2d(channels, maps, row.kernel, row.stride, pad, groups=row.groups)


def _after(layer: nn.Module, side: int) -> int:
    """The side of the maps behind a layer."""
    if isinstance(layer, nn.Conv2d):
        return (side + 2 * int(layer.padding[0]) - layer.kernel_size[0]) // layer.stride[0] + 1
    if isinstance(layer, (nn.MaxPool2d, nn.AvgPool2d)):
        room, step = side - int(layer.kernel_size), int(layer.stride)  # type: ignore[arg-type]
        return (-(-room // step) if layer.ceil_mode else room // step) + 1
    return side
