"""Batch normalisation over the rows of all processes."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from landmarks import ranks

OVER = (0, 2, 3)
"""Rows and places, over which a channel is normalised."""


class _Normalised(torch.autograd.Function):
    """y = w c / s + b, with c = x − mean and s² = variance + ε over the batch of all processes; beside it these two.

    ∂E/∂x = (w / s) (g − E g − c E[g c] / s²) for g = ∂E/∂y and means E over the batch, by the loss of all together.
    """

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        assert ranks.rows is not None
        own = ranks.rows.patterns * x.shape[2] * x.shape[3]
        mean = x.mean(OVER, dtype=torch.float32)
        spread = (x - mean[:, None, None]).square_().mean(OVER).double()
        sums = own * mean.double(), own * (spread + mean.double().square())  # so that E x² − (E x)² loses nothing
        total = ranks.summed(torch.cat((*sums, spread.new_tensor([own]))))
        count = total[-1]
        first, second = (total[:-1] / count).chunk(2)
        mean, variance = first.float(), (second - first.square()).float()
        context.save_for_backward(x, weight, mean, (variance + eps).rsqrt(), count.float())
        context.own = own
        context.set_materialize_grads(False)
        y = F.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps)
        unbiased = variance * (count / (count - 1)).float()
        context.mark_non_differentiable(mean, unbiased)
        return y, mean, unbiased

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, inverse, count = context.saved_tensors
        g, centred = gradients[0].float(), x - mean[:, None, None]
        own = torch.stack((g.sum(OVER), (g * centred).sum(OVER)))
        all_g, all_gc = ranks.summed(own.clone()) / count
        scale = weight * inverse
        if context.own:
            centred.mul_((-scale * inverse.square() * all_gc)[:, None, None]).sub_((scale * all_g)[:, None, None])
        else:
            centred.zero_()  # no row that counts: mean and variance do not depend on it
        found = centred.addcmul_(g, scale[:, None, None])
        return found.to(x.dtype), own[1] * inverse, own[0], None


class BatchNorm2d(nn.BatchNorm2d):
    """x (B, C, H, W), while it is learned from, by mean and variance over the batch that the processes share.

    Not torch's SyncBatchNorm, which knows no CPU, and for which every row counts.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or ranks.rows is None:
            return super().forward(x)
        y, mean, variance = _Normalised.apply(x, self.weight, self.bias, self.eps)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            moving: Any = self
            moving.num_batches_tracked.add_(1)
            moving.running_mean.lerp_(mean, self.momentum)
            moving.running_var.lerp_(variance, self.momentum)
        normalised: Tensor = y
        return normalised


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """torch's own layer, unless processes share the batches; the names of parameters and buffers are the same."""
    return BatchNorm2d(channels) if ranks.world > 1 else nn.BatchNorm2d(channels)
