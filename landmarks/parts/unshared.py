"""Locally connected layers: convolution whose kernels differ from place to place (Krizhevsky's cuda-convnet)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LocallyConnected(nn.Module):
    """(B, C, side, side) → (B, maps, side, side), with kernel and bias of its own at every place, zeros around.

    weight (side², C·kernel², maps), bias (maps, side, side).
    """

    def __init__(self, channels: int, maps: int, kernel: int, side: int) -> None:
        super().__init__()
        self.kernel = kernel
        self.weight = nn.Parameter(torch.empty(side * side, channels * kernel**2, maps))
        self.bias = nn.Parameter(torch.empty(maps, side, side))

    def forward(self, x: Tensor) -> Tensor:
        seen = F.unfold(x, self.kernel, padding=self.kernel // 2).permute(2, 0, 1)  # (places, B, C·kernel²)
        found = torch.bmm(seen, self.weight).permute(1, 2, 0)  # a product of matrices for each place
        return found.reshape(len(x), *self.bias.shape) + self.bias
