"""Small pictures of what a network has learned, as plain tensors: what TensorBoard shows while a run goes on."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

GAP = 4
"""White pixels between two tiles."""
WIDTH = 320
"""Pixels that a sheet is enlarged to, about."""


def signed(weights: Tensor) -> Tensor:
    """Weights as tiles around grey, each on its own scale: (n, h, w) or (n, 3, h, w) in [0, 1], white is positive."""
    within = tuple(range(1, weights.ndim))
    return 0.5 + 0.5 * weights / weights.abs().amax(within, keepdim=True).clamp(min=1e-12)


def scattered(points: Tensor, side: int = 48, reach: float = 1.6) -> Tensor:
    """How dense points (n, 2) lie in the plane, as one tile (1, side, side): black where they are most, y upwards."""
    column, row = ((points.clamp(-reach, 0.999 * reach) + reach) * (side / (2 * reach))).long().unbind(1)
    counts = torch.bincount(row * side + column, minlength=side * side).view(1, side, side).flip(1)
    return 1 - counts / counts.max()


def sheet(tiles: Tensor) -> Tensor:
    """Tiles (n, h, w) or (n, 3, h, w) in [0, 1] side by side, rows filled from the left: (3, height, width) uint8.

    A dot of each tile becomes a square of whole pixels, so that small kernels can be seen; of a single long matrix a
    column, so that it is a quarter as high as wide.
    """
    tiles = tiles.detach().float().cpu()
    if tiles.ndim == 3:
        tiles = tiles[:, None].expand(-1, 3, -1, -1)
    n, _, height, width = tiles.shape
    columns = max(1, min(n, round(math.sqrt(n * 1.6 * height / width))))
    scale = max(1, WIDTH // (columns * width))
    rise = max(scale, scale * width // (4 * height)) if n == 1 else scale
    large = F.pad(tiles.repeat_interleave(rise, 2).repeat_interleave(scale, 3), (0, GAP, 0, GAP), value=1.0)
    rows = -(-n // columns)
    filled = torch.cat((large, torch.ones(rows * columns - n, *large.shape[1:])))
    grid = filled.view(rows, columns, *large.shape[1:]).permute(2, 0, 3, 1, 4).flatten(3).flatten(1, 2)
    return (255 * grid[:, :-GAP, :-GAP].clamp(0, 1)).round().byte()
