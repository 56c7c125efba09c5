"""Batch normalisation over the rows of all processes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from landmarks import ranks


class _Summed(torch.autograd.Function):
    """The sum over the processes. The loss of each depends on it, so that what they are to blame for is summed too."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        return ranks.summed(x.clone())

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return ranks.summed(gradients[0].clone())


class BatchNorm2d(nn.BatchNorm2d):
    """x (B, C, H, W), while it is learned from, by mean and variance over the batch that the processes share.

    Not torch's SyncBatchNorm, which knows no CPU, and for which every row counts.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or ranks.rows is None:
            return super().forward(x)
        size = ranks.rows.patterns * x.shape[2] * x.shape[3]
        variance, mean = torch.var_mean(x.float(), (0, 2, 3), correction=0)
        mean, variance = mean.double(), variance.double()  # so that E x² − (E x)² loses nothing
        parts = size * mean, size * (variance + mean.square()), mean.new_tensor([size])
        total: Tensor = _Summed.apply(torch.cat(parts))  # type: ignore[no-untyped-call]
        count = total[-1].detach()
        mean, square = (total[:-1] / count).chunk(2)
        variance = square - mean.square()
        self.follow(mean.detach().float(), (variance.detach() * (count / (count - 1))).float())
        scale = self.weight * (variance + self.eps).rsqrt().float()
        shift = self.bias - mean.float() * scale
        return torch.addcmul(shift[:, None, None], x.float(), scale[:, None, None]).to(x.dtype)

    @torch.no_grad()
    def follow(self, mean: Tensor, variance: Tensor) -> None:
        """Let the moving averages follow the batch, (C,) each."""
        moving: Any = self
        moving.num_batches_tracked.add_(1)
        moving.running_mean.lerp_(mean, self.momentum)
        moving.running_var.lerp_(variance, self.momentum)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """torch's own layer, unless processes share the batches; the names of parameters and buffers are the same."""
    return BatchNorm2d(channels) if ranks.world > 1 else nn.BatchNorm2d(channels)
