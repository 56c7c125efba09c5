"""Local response normalisation, b = a / (k + α Σ a²)^β, the sum over maps or over places around each unit.

Krizhevsky, Sutskever, Hinton 2012, section 3.3, and the authors' cuda-convnet. With the backward pass written out and
sums of shifted slices it takes an eighth of the time of `F.local_response_norm`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Window = Callable[[Tensor], Tensor]
"""Sums over the neighbourhood of each unit; symmetric: who is in whose neighbourhood is in it, too."""


class _Normalise(torch.autograd.Function):
    """∂b_i/∂a_j = s_i^−β [i = j] − 2αβ a_i a_j s_i^(−β−1) where j is in the window of i, with s = k + α Σ a².

    In single precision at least, some pictures at a time: a dozen passes over what a cache holds, not over all memory.
    """

    @staticmethod
    def forward(context: Any, a: Tensor, window: Window, k: float, alpha: float, beta: float) -> Tensor:
        context.save_for_backward(a)
        context.window, context.constants = window, (k, alpha, beta)
        b = torch.empty_like(a)
        for found, some in _parts(b, a):
            units = _single(some)
            found.copy_(_power(_sums(units, window, k, alpha), beta).mul_(units))
        return b

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (a,), window, (k, alpha, beta) = context.saved_tensors, context.window, context.constants
        errors = torch.empty_like(a)
        for found, some, error in _parts(errors, a, gradients[0]):
            units = _single(some)
            s = _sums(units, window, k, alpha)
            passed = _power(s, beta).mul_(error)
            around = window((passed * units).div_(s))
            found.copy_(passed.sub_(around.mul_(units).mul_(2 * alpha * beta)))
        return errors, None, None, None, None


IN_CACHE = 2**20
"""So many numbers are normalised at once on a CPU."""


def _parts(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """The tensors some pictures at a time; elsewhere than on a CPU all at once."""
    first = tensors[0]
    size = max(1, IN_CACHE // first[0].numel()) if first.device.type == "cpu" else len(first)
    return zip(*(torch.split(tensor, size) for tensor in tensors), strict=True)


def _single(a: Tensor) -> Tensor:
    """What has half of it in single precision."""
    return a.to(torch.promote_types(a.dtype, torch.float32))


def _sums(a: Tensor, window: Window, k: float, alpha: float) -> Tensor:
    """s = k + α Σ a²."""
    return window(a * a).mul_(alpha).add_(k)


def _power(s: Tensor, beta: float) -> Tensor:
    """s^−β; for ¾ out of square roots, which are faster."""
    if beta != 0.75:
        return s.pow(-beta)
    root = s.rsqrt()
    return root.sqrt().mul_(root)


def normalised(a: Tensor, window: Window, k: float, alpha: float, beta: float) -> Tensor:
    """b for units a (B, …)."""
    found: Tensor = _Normalise.apply(a, window, k, alpha, beta)  # type: ignore[no-untyped-call]
    return found


class AcrossMaps(nn.Module):
    """The sum over `size` neighbouring maps at one place, of each of the `groups` of maps on its own; x (B, C, H, W).

    α is not divided by `size`: `nn.LocalResponseNorm` is this with α/size.
    """

    def __init__(self, size: int, alpha: float, beta: float, k: float, groups: int = 1) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.groups = size, alpha, beta, k, groups

    def window(self, x: Tensor) -> Tensor:
        total = x.clone()
        shape = (len(x), self.groups, -1, *x.shape[2:])
        apart, summed = x.view(shape), total.view(shape)
        for far in range(1, min(self.size // 2, apart.shape[2] - 1) + 1):
            summed[:, :, far:].add_(apart[:, :, :-far])
            summed[:, :, :-far].add_(apart[:, :, far:])
        return total

    def forward(self, x: Tensor) -> Tensor:
        return normalised(x, self.window, self.k, self.alpha, self.beta)


class WithinMap(nn.Module):
    """The sum over a square of `size` × `size` places of the same map; x (B, C, H, W). α is not divided."""

    def __init__(self, size: int, alpha: float, beta: float, k: float) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def window(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, self.size, 1, self.size // 2, divisor_override=1)

    def forward(self, x: Tensor) -> Tensor:
        return normalised(x, self.window, self.k, self.alpha, self.beta)
