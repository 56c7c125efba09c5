"""What a denoising autoencoder does to its input, and what it is asked for (Vincent et al. 2010, sections 3 and 4)."""

from __future__ import annotations

from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from landmarks.parts import draws

Corruption = Literal["masking", "salt_and_pepper", "gaussian"]


def corrupted(x: Tensor, name: Corruption, level: float) -> tuple[Tensor, Tensor]:
    """Patterns x (B, d) after one draw of noise, and which components (B, d) it has touched.

    `masking` sets round(level · d) components of each pattern to 0; `salt_and_pepper` sets as many to 0 or 1 by a fair
    coin; `gaussian` adds N(0, level²) to all. At level 0 nothing is drawn.
    """
    touched = torch.zeros_like(x, dtype=torch.bool)
    if not level:
        return x, touched
    if name == "gaussian":
        return x + level * draws.randn_like(x), ~touched
    # An exact number in every row, without a loop: the places of the largest of as many random keys.
    places = draws.rand_like(x).topk(round(level * x.shape[1]), dim=1, sorted=False).indices
    touched.scatter_(1, places, True)
    if name == "masking":
        return x.masked_fill(touched, 0), touched
    coin = draws.rand_like(x).round()
    return torch.where(touched, coin, x), touched


def losses(outputs: Tensor, x: Tensor, weights: Tensor | None, linear: bool) -> Tensor:
    """What rebuilding x (B, d) costs, summed over its components: (B,). `weights` (B, d) count them, None: all alike.

    Cross-entropy −Σ x log z + (1 − x) log(1 − z) of z = s(outputs), x in [0, 1]; or Σ (outputs − x)² where the decoder
    is `linear`.
    """
    each = (outputs - x).square() if linear else F.binary_cross_entropy_with_logits(outputs, x, reduction="none")
    return (each if weights is None else weights * each).sum(1)


class _Tied(torch.autograd.Function):
    """Forward as written below. Backward both uses of W are one product: [δ; y]ᵀ [x; e] with e = ∂E/∂outputs, and
    δ = e Wᵀ · y (1 − y) for the net inputs of the code."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, visible: Tensor) -> Tensor:
        context.given = weight.dtype
        if torch.is_autocast_enabled(x.device.type):
            half = torch.get_autocast_dtype(x.device.type)
            x, weight, bias, visible = x.to(half), weight.to(half), bias.to(half), visible.to(half)
        y = torch.addmm(bias, x, weight.T).sigmoid_()
        context.save_for_backward(x, y, weight)
        return torch.addmm(visible, y, weight)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, y, weight = context.saved_tensors
        error = gradients[0]
        delta = torch.ops.aten.sigmoid_backward(error @ weight.T, y)
        both = torch.cat((delta, y)).T @ torch.cat((x, error))
        return None, *(g.to(context.given) for g in (both, delta.sum(0), error.sum(0)))


def tied(x: Tensor, weight: Tensor, bias: Tensor, visible: Tensor) -> Tensor:
    """What an autoencoder with one W makes of x (B, d): W y + b′ of y = s(W x + b), before the squashing, (B, d).

    weight (units, d), bias (units,), visible (d,). x itself is given: nothing is learned below it.
    """
    outputs: Tensor = _Tied.apply(x, weight, bias, visible)  # type: ignore[no-untyped-call]
    return outputs
