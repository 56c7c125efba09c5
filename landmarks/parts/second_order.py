"""Layers that carry second derivatives backwards, and the learning rule that lives on them (LeCun et al. 1998).

Appendix C of the paper: back-propagation of the diagonal of the Gauss–Newton matrix (eqs. 18–27), and the stochastic
diagonal Levenberg–Marquardt rule, which gives each weight a rate of its own.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks.milestone import Layer

A, S = 1.7159, 2 / 3
"""Of the squashing function, eq. 6: f(±1) = ±1, and f bends most there (Appendix A)."""


class Squashing(NamedTuple):
    """f, and its derivative f'(a) as a function of x = f(a)."""

    f: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


def squashing(a: float = A, s: float = S) -> Squashing:
    """f(a) = A·tanh(S·a), eq. 6."""
    return Squashing(lambda x: a * torch.tanh(s * x), lambda x: s * (a - x.square() / a))


LINEAR = Squashing(lambda a: a, torch.ones_like)
RELU = Squashing(torch.relu, lambda x: (x > 0).to(x.dtype))


class Units(nn.Module, ABC):
    """Units that share weights: a = Σ u·x + bias, then f(a).

    `owner` (rows of the weight,): the unit, or map of units, that each row belongs to; `fan_in` (units,): inputs of
    one unit without its bias.
    """

    def __init__(self, shape: Sequence[int], owner: Iterable[int], each: int, squash: Squashing) -> None:
        super().__init__()
        self.owner = np.array([*owner])
        self.fan_in = np.bincount(self.owner) * each
        self.weight = nn.Parameter(torch.empty(*shape))
        self.bias = nn.Parameter(torch.empty(len(self.fan_in)))
        self.squash = squash

    def inputs(self, x: Tensor) -> Tensor:
        """What the weights multiply: x itself, or sums of it."""
        return x

    @abstractmethod
    def sum(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """The weighted sums a of `inputs(…)`, linear in them and in (`weight`, `bias`)."""

    def forward(self, x: Tensor) -> Tensor:
        return self.squash.f(self.sum(self.inputs(x), self.weight, self.bias))

    def second(self, x: Tensor, out: Tensor, h: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """∂²E/∂out² → ∂²E/∂x² and those of weight and bias, in the Gauss–Newton approximation (eqs. 18–27).

        Along a connection, ∂²E/∂u² = ∂²E/∂a² · x² and ∂²E/∂x² = Σ u² · ∂²E/∂a²: what backpropagation does, with
        squares; a shared weight takes the sum over its connections.
        """
        h = h * self.squash.derivative(out).square()
        with torch.enable_grad():
            own = [p.detach().requires_grad_() for p in (self.weight, self.bias)]
            of_weights = torch.autograd.grad(self.sum(self.inputs(x).square(), own[0], own[1]), own, h)
            x = x.detach().requires_grad_()
            a = self.sum(self.inputs(x), self.weight.detach().square(), self.bias.detach())
            (below,) = torch.autograd.grad(a, x, h)
        return below, of_weights


class Convolution(Units):
    """5 × 5 kernels, one for each pair (map out, map in) of `links`: (B, I, n, n) → (B, O, n − 4, n − 4)."""

    def __init__(self, links: Sequence[tuple[int, int]], squash: Squashing) -> None:
        super().__init__((len(links), 5, 5), (out for out, _ in links), 25, squash)
        self.maps = len(self.fan_in), 1 + max(source for _, source in links)
        self.links: Tensor
        self.register_buffer("links", torch.tensor([o * self.maps[1] + i for o, i in links]), persistent=False)

    def sum(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if len(weight) < self.maps[0] * self.maps[1]:
            weight = weight.new_zeros(self.maps[0] * self.maps[1], 5, 5).index_copy(0, self.links, weight)
        return F.conv2d(x, weight.view(*self.maps, 5, 5), bias)


class Subsampling(Units):
    """The sum of 2 × 2 neighbours times a map's coefficient: (B, maps, n, n) → (B, maps, n/2, n/2)."""

    def __init__(self, maps: int, squash: Squashing) -> None:
        super().__init__((maps,), range(maps), 4, squash)

    def inputs(self, x: Tensor) -> Tensor:
        return 4 * F.avg_pool2d(x, 2)

    def sum(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return x * weight[:, None, None] + bias[:, None, None]


class Full(Units):
    """Every unit takes in everything below: (B, …) → (B, units)."""

    def __init__(self, inputs: int, units: int, squash: Squashing) -> None:
        super().__init__((units, inputs), range(units), inputs, squash)

    def sum(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.linear(x.flatten(1), weight, bias)


class Pool(nn.Module):
    """The pooling of later networks, without weights or squashing: (B, maps, n, n) → (B, maps, n/2, n/2)."""

    def __init__(self, kind: Literal["average", "max"]) -> None:
        super().__init__()
        self.pool: Callable[[Tensor, int], Tensor] = F.avg_pool2d if kind == "average" else F.max_pool2d
        self.weight = 0.25 if kind == "average" else 1.0

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x, 2)

    def second(self, x: Tensor, out: Tensor, h: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            (below,) = torch.autograd.grad(self.pool(x, 2), x, h)
        return self.weight * below, ()


class Network(nn.ModuleDict):
    """Layers by name, from the input up."""

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.values():
            x = layer(x)
        return x

    def rows(self, x: Tensor) -> list[Layer]:
        """A line of the layer table for each layer, by what it makes of one pattern x (1, …)."""
        found = []
        for name, layer in self.items():
            x = layer(x)
            found.append(_row(name, layer, x[0]))
        return found

    def curvature(self, x: Tensor, start: Callable[[Tensor], Tensor]) -> list[Tensor]:
        """h of every parameter, in their order: the mean over the batch x of the second derivatives.

        `start` gives ∂²E/∂x² of the outputs, (B, n) → (B, n).
        """
        values = [x]
        for layer in self.values():
            values.append(layer(values[-1]))
        h = start(values[-1]) / len(x)
        found: list[Tensor] = []
        for layer, below, out in reversed([*zip(self.values(), values, values[1:], strict=False)]):
            h, own = layer.second(below, out, h)  # type: ignore[operator]
            found = [*own, *found]
        return found


def _row(name: str, layer: nn.Module, out: Tensor) -> Layer:
    """Of out (maps, n, n) or (units,). A connection is a weight or bias times the units that share it; a multiply-add
    is a weight times a value, at each place."""
    size = out.shape[-1]
    places = size * size if out.ndim == 3 else 1
    own = sum(p.numel() for p in layer.parameters())
    inputs = 5 * len(out) if isinstance(layer, Subsampling) else 4 * len(out) if isinstance(layer, Pool) else own
    products = layer.weight.numel() * places if isinstance(layer, Units) else 0
    shape = f"{len(out)}@{size}×{size}" if out.ndim == 3 else f"{len(out)}"
    return Layer(name, shape, own, inputs * places, products)


@dataclass(frozen=True, kw_only=True)
class Start:
    """How weights begin, as far as the paper leaves it open."""

    init: Literal["fan_in", "sqrt_fan_in", "lecun_library"]
    biases: Literal["random", "zero"]
    bias_in_fan_in: bool
    subsampling: float | None


def initialise(network: Network, start: Start, generator: np.random.Generator) -> None:
    """Uniform in ± a bound by fan-in F (Appendix A), layer by layer: weights, then biases.

    What is then replaced by a constant is drawn all the same, so that a switch changes nothing else.
    """
    for units in network.values():
        if not isinstance(units, Units):
            continue
        fan_in = units.fan_in + float(start.bias_in_fan_in)
        bound = {"fan_in": 2.4 / fan_in, "sqrt_fan_in": 2.4 / fan_in**0.5, "lecun_library": 1 / fan_in**0.5}[start.init]
        weight = generator.uniform(-1, 1, units.weight.shape)
        weight *= bound[units.owner].reshape(-1, *[1] * (weight.ndim - 1))
        bias = bound * generator.uniform(-1, 1, units.bias.shape)
        fixed = isinstance(units, Subsampling) and start.subsampling is not None
        if fixed:
            weight[:] = start.subsampling
        if fixed or start.biases == "zero":
            bias[:] = 0
        with torch.no_grad():
            units.weight.copy_(torch.from_numpy(weight))
            units.bias.copy_(torch.from_numpy(bias))


class SDLM:
    """Stochastic diagonal Levenberg–Marquardt: w ← w − η/(μ + h) · ∂E/∂w, h ≥ 0 estimated now and then (Appendix C).

    The parameters become views of one tensor, `weights`, so that a step on all of them is one operation.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], mu: float) -> None:
        self.parameters, self.mu = [*parameters], mu
        self.weights = torch.cat([p.detach().flatten() for p in self.parameters])
        for p, view in zip(self.parameters, self.views(self.weights), strict=True):
            p.data = view
        self.h = torch.zeros_like(self.weights)
        self.inverse = torch.full_like(self.weights, 1 / mu)
        self.gradient = torch.zeros_like(self.weights)
        self.rate = self.weights.new_zeros(())
        self.param_groups: list[dict[str, Any]] = [{"params": self.parameters, "lr": self.rate}]

    def views(self, flat: Tensor) -> list[Tensor]:
        """A flat tensor in the parameters' shapes."""
        parts = torch.split(flat, [p.numel() for p in self.parameters])
        return [part.view(p.shape) for part, p in zip(parts, self.parameters, strict=True)]

    def estimate(self, h: Sequence[Tensor]) -> None:
        """Take over a new h of each parameter."""
        self.h.copy_(torch.cat([part.flatten() for part in h]))
        self.inverse.copy_(1 / (self.mu + self.h))

    @torch.no_grad()
    def step(self) -> None:
        self.gradient.copy_(torch.cat([p.grad.flatten() for p in self.parameters if p.grad is not None]))
        self.gradient.mul_(self.rate)
        self.move()

    def move(self) -> None:
        """w ← w − `gradient`/(μ + h), where `gradient` is already times the rate."""
        self.weights.addcmul_(self.gradient, self.inverse, value=-1)

    def state_dict(self) -> dict[str, Any]:
        return {"h": self.h}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.estimate([state["h"]])
