"""Distorted versions of digits beside each one that is learned from (LeCun et al. 1998, III.B).

Planar affine: moved to the side and up or down, made larger or smaller, squeezed (one axis compressed, the other
stretched by as much), sheared to the side. The paper does not say how far; `Distortion` does, and all is uniform in it.
A set of N pictures and their K versions is met as the paper's 600,000 are: a pass shows each picture once, as itself or
as one of its versions, and K + 1 passes show all of them. So 20 passes stay 20 passes of N patterns.

The set is the same for every seed, as the pictures are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from landmarks.data.pictures import SIDE, background
from landmarks.milestone import Split
from landmarks.randomness import stream
from landmarks.settings import Distortion

SEED = 5_400_001
"""Of the distortions alone."""
CHUNK = 2000
"""Pictures made at once, so that doubles take little room."""


def fresh(train: Split, count: int, ranges: Distortion) -> Callable[[int], Split]:
    """The patterns of an epoch of training, a pure function of it: x (N, 28, 28) of which each may be distorted."""
    means = affine(len(train.x), count, ranges)

    @lru_cache(maxsize=1)
    def patterns(epoch: int) -> Split:
        which = versions(len(train.x), count, epoch)
        x = train.x.clone()
        for part in torch.split((which > 0).nonzero()[:, 0], CHUNK):
            x[part] = distorted(x[part], means[part, which[part] - 1])
        return Split(x, train.y)

    return patterns


def versions(pictures: int, count: int, epoch: int) -> Tensor:
    """As which version each picture is met in an epoch, (N,): 0 is the picture itself. All come in count + 1 epochs."""
    around, place = divmod(epoch, count + 1)
    orders = np.tile(np.arange(count + 1), (pictures, 1))
    return torch.from_numpy(stream(SEED, 1, "patterns", around).permuted(orders, axis=1)[:, place])


def affine(pictures: int, count: int, ranges: Distortion) -> Tensor:
    """For every version of every picture where each of its points was, (N, K, 2, 3), in halves of the picture's side.

    Forwards a point (x, y) goes to (size·q·x + shear·y, y·size/q) and then by the shift.
    """
    drawn = stream(SEED, 0, "patterns").uniform(-1, 1, (pictures, count, 5))
    right, down, size, squeeze, shear = torch.from_numpy(drawn).unbind(2)
    half = SIDE / 2
    right, down, shear = right * ranges.shift / half, down * ranges.shift / half, shear * ranges.shear
    size, squeeze = 1 + size * ranges.scale, 1 + squeeze * ranges.squeeze
    wide, high, none = 1 / (size * squeeze), squeeze / size, torch.zeros_like(size)
    across = -wide * shear * high
    rows = torch.stack([wide, across, -wide * right - across * down, none, high, -high * down], 2)
    return rows.view(pictures, count, 2, 3)


def distorted(x: Tensor, means: Tensor) -> Tensor:
    """Pictures (B, 28, 28) uint8 by where their points were, (B, 2, 3); linear between pixels, around as the border is.

    In doubles, so that rounding to bytes comes out the same everywhere.
    """
    ground = background(x).double()
    grid = F.affine_grid(means, [len(x), 1, SIDE, SIDE], align_corners=False)
    moved = F.grid_sample((x - ground)[:, None], grid, align_corners=False)[:, 0]
    return (moved + ground).round().clamp(0, 255).to(torch.uint8)
