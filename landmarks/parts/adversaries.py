"""The two nets of Goodfellow et al. 2014: what draws, and what tells its drawings from the data."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from landmarks.data.pictures import SIDE
from landmarks.parts import draws
from landmarks.settings import POSITIVE, SHARE, SOME

PLANE, PIXELS = 2, SIDE * SIDE
"""Numbers of a pattern: a point, or a picture."""


@dataclass(frozen=True, kw_only=True)
class GeneratorSettings:
    noise: Annotated[int, POSITIVE]
    prior: Literal["uniform", "gaussian"]
    spread: Annotated[float, POSITIVE]
    hidden: Annotated[tuple[Annotated[int, POSITIVE], ...], SOME]
    init: Annotated[float, POSITIVE] | None
    marginals: bool


@dataclass(frozen=True, kw_only=True)
class DiscriminatorSettings:
    hidden: Annotated[tuple[Annotated[int, POSITIVE], ...], SOME]
    pieces: Annotated[int, POSITIVE] | None
    drop_input: Annotated[float, SHARE]
    drop_hidden: Annotated[float, SHARE]
    init: Annotated[float, POSITIVE] | None


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    generator: GeneratorSettings
    discriminator: DiscriminatorSettings


class Generator(nn.Module):
    """z (B, 100) → ReLU 1200 → ReLU 1200 → sigmoid 784 (points: linear 2). Noise at the bottom alone, no dropout."""

    prefix = "generator."

    def __init__(self, settings: GeneratorSettings, outputs: int) -> None:
        super().__init__()
        self.settings, self.points = settings, outputs == PLANE
        self.layers = linear((settings.noise, *settings.hidden), (*settings.hidden, outputs))

    def forward(self, z: Tensor) -> Tensor:
        for layer in self.layers[:-1]:
            z = layer(z).relu_()
        x: Tensor = self.layers[-1](z)
        return x if self.points else x.sigmoid()

    def noise(self, count: int, generator: torch.Generator | None = None) -> Tensor:
        """z of `spread` as standard deviation in every coordinate, (count, noise): uniform is on ±√3 times that."""
        size, device = (count, self.settings.noise), self.layers[0].weight.device
        if self.settings.prior == "gaussian":
            return draws.randn(*size, generator=generator, device=device).mul_(self.settings.spread)
        unit = draws.rand(*size, generator=generator, device=device)
        return unit.mul_(2).sub_(1).mul_(math.sqrt(3) * self.settings.spread)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Pictures (count, 28, 28) in [0, 1], or points (count, 2)."""
        x: Tensor = self(self.noise(count, generator))
        return x if self.points else x.view(-1, SIDE, SIDE)

    @torch.no_grad()
    def start_from_marginals(self, x: Tensor) -> None:
        """Output biases b with sigmoid(b) = the mean of each pixel over x (N, 784)."""
        self.layers[-1].bias.copy_(x.mean(0).clamp(1e-7, 1 - 1e-7).logit())


class Discriminator(nn.Module):
    """x (B, 784) → maxout 240 × 5 → maxout 240 × 5 → logit, inverted dropout before each; or ReLU for pieces=null.

    A maxout unit is the largest of `pieces` linear ones (Goodfellow et al. 2013).
    """

    def __init__(self, settings: DiscriminatorSettings, inputs: int) -> None:
        super().__init__()
        self.settings = settings
        ends = (*(size * (settings.pieces or 1) for size in settings.hidden), 1)
        self.layers = linear((inputs, *settings.hidden), ends)

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            drop = self.settings.drop_hidden if i else self.settings.drop_input
            x = layer(draws.dropout(x, drop) if drop and self.training else x)
            if i == len(self.layers) - 1:
                break
            pieces = self.settings.pieces
            x = x.view(len(x), -1, pieces).max(2)[0] if pieces else x.relu_()
        return x[:, 0]


def linear(starts: Sequence[int], ends: Sequence[int]) -> Sequence[nn.Linear]:
    """A module of layers whose weights are still to be drawn."""
    made = [torch.nn.utils.skip_init(nn.Linear, *ends) for ends in zip(starts, ends, strict=True)]  # type: ignore[no-untyped-call]
    return cast("Sequence[nn.Linear]", nn.ModuleList(made))


@torch.no_grad()
def initialise(layers: Iterable[nn.Linear], bound: float | None, generator: np.random.Generator) -> None:
    """Weights uniform in ±bound (`irange` of the authors' code), or He's normal ones where it is null; biases 0."""
    for layer in layers:
        drawn = generator.uniform(-1, 1, layer.weight.shape) if bound else generator.normal(size=layer.weight.shape)
        layer.weight.copy_(torch.from_numpy(drawn * (bound or math.sqrt(2 / layer.in_features))))
        layer.bias.zero_()
