"""The three versions of the digits that the paper of LeNet-5 learns from (LeCun et al. 1998, III.A).

`regular` is what MNIST's files hold: a digit that fits 20 × 20, its centre of mass in the middle of 28 × 28.
`16x16`: the digit made smaller by 16/20, each pixel the mean of what it covers, its centre of mass where it was; so it
fits 16 × 16, with the wide border that LeNet-1 wants.
`deslanted`: each line moved to the side until the principal axis stands upright, then cut down to 20 × 20.

All arithmetic up to the last rounding is exact or elementwise, so that the bytes are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

from landmarks.data.pictures import SIDE, background

if TYPE_CHECKING:
    from torch import Tensor

CROPPED = 20
"""The side of a deslanted picture, and of the box that MNIST's digits fit in."""
CHUNK = 2000
"""Pictures made at once, so that doubles take little room."""


def converted(x: Tensor, version: str) -> Tensor:
    """Regular pictures (N, 28, 28) uint8 in another version: (N, 28, 28) for 16x16, (N, 20, 20) for deslanted.

    What comes in from outside is as the border is.
    """
    if version == "regular":
        return x
    make = {"16x16": smaller, "deslanted": deslanted}[version]
    return torch.cat([_on_ground(part, make) for part in torch.split(x, CHUNK)])


def _on_ground(x: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
    """Pictures whose difference from their ground is remade, doubles in and out; the rest is ground."""
    ground = background(x).double()
    return (make(x.double() - ground) + ground).round().clamp(0, 255).to(torch.uint8)


def smaller(x: Tensor) -> Tensor:
    """Pictures (B, 28, 28) at 4/5 of their size about the middle.

    A new pixel covers 5 of the quarters into which old ones are cut: whole numbers of them, so no sum is rounded.
    """
    quarters = 5 * torch.arange(SIDE)[:, None] - SIDE // 2 + torch.arange(5)
    share = (quarters.div(4, rounding_mode="floor")[..., None] == torch.arange(SIDE)).sum(1).double()
    return share @ x @ share.T / 25


def deslanted(x: Tensor) -> Tensor:
    """Pictures (B, 28, 28) with upright principal axis, (B, 20, 20): the rows of the digit's box, the middle columns.

    By second moments about the centre of mass, μ_rc/μ_rr to the side for each row away from it: μ_rc is then 0. A pixel
    counts by its grey, as the part of it that is ink does. Between pixels in a row values are linear, so that what is
    moved keeps its mass.
    """
    ink, place = x.abs(), torch.arange(SIDE, dtype=torch.float64) - (SIDE - 1) / 2
    lines, firsts = ink.sum(2), ink @ place
    mass = lines.sum(1).clamp_min(1)
    row, column = lines @ place / mass, firsts.sum(1) / mass
    spread, mixed = lines @ place.square() / mass - row.square(), firsts @ place / mass - row * column
    slant = mixed / spread.clamp_min(1e-9)

    inked = (ink > 0).any(2).int()
    first, last = inked.argmax(1), SIDE - 1 - inked.flip(1).argmax(1)
    top = (first + last + 1 - CROPPED).div(2, rounding_mode="floor").clamp(0, SIDE - CROPPED)
    rows = top[:, None] + torch.arange(CROPPED)
    moved = slant[:, None] * (place[rows] - row[:, None])
    columns = moved[..., None] + torch.arange(CROPPED) + (SIDE - CROPPED) // 2
    whole = columns.clamp(-1, SIDE).floor()
    part, left = columns.clamp(-1, SIDE) - whole, whole.long() + 1
    wide = pad(x, (1, 2))[torch.arange(len(x))[:, None], rows]
    return (1 - part) * wide.gather(2, left) + part * wide.gather(2, left + 1)
